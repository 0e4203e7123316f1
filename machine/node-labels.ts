import type { ClusterNode } from "./health";
import { kubectl, must } from "./membership";
import type { Nodes } from "./nodes";
import type { Progress } from "./progress";
import type { MachineSpec, NodeSpec } from "./spec";

/** On a node: which of its labels and taints are from the settings, so that they go when the settings lose them. */
export const givenAnnotation = "nta/given";

/** What the settings give to a node in Kubernetes. */
interface Given {
    labels: Record<string, string>;
    taints: string[];
}

/** One call of kubectl, and what it reads on its standard input. */
export interface Change {
    command: string;
    input?: string;
}

function wantedOf({ labels = {}, taints = [] }: Pick<NodeSpec, "labels" | "taints">): Given {
    // "key=:Effect" is what Kubernetes tells of as "key:Effect".
    return { labels, taints: taints.map((taint) => taint.replace("=:", ":")) };
}

/** A taint's key and effect: there is one of these at most. */
function identity(taint: string): string {
    return taint.replace(/=[^:]*/, "");
}

/**
 * What has to be done so that a node has the labels and taints of the settings, and no others that earlier settings gave
 * it. Others' labels and taints stay. A run that is cut short between two calls is made up for by the next.
 */
export function labelChanges(node: ClusterNode, spec: Pick<NodeSpec, "labels" | "taints">): Change[] {
    const wanted = wantedOf(spec);
    const recorded = node.annotations[givenAnnotation];
    const former = recorded === undefined ? wantedOf({}) : (JSON.parse(recorded) as Given);
    const has = node.taints.map(identity);
    const keeps = wanted.taints.map(identity);
    const removed = former.taints.map(identity).filter((it) => has.includes(it) && !keeps.includes(it));
    const added = wanted.taints.filter((taint) => !node.taints.includes(taint));
    const labels: Record<string, string | null> = {
        ...Object.fromEntries(
            Object.keys(former.labels).flatMap((key) =>
                key in node.labels && !(key in wanted.labels) ? [[key, null]] : [],
            ),
        ),
        ...Object.fromEntries(Object.entries(wanted.labels).filter(([key, value]) => node.labels[key] !== value)),
    };
    const nothing = Object.keys(wanted.labels).length + wanted.taints.length === 0;
    const record = nothing ? undefined : JSON.stringify(wanted);
    const patch = { metadata: { labels, annotations: { [givenAnnotation]: record ?? null } } };
    return [
        ...(removed.length === 0
            ? []
            : [{ command: `taint node ${node.name} ${removed.map((taint) => `${taint}-`).join(" ")}` }]),
        ...(Object.keys(labels).length === 0 && record === recorded
            ? []
            : [
                  {
                      command: `patch node ${node.name} --type=merge --patch-file=/dev/stdin`,
                      input: JSON.stringify(patch),
                  },
              ]),
        ...(added.length === 0 ? [] : [{ command: `taint --overwrite node ${node.name} ${added.join(" ")}` }]),
    ];
}

/** Gives nodes the labels and taints of the settings; `present` are the cluster's nodes as they are. */
export async function labelNodes(
    spec: MachineSpec,
    nodes: Nodes,
    present: readonly ClusterNode[],
    progress: Progress,
): Promise<void> {
    for (const wanted of spec.nodes) {
        const node = present.find(({ name }) => name === wanted.name);
        const changes = node === undefined ? [] : labelChanges(node, wanted);
        if (changes.length > 0) {
            progress.step(`${wanted.name}: labels and taints`);
        }
        for (const { command, input } of changes) {
            await must(`labelling ${wanted.name}`, kubectl(nodes, spec.nodes[0].name, command, { input }));
        }
    }
}

/** What a changed specification of a node does to its labels and taints, in words: what it gets and what it loses. */
export function labelDifference(
    before: Pick<NodeSpec, "labels" | "taints">,
    next: Pick<NodeSpec, "labels" | "taints">,
): { gets: string[]; loses: string[] } {
    const words = ({ labels, taints }: Given) => [
        ...Object.entries(labels).map(([key, value]) => `label ${key}${value === "" ? "" : `=${value}`}`),
        ...taints.map((taint) => `taint ${taint}`),
    ];
    const [old, now] = [words(wantedOf(before)), words(wantedOf(next))];
    const key = (text: string) => text.replace(/=[^:]*/, "");
    return {
        gets: now.filter((text) => !old.includes(text)),
        loses: old.filter((text) => !now.some((other) => key(other) === key(text))),
    };
}
