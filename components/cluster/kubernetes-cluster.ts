import type * as k8s from "@pulumi/kubernetes/provider";
import type * as pulumi from "@pulumi/pulumi";

import type { VolumeStorage } from "../support/volume";

/** What the rest of the program needs of a cluster, whether this program made it or found it. */
export interface KubernetesCluster {
    /** One context, with the login of this program. Secret. */
    readonly kubeconfig: pulumi.Output<string>;
    /** Speaks to the cluster. What exists already by the same name is taken over: a killed update leaves such objects. */
    readonly provider: k8s.Provider;
    /** Like `provider`, but refuses to take over what exists: for what may be somebody else's. */
    readonly exclusiveProvider: k8s.Provider;
    /** Where images are pushed to and pulled from, `host[:port][/path]`; known when that is possible. */
    readonly registry: pulumi.Output<string>;
    /** The node that has the registry, and its port there, where that is the cluster's own. */
    readonly registryNode?: { name: pulumi.Output<string>; port: number };
    /** For `dependsOn` of what has pods: nodes are told of the registry, where that is for this program to do. */
    readonly registryAccess?: pulumi.Resource[];
    /** Names of the nodes, as far as they may be listed. */
    readonly nodes: pulumi.Output<string[]>;
    /** Where volumes live. */
    readonly storage: VolumeStorage;
    /**
     * Addresses of the nodes' network for Services of type LoadBalancer, `<address>-<address>`.
     *
     * @param wanted Chosen if absent, where the network is this program's.
     */
    addressPool(wanted: string | undefined): pulumi.Output<string>;
    /** What the cluster ends with, if this program made it. */
    readonly machine?: pulumi.Resource;
}
