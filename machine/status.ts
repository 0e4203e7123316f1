import * as docker from "./docker";
import { MachineFolder } from "./folder";
import { machineStates } from "./vagrant";

export interface Status {
    clusterName: string;
    provider?: string;
    folder?: string;
    /** State of each machine in its provider's words. */
    nodes: Record<string, string>;
}

/** What there is of a cluster's machines. */
export async function status(clusterName: string): Promise<Status> {
    const folder = new MachineFolder(clusterName);
    const { provider } = folder.state;
    const nodes: Record<string, string> = {};
    if (provider === "libvirt" || provider === "virtualbox") {
        Object.assign(nodes, Object.fromEntries(await machineStates(folder)));
    } else if ((await docker.dockerProblem()) === undefined) {
        Object.assign(nodes, Object.fromEntries(await docker.clusterStates(clusterName)));
    }
    return { clusterName, provider, folder: folder.exists() ? folder.path : undefined, nodes };
}
