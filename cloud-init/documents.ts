import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";
import { Document, Scalar, stringify, visit } from "yaml";
import { hostsToml, registryFolder } from "./registry-hosts";
import { auditPolicyFile, emulatedPatches, kubeadmConfig } from "./kubeadm";
import versions from "../node-image/versions.json";

/** One machine of the cluster. Without an address, the machine network's own DHCP and DNS give it and make it known. */
export interface NodeArgs {
    name: string;
    /** IPv4 address with prefix length, e.g. "192.168.56.11/24". */
    address?: string;
}

export interface CloudInitArgs {
    clusterName: string;
    /**
     * The first one carries the control plane and the registry. A node's documents tell of itself and of the first node
     * only, so that nodes come and go without a change of the others.
     */
    nodes: NodeArgs[];
    /** Image references say `localhost:<registryPort>` for the registry on the first node, on the host and in the cluster. */
    registryPort: number;
    /** Addresses of pods and of services inside the cluster, for example "10.244.0.0/16". */
    podRange: string;
    serviceRange: string;
    /** Folders under /var/lib/nta/volumes on the first node, for `local` PersistentVolumes. */
    volumes: string[];
    /** Names and addresses of the API server besides the nodes' and the loopback's. */
    certificateNames?: string[];
    /** An audit.k8s.io/v1 Policy as YAML. The API server writes no audit log without it. */
    auditPolicy?: string;
}

/** What the NoCloud data source of one machine holds, under these names without the dash: user-data, meta-data, … */
export interface CloudInitDocuments {
    userData: string;
    metaData: string;
    networkConfig: string;
}

interface File {
    path: string;
    content: string;
    permissions?: string;
}

/** Where the registry listens on the first node. */
export const registryPortOnNode = 5000;

/** What nta-node takes in addition where processors are emulated. */
const emulatedTemplates = "/etc/nta/templates/emulated";

function asset(name: string, values: Record<string, string> = {}): string {
    const text = fs.readFileSync(path.join(__dirname, "files", name), "utf8");
    return text.replace(/\{\{(\w+)\}\}/g, (placeholder, key: string) => {
        const value = values[key];
        if (value === undefined) {
            throw new Error(`cloud-init/files/${name}: no value for ${placeholder}`);
        }
        return value;
    });
}

/** How containerd reaches the cluster's own registry. Others may change while the machine stays: see machine/registry.ts. */
function ownRegistryFile({ registryPort, nodes }: CloudInitArgs): File {
    const endpoint = `http://${nodes[0].name}:${registryPortOnNode}`;
    return { path: `${registryFolder(`localhost:${registryPort}`)}/hosts.toml`, content: hostsToml(endpoint) };
}

function files(args: CloudInitArgs, node: NodeArgs): File[] {
    const { name: first, address } = args.nodes[0];
    const isFirst = node.name === first;
    const environment = {
        NTA_NODE: node.name,
        NTA_FIRST_NODE: first,
        NTA_FIRST_ADDRESS: address?.split("/")[0] ?? "",
        NTA_VOLUMES: isFirst ? args.volumes.join(" ") : "",
    };
    const result: File[] = [
        {
            path: "/etc/nta/node.env",
            content: Object.entries(environment)
                .map(([k, v]) => `${k}="${v}"\n`)
                .join(""),
        },
        {
            path: "/etc/nta/egress.rules",
            content: asset("egress.rules", { SERVICE_SUBNET: args.serviceRange, POD_SUBNET: args.podRange }),
        },
        { path: "/etc/nta/templates/kubelet.yaml", content: asset("kubelet.yaml.template") },
        { path: `${emulatedTemplates}/kubelet.yaml`, content: asset("kubelet-emulated.yaml") },
        { path: "/etc/nta/templates/kubeadm.yaml", content: kubeadmConfig(args, node.name), permissions: "0600" },
        ownRegistryFile(args),
    ];
    if (isFirst) {
        const flannel = { POD_SUBNET: args.podRange, FLANNEL_IMAGE: versions.images.flannel, FIRST_NODE: first };
        result.push({ path: "/etc/nta/addons/flannel.yaml", content: asset("flannel.yaml.template", flannel) });
        result.push({
            path: "/etc/nta/templates/coredns-patch.yaml",
            content: asset("coredns-patch.yaml.template"),
        });
        result.push({ path: "/etc/docker/registry/config.yml", content: asset("docker-registry.yml") });
        for (const [name, content] of Object.entries(emulatedPatches())) {
            result.push({ path: `${emulatedTemplates}/patches/${name}`, content });
        }
        if (args.auditPolicy !== undefined) {
            result.push({ path: auditPolicyFile, content: args.auditPolicy });
        }
    }
    return [
        ...result,
        // At shutdown, processes of pods that do not heed SIGTERM would be waited for for 90 s.
        { path: "/etc/systemd/system.conf.d/nta.conf", content: "[Manager]\nDefaultTimeoutStopSec=15s\n" },
        { path: "/usr/local/sbin/nta-node", content: asset("nta-node.sh"), permissions: "0755" },
        { path: "/etc/systemd/system/nta-prepare.service", content: asset("nta-prepare.service") },
        { path: "/etc/systemd/system/nta-node.service", content: asset("nta-node.service") },
        { path: "/etc/systemd/system/kubelet.service.d/20-nta.conf", content: asset("kubelet-dropin.conf") },
    ];
}

function userData(args: CloudInitArgs, node: NodeArgs): string {
    const isFirst = node.name === args.nodes[0].name;
    const content = {
        // The node image is complete, so only these parts of cloud-init run.
        cloud_init_modules: ["growpart", "resizefs", "set_hostname", "update_hostname", "write_files"],
        cloud_config_modules: ["runcmd"],
        cloud_final_modules: ["scripts_user"],
        hostname: node.name,
        preserve_hostname: false,
        manage_etc_hosts: false,
        write_files: files(args, node),
        runcmd: [
            ["systemctl", "daemon-reload"],
            ["systemctl", "enable", "nta-prepare.service", "nta-node.service"],
            // Not waited for: cloud-init is done when everything is written, kubeadm takes its own time.
            ["systemctl", "start", "--no-block", "nta-node.service"],
            ...(isFirst
                ? [
                      ["systemctl", "enable", "docker-registry.service"],
                      ["systemctl", "restart", "--no-block", "docker-registry.service"],
                  ]
                : []),
        ],
    };
    // cloud-init reads YAML 1.1, where more plain words mean something else than text.
    const document = new Document(content, { version: "1.1" });
    // Files stay readable: every text of several lines as a literal block.
    visit(document, {
        Scalar(_, scalar) {
            if (typeof scalar.value === "string" && scalar.value.includes("\n")) {
                scalar.type = Scalar.BLOCK_LITERAL;
            }
        },
    });
    return `#cloud-config\n${document.toString({ lineWidth: 0 })}`;
}

function networkConfig(node: NodeArgs): string {
    const addresses = node.address === undefined ? { dhcp4: true } : { addresses: [node.address] };
    // Debian 12's cloud-init hands networkd the key as the interface's name, and no other match by name.
    return stringify({ version: 2, ethernets: { "e*": { match: { name: "e*" }, ...addresses } } });
}

/** The cloud-init documents of one node; the same arguments give the same text. */
export function cloudInitDocuments(args: CloudInitArgs, nodeName: string): CloudInitDocuments {
    const node = args.nodes.find((candidate) => candidate.name === nodeName);
    if (node === undefined) {
        throw new Error(`no node "${nodeName}" in the cluster ${args.clusterName}`);
    }
    const user = userData(args, node);
    const network = networkConfig(node);
    // cloud-init applies its documents once per instance: another content is another instance.
    const content = crypto.createHash("sha256").update(user).update(network).digest("hex").slice(0, 12);
    return {
        userData: user,
        metaData: stringify({ "instance-id": `${node.name}-${content}`, "local-hostname": node.name }),
        networkConfig: network,
    };
}
