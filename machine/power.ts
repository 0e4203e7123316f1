import { MachineError } from "./errors";
import { MachineFolder } from "./folder";
import { locked } from "./lock";
import { Progress } from "./progress";
import { nodesOf, up } from "./up";
import type { MachineSpec } from "./spec";

function lastSpecification(folder: MachineFolder): MachineSpec {
    const spec = folder.specification;
    if (spec === undefined) {
        throw new MachineError(`there are no machines of the cluster ${folder.clusterName}: \`npm run up\` makes them`);
    }
    return spec;
}

/** Stops a cluster's machines, with their data; stopped ones stay as they are. */
export async function stop(clusterName: string): Promise<void> {
    const folder = new MachineFolder(clusterName);
    const spec = lastSpecification(folder);
    const progress = new Progress(clusterName);
    try {
        await locked(folder, "stop", progress, async () => {
            progress.step(`stopping ${spec.nodes.map((node) => node.name).join(", ")}`);
            await nodesOf(folder.state.provider ?? "docker", spec, folder, progress, true).halt();
            progress.note("stopped; `npm run start` starts it again");
        });
    } finally {
        progress.end();
    }
}

/**
 * Starts a cluster's machines as the last `up` left them, and waits until the cluster is healthy. Kubernetes keeps the
 * version that it has: an upgrade that was cut short is the next `up`'s to go on with.
 */
export async function start(clusterName: string): Promise<void> {
    const folder = new MachineFolder(clusterName);
    const spec = lastSpecification(folder);
    await up(spec, true, { upgrades: false });
}
