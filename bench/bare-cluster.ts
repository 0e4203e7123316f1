import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { parse } from "yaml";

import { cloudInitDocuments } from "../cloud-init/documents";
import { patchesDirectory } from "../cloud-init/kubeadm";
import { caCertHash } from "../machine/membership";
import * as docker from "../machine/docker";
import { ensureNetwork, nodeAddress } from "../machine/docker-network";
import { type Result, sleep } from "../machine/process";
import { nodeImage } from "../machine/provider";
import { defaultKubernetes } from "../node-image/kubernetes-versions";

async function must(result: Promise<Result>): Promise<string> {
    const { code, stdout, stderr } = await result;
    if (code !== 0) {
        throw new Error(stderr + stdout);
    }
    return stdout;
}

/** What nta-node fills in on a machine whose processors are not emulated. */
const usual: Record<string, string> = {
    KUBERNETES_VERSION: `v${defaultKubernetes}`,
    KUBEADM_TIMEOUT: "4m0s",
    ETCD_HEARTBEAT_MS: "100",
    ETCD_ELECTION_MS: "1000",
};

/**
 * What one would type by hand to have a cluster from the same node image: `docker run`, `kubeadm init` and `kubeadm join`
 * with the same configuration and the same rights, flannel, and nothing else. Gives when it is begun and its nodes' names.
 */
export class BareCluster {
    readonly nodes: string[];
    private readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-bare-"));

    constructor(
        readonly clusterName: string,
        count: number,
    ) {
        this.nodes = Array.from({ length: count }, (_, index) => `${clusterName}-${index + 1}`);
    }

    /** A file of a node's cloud-init documents, with this machine's values for nta-node's placeholders. */
    private document(node: string, file: string, values: Record<string, string>): string {
        const args = {
            clusterName: this.clusterName,
            nodes: this.nodes.map((name) => ({ name })),
            registryPort: 5000,
            podRange: "10.244.0.0/16",
            serviceRange: "10.100.0.0/16",
            volumes: [],
        };
        const { write_files: files } = parse(cloudInitDocuments(args, node).userData, { version: "1.1" }) as {
            write_files: { path: string; content: string }[];
        };
        const content = files.find((it) => it.path === file)?.content ?? "";
        return content.replace(/@(\w+)@/g, (placeholder, key: string) => {
            const value = values[key] ?? usual[key];
            if (value === undefined) {
                throw new Error(`${file}: no value for ${placeholder}`);
            }
            return value;
        });
    }

    async create(): Promise<void> {
        const image = nodeImage().dockerImage as string;
        const privileged = await docker.privilegedAllowed(image, this.clusterName);
        const subnet = await ensureNetwork(this.clusterName, undefined);
        for (const [index, name] of this.nodes.entries()) {
            const plan = docker.containerPlan({
                ...{ cluster: this.clusterName, name, image, privileged, seed: this.folder, ports: [] },
                ...{ address: nodeAddress(subnet, index), cpus: 2, memory: 2048, hostAddress: "127.0.0.1" },
            });
            await docker.createContainer(plan);
            await docker.start(name);
        }
        const [first, ...workers] = this.nodes;
        await Promise.all(this.nodes.map((name) => this.untilContainerd(name)));
        const address = nodeAddress(subnet, 0);
        const values = { ADDRESS: address, KUBE_PROXY_OOM_SCORE_ADJ: privileged ? "-999" : "0" };
        await this.write(first, "/etc/kubeadm.yaml", this.document(first, "/etc/nta/templates/kubeadm.yaml", values));
        await must(docker.execute(first, "kubeadm init --config /etc/kubeadm.yaml", { timeoutSeconds: 300 }));
        await this.write(first, "/etc/flannel.yaml", this.document(first, "/etc/nta/addons/flannel.yaml", {}));
        const conf = "--kubeconfig /etc/kubernetes/admin.conf";
        await must(docker.execute(first, `kubectl ${conf} apply -f /etc/flannel.yaml`, { timeoutSeconds: 60 }));
        if (workers.length === 0) {
            return;
        }
        const token = await must(docker.execute(first, `kubeadm token create ${conf}`));
        const ca = Buffer.from(await must(docker.execute(first, "cat /etc/kubernetes/pki/ca.crt")));
        const join = { JOIN_TOKEN: token.trim(), CA_CERT_HASH: caCertHash(ca) };
        await Promise.all(
            workers.map(async (name) => {
                await this.write(
                    name,
                    "/etc/kubeadm.yaml",
                    this.document(name, "/etc/nta/templates/kubeadm.yaml", join),
                );
                await must(docker.execute(name, "kubeadm join --config /etc/kubeadm.yaml", { timeoutSeconds: 300 }));
            }),
        );
    }

    private async untilContainerd(node: string): Promise<void> {
        const script =
            `systemctl is-active --quiet containerd && mkdir -p /etc/nta ${patchesDirectory} && ` +
            "cp /etc/resolv.conf /etc/nta/resolv.conf";
        while ((await docker.execute(node, script)).code !== 0) {
            await sleep(200);
        }
    }

    private write(node: string, file: string, input: string): Promise<string> {
        return must(docker.execute(node, `cat >${file}`, { input }));
    }

    async remove(): Promise<void> {
        await docker.removeBelongings(this.clusterName);
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
