import { z } from "zod";

import type { SettingsContext } from "./context";
import { entryInteger, entryName, entryObject, entryText, field, labelProblem } from "./entries";
import type { Setting } from "./fields";
import { entryLabels, entryTaints, ownKeyProblem, taintForm } from "./labels";
import { listProblems } from "./list-problems";
import { type Report, setCommand, type SettingProblem } from "./problems";
import type { Settings } from "./schema";

/** What Kubernetes' control plane, on the first node, cannot do without: CPUs and MiB. */
const controlPlane = { cpus: 2, memory: 2048 } as const;

/** The least that a machine gets by the setting `memory`, MiB. */
const leastMemory = controlPlane.memory;

function roleProblem(role: string): string | undefined {
    return role === "control-plane" || role === "master" ? "is Kubernetes' own role" : labelProblem(role);
}

/** One entry of the setting `nodePools`. */
export const nodePool = entryObject({
    name: field(entryName(), {
        description: "Its name, which its nodes carry as the label `nta/pool`.",
        expected: "a lower-case letter, then lower-case letters, digits and hyphens, at most 40 in all",
        example: "batch",
    }),
    nodes: field(
        z
            .array(entryInteger(1, 256), {
                error: ({ input }) => (input === undefined ? "is missing" : "is not a list of numbers"),
            })
            .min(1, { error: "is an empty list", abort: true }),
        {
            description: "The numbers of its nodes, which their names end with. A node is in one pool at most.",
            expected: "a list of numbers from 1 to the number of nodes",
            example: "[2]",
        },
    ),
    cpus: field(entryInteger(1, 256).optional(), {
        description: "CPUs of each of them. Not set: as `cpus` says.",
        expected: "a whole number from 1 to 256, and from 2 up for node 1",
        example: "2",
    }),
    memory: field(entryInteger(1024, 1048576).optional(), {
        description: "Memory of each of them in MiB. Not set: as `memory` says.",
        expected: "a whole number of MiB from 1024 up, and from 2048 up for node 1",
        example: "2048",
    }),
    labels: field(entryLabels(ownKeyProblem).default({}), {
        description: "Kubernetes labels, for `nodeSelector` of jobs.",
        expected:
            "names with values, both of letters, digits, -, _ and ., at most 63; a name may have a DNS name and / before it",
        example: "{}",
    }),
    roles: field(z.array(entryText(roleProblem), "is not a list of names").default([]), {
        description: "Roles, which `kubectl get nodes` shows: labels `node-role.kubernetes.io/<role>`.",
        expected: "a list of names of lower-case letters, digits and hyphens, other than Kubernetes' own control-plane",
        example: '["batch"]',
    }),
    taints: field(entryTaints(ownKeyProblem).default([]), {
        description:
            "Taints: only pods that tolerate them run there. Node 1 takes none, because the volumes are there.",
        expected: taintForm,
        example: '["dedicated=batch:NoSchedule"]',
    }),
});

/** Nodes that differ from the others, checked, with defaults filled in. */
export type NodePool = z.output<typeof nodePool>;

/** What is wrong with node pools as the rest of the settings are. */
export function nodePoolProblems(
    values: ReadonlyMap<string, unknown>,
    context: SettingsContext,
    secretKeys: readonly string[],
): SettingProblem[] {
    const pools = (values.get("nodePools") ?? []) as NodePool[];
    if (values.get("cluster") !== "vagrant") {
        return [];
    }
    const nodes = values.get("nodes");
    const masked = secretKeys.includes(`${context.project}:nodePools`);
    const poolOf = new Map<number, string>();
    const problems: SettingProblem[] = [];
    for (const [index, pool] of pools.entries()) {
        const report = (path: PropertyKey[], message: string) => {
            const issue = { code: "custom" as const, path: [index, ...path], message, input: undefined };
            problems.push(...listProblems(context.project, "nodePools", nodePool, pools, [issue], masked));
        };
        for (const [place, number] of pool.nodes.entries()) {
            const other = poolOf.get(number);
            if (typeof nodes === "number" && number > nodes) {
                report(["nodes", place], `is no node of this cluster: ${context.project}:nodes is ${nodes}`);
            } else if (other !== undefined) {
                report(["nodes", place], `is a node of the pool ${other} already`);
            }
            poolOf.set(number, pool.name);
        }
        if (pool.nodes.includes(1)) {
            for (const what of ["cpus", "memory"] as const) {
                if ((pool[what] ?? controlPlane[what]) < controlPlane[what]) {
                    report([what], `is less than ${controlPlane[what]}, which node 1 needs for the control plane`);
                }
            }
            if (pool.taints.length > 0) {
                report(["taints"], "would keep databases and Taurus from node 1, where their volumes are");
            }
        }
        if (context.hostMemory !== undefined && (pool.memory ?? 0) > context.hostMemory) {
            report(["memory"], `is more than the ${context.hostMemory} MiB that this machine has`);
        }
    }
    return problems;
}

/** The memory of each node, MiB, where its pool says it. */
function givenMemory({ nodes, nodePools }: Pick<Settings, "nodes" | "nodePools">): (number | undefined)[] {
    return Array.from(
        { length: nodes },
        (_, index) => nodePools.find((pool) => pool.nodes.includes(index + 1))?.memory,
    );
}

/** The memory of each node, MiB. */
export function memoryOfNodes(settings: Pick<Settings, "nodes" | "nodePools" | "memory">): number[] {
    return givenMemory(settings).map((memory) => memory ?? settings.memory);
}

/** Checks that this machine has the memory that all nodes may take. */
export function checkMemory(
    values: ReadonlyMap<string, unknown>,
    { hostMemory }: SettingsContext,
    setting: (name: string) => Setting,
    report: Report,
): void {
    const [nodes, memory] = [values.get("nodes"), values.get("memory")];
    const pools = (values.get("nodePools") ?? []) as NodePool[];
    if (hostMemory === undefined || typeof memory !== "number" || typeof nodes !== "number") {
        return;
    }
    const part = (limit: number) => Math.floor((limit * 0.75) / 256) * 256;
    if (memory > hostMemory) {
        return report(setting("memory"), `is more than the ${hostMemory} MiB that this machine has`, {
            suggestion: String(Math.max(leastMemory, part(hostMemory))),
        });
    }
    const given = givenMemory({ nodes, nodePools: pools });
    const sum = (sizes: readonly (number | undefined)[]) =>
        sizes.reduce<number>((total, size) => total + (size ?? 0), 0);
    const sizes = memoryOfNodes({ nodes, nodePools: pools, memory });
    if (sum(sizes) <= hostMemory || sizes.some((size) => size > hostMemory)) {
        return;
    }
    const others = given.filter((size) => size === undefined).length;
    const each = part((hostMemory - sum(given)) / others);
    const fitting = sizes.findIndex((_, index) => sum(sizes.slice(0, index + 1)) > hostMemory);
    const wrong = `makes ${sum(sizes)} MiB for all ${nodes} nodes, more than the ${hostMemory} MiB that this machine has`;
    report(setting("memory"), wrong, {
        right: "less memory for each node, or fewer nodes",
        ...(others > 0 && each >= leastMemory
            ? { suggestion: String(each) }
            : { mend: setCommand(setting("nodes"), String(fitting), false) }),
    });
}
