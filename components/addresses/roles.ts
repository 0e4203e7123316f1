import type { types } from "@pulumi/kubernetes";

import type { Program } from "./metallb";

type PolicyRule = types.input.rbac.v1.PolicyRule;

const read = ["get", "list", "watch"];

/** MetalLB's configuration: what its operator writes, and both programs read. */
const configuration: PolicyRule = {
    apiGroups: ["metallb.io"],
    resources: [
        "bfdprofiles",
        "bgpadvertisements",
        "bgppeers",
        "communities",
        "ipaddresspools",
        "l2advertisements",
        "servicebgpstatuses",
    ],
    verbs: read,
};

const events: PolicyRule = { apiGroups: [""], resources: ["events"], verbs: ["create", "patch"] };

/** What each program may do in the whole cluster. */
export const clusterRules: Readonly<Record<Program, PolicyRule[]>> = {
    controller: [
        { apiGroups: [""], resources: ["services", "namespaces"], verbs: read },
        { apiGroups: [""], resources: ["nodes"], verbs: ["list"] },
        { apiGroups: [""], resources: ["services/status"], verbs: ["update"] },
        events,
    ],
    speaker: [
        { apiGroups: [""], resources: ["services", "endpoints", "nodes", "namespaces"], verbs: read },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: read },
        // Which node answers for which Service.
        {
            apiGroups: ["metallb.io"],
            resources: ["servicel2statuses", "servicel2statuses/status"],
            verbs: ["*"],
        },
        events,
    ],
};

/** What each program may do in MetalLB's namespace. */
export const namespaceRules: Readonly<Record<Program, PolicyRule[]>> = {
    controller: [
        configuration,
        { apiGroups: ["metallb.io"], resources: ["ipaddresspools/status"], verbs: ["update"] },
        // It makes the speakers' common key, which its Deployment owns.
        { apiGroups: [""], resources: ["secrets"], verbs: [...read, "create", "delete", "patch", "update"] },
        { apiGroups: ["apps"], resources: ["deployments"], resourceNames: ["controller"], verbs: ["get"] },
    ],
    speaker: [
        configuration,
        { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] },
        { apiGroups: [""], resources: ["secrets", "configmaps"], verbs: read },
    ],
};
