import { stringify } from "yaml";

/**
 * Folder on the first node that holds the API server's audit log, `audit.log` and the older `audit-<time>.log`, one JSON
 * object a line. It lies with what outlives the machine's container.
 */
export const auditLogDirectory = "/var/lib/nta/audit";

/** Accounts by which Kubernetes itself works. What they do follows from what somebody else asked for. */
const systemUsers = [
    "system:apiserver",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:kube-proxy",
] as const;

const systemGroups = [
    "system:nodes",
    "system:serviceaccounts:kube-system",
    "system:serviceaccounts:kube-flannel",
] as const;

/**
 * The API server's audit policy, an audit.k8s.io/v1 Policy as YAML: who changed what and when, and who went into a pod.
 * The first rule that matches a request decides. No rule goes beyond the level Metadata, so no bodies are recorded, and
 * no content of a Secret.
 */
export function auditPolicy(): string {
    return stringify(
        {
            apiVersion: "audit.k8s.io/v1",
            kind: "Policy",
            // One line for each request: when it has been answered, or when a long one (exec, port-forward) begins and ends.
            omitStages: ["RequestReceived"],
            rules: [
                { level: "None", users: [...systemUsers] },
                { level: "None", userGroups: [...systemGroups] },
                {
                    level: "None",
                    resources: [
                        { group: "", resources: ["events"] },
                        { group: "events.k8s.io", resources: ["events"] },
                        { group: "coordination.k8s.io", resources: ["leases"] },
                        // Questions that are asked by creating an object: `kubectl auth can-i`, `whoami`.
                        { group: "authorization.k8s.io" },
                        { group: "authentication.k8s.io" },
                    ],
                },
                {
                    // Before the rule about reads: these begin with a GET and still are more than that.
                    level: "Metadata",
                    resources: [
                        {
                            group: "",
                            resources: [
                                "pods/attach",
                                "pods/ephemeralcontainers",
                                "pods/exec",
                                "pods/portforward",
                                "pods/proxy",
                                "services/proxy",
                                "nodes/proxy",
                            ],
                        },
                    ],
                },
                { level: "None", verbs: ["get", "list", "watch"] },
                { level: "Metadata" },
            ],
        },
        { lineWidth: 0 },
    );
}
