import { stringify } from "yaml";

import { auditPolicy } from "../../cloud-init/audit-policy";
import { cloudInitDocuments } from "../../cloud-init/documents";
import type { EndpointSpec, MachineSpec, NodeSpec, PoolSpec, RegistrySpec } from "../../machine/spec";
import { defaultKubernetes } from "../../node-image/kubernetes-versions";
import { hostOf, type RegistryAccess } from "../../registry/access";

/** A port of this machine that leads to a port of the first node. */
export interface ForwardedPort {
    name: string;
    host: number;
    guest: number;
    /** The stack setting that moves the host's side, for messages. */
    setting?: string;
}

/** Nodes that differ from the others. */
export interface NodePool {
    /** Their label `nta/pool`. */
    name: string;
    /** Their numbers; the first node is 1. */
    nodes: readonly number[];
    cpus?: number;
    /** MiB. */
    memory?: number;
    labels: Readonly<Record<string, string>>;
    /** Labels `node-role.kubernetes.io/<role>`. */
    roles: readonly string[];
    /** `<key>[=<value>]:<effect>` */
    taints: readonly string[];
}

export interface MachineArgs {
    /** Also the name of the kubeconfig's context, and the first part of the nodes' names. */
    clusterName: string;
    provider: "auto" | "docker" | "libvirt" | "virtualbox";
    /** Version of Kubernetes, one of those in node-image/kubernetes-versions.ts; the oldest of them by default. */
    kubernetesVersion?: string;
    nodes: number;
    /** A node is in one of them at most. None by default. */
    nodePools?: readonly NodePool[];
    /** Processors of each node. */
    cpus: number;
    /** Memory of each node, MiB. */
    memory: number;
    /** Disk of each node, GiB. */
    disk: number;
    /** Port of this machine at which the API server answers. */
    apiPort: number;
    /** Port of this machine at which the cluster's registry answers; image references name it on both sides. */
    registryPort: number;
    forwardedPorts: ForwardedPort[];
    /** Address of this machine on which all these ports are published. */
    hostAddress: string;
    /** Folders made on the first node, /var/lib/nta/volumes/<name>, for `local` PersistentVolumes. */
    volumes: string[];
    /** Addresses of pods and of services inside the cluster, for example "10.244.0.0/16". */
    podRange: string;
    serviceRange: string;
}

/** Names of a cluster's nodes; the first carries the control plane and the registry. */
export function nodeNames({ clusterName, nodes }: Pick<MachineArgs, "clusterName" | "nodes">): string[] {
    return Array.from({ length: nodes }, (_, index) => `${clusterName}-${index + 1}`);
}

/** What a node's pool says of it. */
function ofPool(pools: readonly NodePool[], number: number): Partial<NodeSpec> {
    const pool = pools.find(({ nodes }) => nodes.includes(number));
    if (pool === undefined) {
        return {};
    }
    const { name, cpus, memory, labels, roles, taints } = pool;
    const roleLabels = Object.fromEntries(roles.map((role) => [`node-role.kubernetes.io/${role}`, ""]));
    return {
        ...(cpus === undefined ? {} : { cpus }),
        ...(memory === undefined ? {} : { memory }),
        labels: { "nta/pool": name, ...roleLabels, ...labels },
        ...(taints.length === 0 ? {} : { taints: [...taints] }),
    };
}

/** The whole specification that `machine/main.ts up` takes: sizes, ports and each node's cloud-init documents. */
export function machineSpec(args: MachineArgs): MachineSpec {
    const names = nodeNames(args);
    const hostNames = ["0.0.0.0", "127.0.0.1", "localhost"].includes(args.hostAddress) ? [] : [args.hostAddress];
    const cloudInit = {
        clusterName: args.clusterName,
        nodes: names.map((name) => ({ name })),
        registryPort: args.registryPort,
        podRange: args.podRange,
        serviceRange: args.serviceRange,
        volumes: args.volumes,
        certificateNames: hostNames,
        auditPolicy: auditPolicy(),
    };
    return {
        ...endpointSpec(args),
        provider: args.provider,
        kubernetesVersion: args.kubernetesVersion ?? defaultKubernetes,
        cpus: args.cpus,
        memory: args.memory,
        disk: args.disk,
        ports: [
            { name: "api", host: args.apiPort, guest: 6443, setting: "apiPort" },
            { name: "registry", host: args.registryPort, guest: 5000, setting: "registryPort" },
            ...args.forwardedPorts,
        ],
        ranges: { podRange: args.podRange, serviceRange: args.serviceRange },
        nodes: names.map((name, index) => ({
            name,
            ...cloudInitDocuments(cloudInit, name),
            ...ofPool(args.nodePools ?? [], index + 1),
        })),
    };
}

/** What `machine/main.ts kubeconfig` takes: nothing that a resized machine changes. */
export function endpointSpec({ clusterName, apiPort, hostAddress }: EndpointSpec): EndpointSpec {
    return { clusterName, apiPort, hostAddress };
}

/** What `machine/main.ts registry` takes: how the nodes reach a registry beside the cluster's own. */
export function registrySpec(args: MachineArgs, registry: RegistryAccess): RegistrySpec {
    const { insecure, ca } = registry;
    const nodeRegistry = { host: hostOf(registry), insecure, ...(ca === undefined ? {} : { ca }) };
    return { clusterName: args.clusterName, nodes: nodeNames(args), registry: nodeRegistry };
}

/** What `machine/main.ts address-pool` takes: nothing of the machines but their names. */
export function poolSpec(args: MachineArgs, pool: string | undefined): PoolSpec {
    return { clusterName: args.clusterName, nodes: nodeNames(args), ...(pool === undefined ? {} : { pool }) };
}

/** As YAML with literal blocks, so that previews show changed documents line by line. */
export function specText(spec: EndpointSpec | MachineSpec | PoolSpec | RegistrySpec): string {
    return stringify(spec, { lineWidth: 0 });
}
