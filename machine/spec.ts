import { z } from "zod";
import { defaultKubernetes } from "../node-image/kubernetes-versions";
import { MachineError } from "./errors";

const clusterName = z
    .string()
    .regex(/^[a-z]([a-z0-9-]{0,40}[a-z0-9])?$/, "lower case letters, digits and dashes, at most 42");
const port = z.int().min(1).max(65535);

const forwardedPort = z.object({
    name: z.string().min(1),
    host: port,
    guest: port,
    /** The stack setting that moves the host's side, for messages; `nta:<name>Port` unless given. */
    setting: z.string().optional(),
});

const node = z.object({
    name: z.string().min(1),
    userData: z.string(),
    metaData: z.string(),
    networkConfig: z.string(),
    /** Processors and memory (MiB), where they differ from the other nodes'. */
    cpus: z.int().min(1).optional(),
    memory: z.int().min(1).optional(),
    /** Kubernetes labels and taints (`<key>[=<value>]:<effect>`) besides those of Kubernetes' own. */
    labels: z.record(z.string(), z.string()).optional(),
    taints: z.array(z.string()).optional(),
});

const nameOnly = z.object({ clusterName });

const endpoint = z.object({ clusterName, apiPort: port, hostAddress: z.union([z.ipv4(), z.literal("localhost")]) });

const machine = endpoint.extend({
    provider: z.enum(["auto", "docker", "libvirt", "virtualbox"]),
    /** Version of Kubernetes. Specifications of a time when there was no choice do not name it. */
    kubernetesVersion: z
        .string()
        .regex(/^\d+\.\d+\.\d+$/, "a version such as 1.34.4")
        .default(defaultKubernetes),
    /** Processors of each node. */
    cpus: z.int().min(1),
    /** Memory of each node, MiB. */
    memory: z.int().min(1536, "a control plane and its workloads need at least 1536 MiB"),
    /** Disk of each node, GiB. */
    disk: z.int().min(1),
    /** All of them lead to the first node; the API server's port (guest 6443) is among them. */
    ports: z.array(forwardedPort),
    nodes: z.array(node).min(1),
    /** The cluster's inside ranges by the names of their settings, for example `podRange`. */
    ranges: z.record(z.string(), z.string()).optional(),
    /** See plan.ts. */
    repairs: z.int().min(1).optional(),
    /** How long `up` waits for a healthy cluster; see up.ts where it is not given. */
    timeoutSeconds: z.int().min(1).optional(),
});

/** A registry beside the cluster's own, as containerd needs to know it. */
const nodeRegistry = z.object({
    /** As image references name it: `host[:port]`. */
    host: z.string().regex(/^[A-Za-z0-9.:[\]-]+$/, "host[:port]"),
    /** Plain HTTP. */
    insecure: z.boolean(),
    /** Certificate of the authority, PEM. */
    ca: z.string().optional(),
});

const registry = nameOnly.extend({ nodes: z.array(z.string().min(1)).min(1), registry: nodeRegistry.optional() });

const pool = nameOnly.extend({
    nodes: z.array(z.string().min(1)).min(1),
    /** `<address>-<address>`; chosen if absent. */
    pool: z.string().optional(),
});

export type ForwardedPort = z.infer<typeof forwardedPort>;
export type NodeSpec = z.infer<typeof node>;
export type EndpointSpec = z.infer<typeof endpoint>;
export type MachineSpec = z.infer<typeof machine>;
export type NodeRegistry = z.infer<typeof nodeRegistry>;
export type RegistrySpec = z.infer<typeof registry>;
export type PoolSpec = z.infer<typeof pool>;

/** Processors and memory (MiB) of a node. */
export interface NodeSize {
    cpus: number;
    memory: number;
}

export function nodeSize(spec: MachineSpec, node: NodeSpec): NodeSize {
    return { cpus: node.cpus ?? spec.cpus, memory: node.memory ?? spec.memory };
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
    const result = schema.safeParse(value);
    if (result.success) {
        return result.data;
    }
    const problems = result.error.issues.map((issue) => `  ${issue.path.join(".") || "spec"}: ${issue.message}`);
    throw new MachineError(`the machine's specification is not valid:\n${problems.join("\n")}`);
}

/** Everything `up` and `update` need. */
export function parseMachineSpec(value: unknown): MachineSpec {
    const spec = parse(machine, value);
    const seen = new Map<number, string>();
    for (const { name, host } of spec.ports) {
        const other = seen.get(host);
        if (other !== undefined) {
            throw new MachineError(`port ${host} of this machine is asked for twice, as "${other}" and as "${name}"`);
        }
        seen.set(host, name);
    }
    return spec;
}

/** What `kubeconfig` needs: where the API server is reached. */
export function parseEndpointSpec(value: unknown): EndpointSpec {
    return parse(endpoint, value);
}

/** What `destroy` and `status` need; a whole specification is taken as well. */
export function parseClusterName(value: unknown): string {
    return parse(nameOnly, value).clusterName;
}

/** What `registry` needs. */
export function parseRegistrySpec(value: unknown): RegistrySpec {
    return parse(registry, value);
}

/** What `address-pool` needs. */
export function parsePoolSpec(value: unknown): PoolSpec {
    return parse(pool, value);
}
