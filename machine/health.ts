import * as https from "node:https";
import { parse, stringify } from "yaml";

/** The part of a kubeconfig that kubeadm writes which is used here. */
interface AdminConfig {
    clusters: { cluster: { "certificate-authority-data": string; server: string } }[];
    users: { user: { "client-certificate-data": string; "client-key-data": string } }[];
}

/** One node as the API server knows it. */
export interface ClusterNode {
    name: string;
    /** kubelet has reported it Ready since its machine's start; a restarted API server shows old reports. */
    ready: boolean;
    annotations: Record<string, string>;
    labels: Record<string, string>;
    /** kubelet's version, such as 1.34.4. */
    version: string;
    /** Whether new pods may be put there. */
    schedulable: boolean;
    /** `<key>[=<value>]:<effect>` */
    taints: string[];
}

/** Since when each machine runs, by its node's name. */
export type Starts = ReadonlyMap<string, Date>;

/** Whether something happened after the start of a node's machine. Kubernetes writes whole seconds. */
function isFresh(time: string | undefined, node: string, starts: Starts): boolean {
    const start = starts.get(node)?.getTime() ?? 0;
    return Date.parse(time ?? "") >= Math.floor(start / 1000) * 1000;
}

/** A version without the letter before it. */
function bare(version: string): string {
    return version.replace(/^v/, "");
}

/** Speaks to one API server with the rights of its administrator. */
export class ApiServer {
    private readonly agent: https.Agent;
    private readonly config: AdminConfig;
    /** The cluster's certificate authority, PEM. */
    readonly caCertificate: Buffer;

    /** `adminConf` is the node's /etc/kubernetes/admin.conf; the server is reached at `address:port` from here. */
    constructor(
        adminConf: string,
        private readonly address: string,
        private readonly port: number,
    ) {
        this.config = parse(adminConf) as AdminConfig;
        const decode = (text: string) => Buffer.from(text, "base64");
        this.caCertificate = decode(this.config.clusters[0].cluster["certificate-authority-data"]);
        this.agent = new https.Agent({
            ca: this.caCertificate,
            cert: decode(this.config.users[0].user["client-certificate-data"]),
            key: decode(this.config.users[0].user["client-key-data"]),
            keepAlive: true,
        });
    }

    /** The body of a GET; undefined when there is no good answer within 5 s. */
    private get(path: string): Promise<string | undefined> {
        return new Promise((resolve) => {
            const request = https.get(
                { agent: this.agent, host: this.address, port: this.port, path, timeout: 5000 },
                (response) => {
                    let body = "";
                    response.setEncoding("utf8").on("data", (text: string) => (body += text));
                    response.on("end", () => resolve(response.statusCode === 200 ? body : undefined));
                    response.on("error", () => resolve(undefined));
                },
            );
            request.on("timeout", () => request.destroy());
            request.on("error", () => resolve(undefined));
        });
    }

    async healthy(): Promise<boolean> {
        return (await this.get("/readyz")) !== undefined;
    }

    /** The server's version, such as 1.34.4; undefined when it does not answer. */
    async version(): Promise<string | undefined> {
        const body = await this.get("/version");
        return body === undefined ? undefined : bare((JSON.parse(body) as { gitVersion: string }).gitVersion);
    }

    private async items<T>(path: string): Promise<T[]> {
        const body = await this.get(path);
        return body === undefined ? [] : (JSON.parse(body) as { items: T[] }).items;
    }

    async nodes(starts: Starts): Promise<ClusterNode[]> {
        interface Node {
            metadata: { name: string; annotations?: Record<string, string>; labels?: Record<string, string> };
            spec: { unschedulable?: boolean; taints?: { key: string; value?: string; effect: string }[] };
            status: {
                conditions?: { type: string; status: string; lastHeartbeatTime: string }[];
                nodeInfo: { kubeletVersion: string };
            };
        }
        return (await this.items<Node>("/api/v1/nodes")).map(({ metadata, spec, status }) => ({
            name: metadata.name,
            ready:
                status.conditions?.some(
                    (it) =>
                        it.type === "Ready" &&
                        it.status === "True" &&
                        isFresh(it.lastHeartbeatTime, metadata.name, starts),
                ) ?? false,
            annotations: metadata.annotations ?? {},
            labels: metadata.labels ?? {},
            version: bare(status.nodeInfo.kubeletVersion),
            schedulable: spec.unschedulable !== true,
            taints: (spec.taints ?? []).map(({ key, value, effect }) => `${key}${value ? `=${value}` : ""}:${effect}`),
        }));
    }

    /** Whether a CoreDNS pod is Ready whose containers have started after its node's machine. */
    async dnsReady(starts: Starts): Promise<boolean> {
        interface Pod {
            spec: { nodeName?: string };
            status: { containerStatuses?: { ready: boolean; state: { running?: { startedAt: string } } }[] };
        }
        const pods = await this.items<Pod>("/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns");
        return pods.some(({ spec, status }) =>
            status.containerStatuses?.every(
                (it) => it.ready && isFresh(it.state.running?.startedAt, spec.nodeName ?? "", starts),
            ),
        );
    }

    /** A kubeconfig for use on this machine: one context, named after the cluster. */
    kubeconfig(clusterName: string): string {
        const user = `${clusterName}-admin`;
        return stringify(
            {
                apiVersion: "v1",
                kind: "Config",
                clusters: [
                    {
                        name: clusterName,
                        cluster: { ...this.config.clusters[0].cluster, server: `https://${this.address}:${this.port}` },
                    },
                ],
                users: [{ name: user, user: this.config.users[0].user }],
                contexts: [{ name: clusterName, context: { cluster: clusterName, user } }],
                "current-context": clusterName,
            },
            { lineWidth: 0 },
        );
    }

    close(): void {
        this.agent.destroy();
    }
}

/** Where this machine reaches what listens on a host address. */
export function localAddress(hostAddress: string): string {
    return hostAddress === "0.0.0.0" || hostAddress === "localhost" ? "127.0.0.1" : hostAddress;
}
