import * as https from "node:https";
import { parse, stringify } from "yaml";

/** The part of a kubeconfig that kubeadm writes which is used here. */
interface AdminConfig {
    clusters: { cluster: { "certificate-authority-data": string; server: string } }[];
    users: { user: { "client-certificate-data": string; "client-key-data": string } }[];
}

/** Speaks to one API server with the rights of its administrator. */
export class ApiServer {
    private readonly agent: https.Agent;
    private readonly config: AdminConfig;

    /** `adminConf` is the node's /etc/kubernetes/admin.conf; the server is reached at `address:port` from here. */
    constructor(
        adminConf: string,
        private readonly address: string,
        private readonly port: number,
    ) {
        this.config = parse(adminConf) as AdminConfig;
        const decode = (text: string) => Buffer.from(text, "base64");
        this.agent = new https.Agent({
            ca: decode(this.config.clusters[0].cluster["certificate-authority-data"]),
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

    private async items<T>(path: string): Promise<T[]> {
        const body = await this.get(path);
        return body === undefined ? [] : (JSON.parse(body) as { items: T[] }).items;
    }

    /** Names of the nodes that kubelet has reported Ready since the given time (a restarted API server shows old reports). */
    async readyNodes(since: Date): Promise<string[]> {
        interface Node {
            metadata: { name: string };
            status: { conditions?: { type: string; status: string; lastHeartbeatTime: string }[] };
        }
        const nodes = await this.items<Node>("/api/v1/nodes");
        // Heartbeats are written in whole seconds.
        const earliest = Math.floor(since.getTime() / 1000) * 1000;
        const ready = nodes.filter((node) =>
            node.status.conditions?.some(
                (it) => it.type === "Ready" && it.status === "True" && Date.parse(it.lastHeartbeatTime) >= earliest,
            ),
        );
        return ready.map((node) => node.metadata.name);
    }

    /** Whether a CoreDNS pod that started after the given time is Ready. */
    async dnsReady(since: Date): Promise<boolean> {
        interface Pod {
            status: {
                conditions?: { type: string; status: string }[];
                containerStatuses?: { ready: boolean; state: { running?: { startedAt: string } } }[];
            };
        }
        const pods = await this.items<Pod>("/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dkube-dns");
        const earliest = Math.floor(since.getTime() / 1000) * 1000;
        return pods.some((pod) =>
            pod.status.containerStatuses?.every(
                (it) => it.ready && Date.parse(it.state.running?.startedAt ?? "") >= earliest,
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
