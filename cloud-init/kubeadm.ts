import { stringify } from "yaml";
import { auditLogDirectory } from "./audit-policy";
import { CloudInitArgs } from "./documents";

const auditPolicyFile = "/etc/nta/audit-policy.yaml";

/** Where kubeadm finds patches of the control plane's pods: nta-node puts them there where processors are emulated. */
export const patchesDirectory = "/run/nta/patches";

/** kubeadm's list form of command line arguments (v1beta4). */
function extraArgs(args: Record<string, string>): { name: string; value: string }[] {
    return Object.entries(args).map(([name, value]) => ({ name, value }));
}

/** Nodes without the taint that kubeadm gives to control planes, because here the first node works as well. */
function nodeRegistration(name: string): object {
    return {
        name,
        criSocket: "unix:///run/containerd/containerd.sock",
        imagePullPolicy: "Never",
        taints: [],
    };
}

function apiServer(args: CloudInitArgs, firstNode: string): object {
    const names = [firstNode, args.clusterName, "localhost", "127.0.0.1", ...(args.certificateNames ?? [])];
    const certSANs = [...new Set(names)];
    if (args.auditPolicy === undefined) {
        return { certSANs };
    }
    return {
        certSANs,
        extraArgs: extraArgs({
            "audit-policy-file": auditPolicyFile,
            "audit-log-path": `${auditLogDirectory}/audit.log`,
            // Days, files and MB: an event takes about 1 kB, so at most 100,000 events are kept.
            "audit-log-maxage": "90",
            "audit-log-maxbackup": "9",
            "audit-log-maxsize": "10",
        }),
        extraVolumes: [
            {
                name: "audit-policy",
                hostPath: auditPolicyFile,
                mountPath: auditPolicyFile,
                readOnly: true,
                pathType: "File",
            },
            {
                name: "audit-log",
                hostPath: auditLogDirectory,
                mountPath: auditLogDirectory,
                pathType: "DirectoryOrCreate",
            },
        ],
    };
}

/**
 * The YAML documents that `kubeadm init` (first node) or `kubeadm join` (the others) takes. `@…@` are filled in by nta-node
 * from what the machine is.
 */
export function kubeadmConfig(args: CloudInitArgs, node: string): string {
    const firstNode = args.nodes[0].name;
    const documents = node === firstNode ? initDocuments(args, firstNode) : [joinDocument(node, firstNode)];
    const text = documents.map((document) => stringify(document, { lineWidth: 0 })).join("---\n");
    // This one stands for a number.
    return text.replace('"@KUBE_PROXY_OOM_SCORE_ADJ@"', "@KUBE_PROXY_OOM_SCORE_ADJ@");
}

function initDocuments(args: CloudInitArgs, firstNode: string): object[] {
    return [
        {
            apiVersion: "kubeadm.k8s.io/v1beta4",
            kind: "InitConfiguration",
            // Its checks are about a hand-made machine (swap, kernel modules, free ports); the node image is known.
            skipPhases: ["preflight"],
            // kubeadm makes a token in any case; nodes join later, each time by a new one.
            bootstrapTokens: [{ ttl: "1s" }],
            localAPIEndpoint: { advertiseAddress: "@ADDRESS@", bindPort: 6443 },
            nodeRegistration: nodeRegistration(firstNode),
            patches: { directory: patchesDirectory },
            timeouts: {
                controlPlaneComponentHealthCheck: "@KUBEADM_TIMEOUT@",
                etcdAPICall: "@KUBEADM_TIMEOUT@",
                kubeletHealthCheck: "@KUBEADM_TIMEOUT@",
                kubernetesAPICall: "@KUBEADM_TIMEOUT@",
            },
        },
        {
            apiVersion: "kubeadm.k8s.io/v1beta4",
            kind: "ClusterConfiguration",
            clusterName: args.clusterName,
            // Made and used in a fraction of RSA-2048's time, which is kubeadm's default.
            encryptionAlgorithm: "ECDSA-P256",
            // That of the node image: settings change the version of a cluster, not of its documents.
            kubernetesVersion: "@KUBERNETES_VERSION@",
            controlPlaneEndpoint: `${firstNode}:6443`,
            networking: { podSubnet: args.podRange, serviceSubnet: args.serviceRange },
            apiServer: apiServer(args, firstNode),
            // There is one of each, which need not wait for a lease of its predecessor's.
            controllerManager: { extraArgs: extraArgs({ "leader-elect": "false" }) },
            scheduler: { extraArgs: extraArgs({ "leader-elect": "false" }) },
            etcd: {
                local: {
                    extraArgs: extraArgs({
                        "heartbeat-interval": "@ETCD_HEARTBEAT_MS@",
                        "election-timeout": "@ETCD_ELECTION_MS@",
                    }),
                },
            },
        },
        {
            apiVersion: "kubelet.config.k8s.io/v1beta1",
            kind: "KubeletConfiguration",
            failCgroupV1: false,
            failSwapOn: false,
            resolvConf: "/etc/nta/resolv.conf",
            nodeStatusUpdateFrequency: "4s",
            // The node image's container images cannot be pulled again: never collect them for lack of space.
            imageGCHighThresholdPercent: 100,
            evictionHard: {
                "memory.available": "100Mi",
                "nodefs.available": "0%",
                "nodefs.inodesFree": "0%",
                "imagefs.available": "0%",
            },
        },
        {
            apiVersion: "kubeproxy.config.k8s.io/v1alpha1",
            kind: "KubeProxyConfiguration",
            mode: "iptables",
            oomScoreAdj: "@KUBE_PROXY_OOM_SCORE_ADJ@",
            // The connection table's size belongs to the host, which may be shared.
            conntrack: { maxPerCore: 0, min: 0 },
        },
    ];
}

/** `@JOIN_TOKEN@` and `@CA_CERT_HASH@` are what the first node invites this one with, when the time has come. */
function joinDocument(node: string, firstNode: string): object {
    return {
        apiVersion: "kubeadm.k8s.io/v1beta4",
        kind: "JoinConfiguration",
        skipPhases: ["preflight"],
        discovery: {
            bootstrapToken: {
                apiServerEndpoint: `${firstNode}:6443`,
                token: "@JOIN_TOKEN@",
                caCertHashes: ["@CA_CERT_HASH@"],
            },
        },
        // An invitation that does not hold is given up soon, and a new one asked for.
        timeouts: {
            discovery: "1m0s",
            kubeletHealthCheck: "@KUBEADM_TIMEOUT@",
            kubernetesAPICall: "@KUBEADM_TIMEOUT@",
            tlsBootstrap: "@KUBEADM_TIMEOUT@",
        },
        nodeRegistration: nodeRegistration(node),
    };
}

/**
 * kubeadm's patches for a control plane whose processors are emulated, by file name. By kubeadm's own probes, three of the
 * four are asked every second, each time over a new TLS connection, and one that has not answered for 80 s is killed. The
 * boot of another machine on the same processors takes longer than that, and what is started again is slower still.
 */
export function emulatedPatches(): Record<string, string> {
    const patch = (name: string, probes: object) => stringify({ spec: { containers: [{ name, ...probes }] } });
    const livenessProbe = { periodSeconds: 30, failureThreshold: 40 };
    const readinessProbe = { periodSeconds: 10 };
    return {
        "etcd.yaml": patch("etcd", { livenessProbe, readinessProbe }),
        "kube-apiserver.yaml": patch("kube-apiserver", { livenessProbe, readinessProbe }),
        // It has no readiness probe.
        "kube-controller-manager.yaml": patch("kube-controller-manager", { livenessProbe }),
        "kube-scheduler.yaml": patch("kube-scheduler", { livenessProbe, readinessProbe }),
    };
}

/** Where cloud-init puts the audit policy that {@link kubeadmConfig} refers to. */
export { auditPolicyFile };
