import * as fs from "node:fs";
import * as path from "node:path";
import * as docker from "./docker";
import { MachineFolder, stateDirectory } from "./folder";
import { localAddress } from "./health";
import { status } from "./status";

/** A cluster whose machines are on this machine. */
export interface ClusterSummary {
    clusterName: string;
    provider: string;
    /** State of each machine in its provider's words, by name. */
    nodes: Record<string, string>;
    created?: Date;
    /** Where it is reached on this machine: `<name> <address>:<port>`, with a node's port for a name that is not known. */
    addresses: string[];
}

/** All clusters that this user has made here, and those that Docker has without a record of them. */
export async function clusters(): Promise<ClusterSummary[]> {
    const machines = path.join(stateDirectory(), "machines");
    const recorded = fs.existsSync(machines)
        ? fs.readdirSync(machines).filter((name) => fs.existsSync(path.join(machines, name, "state.json")))
        : [];
    const inDocker = (await docker.dockerProblem()) === undefined ? await docker.allClusters() : [];
    return Promise.all([...new Set([...recorded, ...inDocker])].sort().map(summarize));
}

async function summarize(clusterName: string): Promise<ClusterSummary> {
    const folder = new MachineFolder(clusterName);
    const { provider, nodes } = await status(clusterName);
    const spec = folder.specification;
    const host = localAddress(spec?.hostAddress ?? "localhost");
    const wanted = (spec?.nodes ?? []).map(({ name }) => [name, "gone"]);
    return {
        clusterName,
        provider: provider ?? "docker",
        nodes: { ...Object.fromEntries(wanted), ...nodes } as Record<string, string>,
        created: folder.exists() ? fs.statSync(folder.path).birthtime : undefined,
        addresses: spec
            ? spec.ports.map((port) => `${port.name} ${host}:${port.host}`)
            : (await Promise.all(Object.keys(nodes).map(docker.publishedPorts))).flat(),
    };
}

/** The state of all of a cluster's machines in a few words. */
export function stateInWords(nodes: Record<string, string>): string {
    const states = Object.values(nodes);
    const running = states.filter((state) => state === "running").length;
    if (running > 0 && running < states.length) {
        return `${running} of ${states.length} running`;
    }
    const words = [...new Set(states)];
    return words.length === 0 ? "gone" : words.join(", ");
}
