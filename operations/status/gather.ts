import { existsSync, readFileSync } from "node:fs";
import { MachineFolder } from "../../machine/folder";
import type { VagrantSpec } from "../../machine/vagrantfile";
import type { StackCluster } from "../cluster";
import type { Node } from "../objects";
import { certificates } from "./certificates";
import { hostNames, type Outside } from "./links";
import { statusReport, type ClusterObjects, type StatusReport } from "./report";

/** Where the API has each kind of {@link ClusterObjects}. */
const collections: Readonly<Record<keyof ClusterObjects, string>> = {
    nodes: "/api/v1/nodes",
    pods: "/api/v1/pods",
    services: "/api/v1/services",
    jobs: "/apis/batch/v1/jobs",
    cronJobs: "/apis/batch/v1/cronjobs",
    volumeClaims: "/api/v1/persistentvolumeclaims",
};

/** Where this system's names for addresses are. */
const hostsFile = "/etc/hosts";

function outside(clusterName: string, nodes: readonly Node[]): Outside {
    const names = existsSync(hostsFile) ? hostNames(readFileSync(hostsFile, "utf8")) : undefined;
    const machines = new MachineFolder(clusterName).read("machine.json");
    if (machines !== undefined) {
        const { hostAddress, nodes: machineNodes } = JSON.parse(machines) as VagrantSpec;
        return { forwarded: machineNodes[0]?.ports ?? [], hostAddress, names };
    }
    const addresses = nodes.flatMap((node) => node.status.addresses ?? []);
    const nodeAddress = ["ExternalIP", "InternalIP"]
        .map((type) => addresses.find((address) => address.type === type)?.address)
        .find((address) => address !== undefined);
    return { forwarded: [], hostAddress: "localhost", nodeAddress, names };
}

/** Asks a cluster for its state. @throws ApiError, UnreachableError */
export async function gatherStatus(cluster: StackCluster): Promise<StatusReport> {
    const { client, context, stack, clusterName } = cluster;
    const list = async (path: string) => (await client.request("GET", path)).items;
    const [certificateList, version, ...lists] = await Promise.all([
        certificates(context),
        client.request("GET", "/version"),
        ...Object.values(collections).map(list),
    ]);
    const kinds = Object.keys(collections);
    const objects = Object.fromEntries(kinds.map((kind, index) => [kind, lists[index]])) as unknown as ClusterObjects;
    return statusReport(objects, {
        stack,
        now: new Date(),
        apiServer: { address: client.server, version: String(version.gitVersion) },
        certificates: certificateList,
        outside: outside(clusterName, objects.nodes),
    });
}
