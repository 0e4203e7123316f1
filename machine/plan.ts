import { isDeepStrictEqual } from "node:util";

import * as docker from "./docker";
import { MachineFolder } from "./folder";
import { checkVersion, versionChange } from "./kubernetes-version";
import * as libvirt from "./libvirt";
import { labelDifference } from "./node-labels";
import type { Provider } from "./provider";
import { type MachineSpec, nodeSize } from "./spec";

/** What is to be done about a cluster's machines beside what a changed specification says by itself. */
export interface Plan {
    /**
     * For the specification: a number that grows whenever machines have to be mended, because the engine runs `update` for
     * a difference only, and does not look at machines. Absent as long as nothing ever was.
     */
    repairs?: number;
    /** What is wrong with the machines, and what happens about it. */
    problems: string[];
    /** What the specification, where it has changed, does to the machines. */
    changes: string[];
}

/**
 * Looks at the machines that the last `up` left; takes a fraction of a second. Without such machines, nothing is planned.
 *
 * @throws MachineError if they can't get the version of Kubernetes that the specification wants.
 */
export async function plan(spec: MachineSpec): Promise<Plan> {
    const folder = new MachineFolder(spec.clusterName);
    const applied = folder.specification;
    if (applied === undefined) {
        return { problems: [], changes: [] };
    }
    const { repairs = 0, unfinished = false, provider = "docker" } = folder.state;
    const problems = await machineProblems(applied, provider);
    if (unfinished && problems.length === 0) {
        problems.push("the last run on the machines did not end: it is taken up");
    }
    const next = repairs + (problems.length > 0 ? 1 : 0);
    const present = await checkVersion(spec, folder);
    return {
        repairs: next === 0 ? undefined : next,
        problems,
        changes: [
            ...(present === undefined ? [] : versionChange(spec, provider, present)),
            ...changes(applied, spec, provider),
        ],
    };
}

/** What is wrong with the machines that there should be. VirtualBox is not asked: its `VBoxManage` was never run here. */
async function machineProblems(applied: MachineSpec, provider: Provider): Promise<string[]> {
    if (provider === "virtualbox") {
        return [];
    }
    const [problem, look] =
        provider === "docker"
            ? [await docker.dockerProblem(), () => docker.clusterStates(applied.clusterName)]
            : [await libvirt.libvirtProblem(), libvirt.domainStates];
    if (problem !== undefined) {
        return [problem];
    }
    const states = await look();
    const firstGone =
        provider === "docker"
            ? "it is made anew with its data if that is still there"
            : "its data is lost with its disk, and `pulumi up` will say what to do";
    return applied.nodes.flatMap(({ name }, index) => {
        const state = states.get(name);
        if (state === "running") {
            return [];
        }
        if (state !== undefined) {
            return [`the machine ${name} is ${state}: it is started`];
        }
        return [
            index === 0
                ? `the machine ${name} is gone: ${firstGone}`
                : `the machine ${name} is gone: another one takes its place`,
        ];
    });
}

/** What becomes of the machines when `next` takes the place of `before`, in words. */
export function changes(before: MachineSpec, next: MachineSpec, provider: Provider): string[] {
    const result: string[] = [];
    const former = new Map(before.nodes.map((node) => [node.name, node]));
    const published = (spec: MachineSpec) =>
        JSON.stringify([spec.hostAddress, spec.ports.map(({ host, guest }) => `${host}:${guest}`).sort()]);
    for (const [index, node] of next.nodes.entries()) {
        const old = former.get(node.name);
        former.delete(node.name);
        const size = nodeSize(next, node);
        const resized = old !== undefined && !isDeepStrictEqual(nodeSize(before, old), size);
        if (old === undefined) {
            result.push(`${node.name} is new: it joins the cluster`);
        } else if (index === 0 && published(before) !== published(next)) {
            result.push(`${node.name} is restarted for its ports, with its data: what runs on it is away for a minute`);
        } else if (old.metaData !== node.metaData) {
            result.push(`${node.name} is restarted for its cloud-init documents: what runs on it is away for a minute`);
        } else if (resized && provider !== "docker") {
            result.push(`${node.name} is restarted for its size: what runs on it is away for a minute`);
        } else if (resized) {
            result.push(`${node.name} gets ${size.cpus} CPUs and ${size.memory} MiB of memory without a restart`);
        }
        const { gets, loses } = labelDifference(old ?? {}, node);
        const words = [
            ...(gets.length > 0 ? [`gets ${gets.join(", ")}`] : []),
            ...(loses.length > 0 ? [`loses ${loses.join(", ")}`] : []),
        ];
        if (words.length > 0) {
            result.push(`${node.name} ${words.join(", and ")}`);
        }
    }
    if (provider === "libvirt" && before.disk < next.disk) {
        result.push(`disks grow from ${before.disk} to ${next.disk} GiB without a restart`);
    } else if (before.disk !== next.disk) {
        result.push("another disk is for machines that are made from now on: those that are there keep theirs");
    }
    for (const name of former.keys()) {
        result.push(`${name} is drained and removed, and what its disk holds with it`);
    }
    return result;
}
