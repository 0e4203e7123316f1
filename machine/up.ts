import { DockerNodes } from "./docker-nodes";
import { MachineError } from "./errors";
import { MachineFolder } from "./folder";
import { kvmProblem } from "./libvirt";
import { locked } from "./lock";
import { dismiss, fitDns, leavingAnnotation, takeBack } from "./membership";
import { labelNodes } from "./node-labels";
import type { Nodes } from "./nodes";
import { Progress } from "./progress";
import { checkVersion } from "./kubernetes-version";
import { chooseProvider, Provider } from "./provider";
import { checkRanges } from "./ranges";
import { type HealthyCluster, waitUntilHealthy } from "./readiness";
import { restoreRegistry } from "./registry";
import type { MachineSpec } from "./spec";
import { upgrade } from "./upgrade";
import { waitForOrphan } from "./vagrant";
import { VirtualMachines } from "./virtual-machines";

/** How long a cluster may take to become healthy, in seconds. */
async function longestWait(provider: Provider): Promise<number> {
    if (provider === "docker") {
        return 600;
    }
    // Emulated, `kubeadm init` alone may take its limit of a quarter of an hour, and be tried again.
    return provider === "libvirt" && (await kvmProblem()) !== undefined ? 3600 : 1800;
}

/** The nodes of a cluster under the provider that it is made with. */
export function nodesOf(
    provider: Provider,
    spec: MachineSpec,
    folder: MachineFolder,
    progress: Progress,
    expected: boolean,
): Nodes {
    return provider === "docker"
        ? new DockerNodes(spec, folder, progress, expected)
        : new VirtualMachines(provider, spec, folder, progress);
}

/**
 * Makes the cluster's machines what the specification says and waits until Kubernetes on them is healthy. Takes up
 * whatever an earlier run left, at any point; does nothing when all is as it should be. With `expected` they were made
 * before: then missing data is an error instead of a new cluster. Without `upgrades` the machines keep the version of
 * Kubernetes that they have.
 */
export async function up(spec: MachineSpec, expected: boolean, { upgrades = true } = {}): Promise<void> {
    const folder = new MachineFolder(spec.clusterName);
    const progress = new Progress(spec.clusterName);
    try {
        await locked(folder, expected ? "update" : "up", progress, async () => {
            folder.create();
            await waitForOrphan(folder, (line) => progress.step(line));
            const provider = await settleProvider(spec, folder, progress);
            await checkRanges(spec, folder.specification, provider === "docker");
            if (upgrades) {
                await checkVersion(spec, folder);
            }
            const { unfinished } = folder.state;
            folder.remember({ unfinished: true });
            const nodes = nodesOf(provider, spec, folder, progress, expected);
            const starts = await nodes.converge();
            await restoreRegistry(folder, [...starts.keys()], (node, script) => nodes.execute(node, script));
            const timeout = spec.timeoutSeconds ?? (await longestWait(provider));
            let healthy = await waitUntilHealthy(spec, nodes, starts, progress, timeout);
            folder.remember({ healthyOnce: true });
            const { api, joined } = healthy;
            try {
                if (upgrades && (await upgrade({ spec, nodes, folder, api, progress }))) {
                    healthy = await waitUntilHealthy(spec, nodes, starts, progress, timeout);
                    healthy.api.close();
                }
            } finally {
                api.close();
            }
            await settleMembers(spec, nodes, { ...healthy, joined }, progress);
            await nodes.settled();
            folder.specification = spec;
            folder.remember({ unfinished: upgrades ? undefined : unfinished, repairs: spec.repairs });
            progress.note("ready");
        });
    } finally {
        progress.end();
    }
}

/** Lets the cluster have no nodes but those of the specification, all of those for its pods, and with their labels. */
async function settleMembers(
    spec: MachineSpec,
    nodes: Nodes,
    { nodes: present, joined }: HealthyCluster,
    progress: Progress,
): Promise<void> {
    const [first, ...names] = spec.nodes.map((node) => node.name);
    const returned = present.filter(
        ({ name, annotations }) => names.includes(name) && leavingAnnotation in annotations,
    );
    if (returned.length > 0) {
        await takeBack(
            nodes,
            first,
            returned.map(({ name }) => name),
        );
    }
    await labelNodes(spec, nodes, present, progress);
    const leaving = await nodes.surplus();
    for (const name of leaving) {
        const ready = present.some((node) => node.name === name && node.ready);
        await dismiss(nodes, first, { name, ready }, progress);
    }
    if (joined.length + leaving.length > 0) {
        await fitDns(nodes, first);
    }
}

async function settleProvider(spec: MachineSpec, folder: MachineFolder, progress: Progress): Promise<Provider> {
    const recorded = folder.state.provider;
    if (recorded !== undefined && (spec.provider === "auto" || spec.provider === recorded)) {
        await chooseProvider(recorded, spec.nodes.length, () => undefined);
        return recorded;
    }
    if (recorded !== undefined) {
        throw new MachineError(
            `the cluster ${spec.clusterName} was made with the provider ${recorded}, and ${spec.provider} is asked for: run ` +
                `\`pulumi destroy\` first, or \`pulumi config set nta:provider ${recorded}\``,
        );
    }
    const provider = await chooseProvider(spec.provider, spec.nodes.length, (line) => progress.note(line));
    folder.remember({ provider });
    return provider;
}
