import * as k8s from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";

import type { VolumeStorage } from "../support/volume";
import type { KubernetesCluster } from "./kubernetes-cluster";
import { orEnd } from "./or-end";
import { type ReachArgs, type ReachedCluster, reachCluster } from "./reach";

export interface ExistingClusterArgs extends ReachArgs {
    /** Registry that this machine pushes to and the cluster's nodes pull from, `host[:port][/path]`. */
    registry: pulumi.Input<string>;
}

/** Stands for the cluster where there is no engine, and so nothing that could be made: tests, and comparisons of programs. */
const unreached: ReachedCluster = { kubeconfig: "", context: "", server: "", identity: "", version: "", nodes: [] };

/**
 * A Kubernetes cluster that is there already. It is looked at in each run, in previews too, and the program ends with one
 * message if it can't be used (see {@link reachCluster}). Nothing of it is changed but what this program adds.
 */
export class ExistingCluster extends pulumi.ComponentResource implements KubernetesCluster {
    readonly kubeconfig: pulumi.Output<string>;
    readonly provider: k8s.Provider;
    readonly exclusiveProvider: k8s.Provider;
    readonly registry: pulumi.Output<string>;
    readonly nodes: pulumi.Output<string[]>;
    readonly storage: VolumeStorage;
    /** Address of the API server. */
    readonly server: pulumi.Output<string>;
    /** Address of a node, as far as it may be known. */
    readonly nodeAddress: pulumi.Output<string | undefined>;

    constructor(name: string, args: ExistingClusterArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:cluster:ExistingCluster", name, {}, options);
        // Secret as a whole, because a login is in it.
        const reached = pulumi.secret(pulumi.runtime.hasEngine() ? orEnd(reachCluster(args)) : unreached);
        const plain = <T>(part: (cluster: ReachedCluster) => T) => pulumi.unsecret(reached.apply(part));
        this.kubeconfig = reached.kubeconfig;
        const provider = (suffix: string, upsertExistingObjects: boolean) =>
            new k8s.Provider(
                `${name}-${suffix}`,
                {
                    kubeconfig: this.kubeconfig,
                    // Another cluster replaces everything; another address or login of this one does not.
                    clusterIdentifier: plain(({ identity }) => identity),
                    upsertExistingObjects,
                    enablePatchForce: true,
                },
                { parent: this },
            );
        this.provider = provider("provider", true);
        this.exclusiveProvider = provider("exclusive-provider", false);
        // Not before the cluster was looked at: else images would be built and pushed first.
        this.registry = pulumi.unsecret(reached.apply(() => pulumi.output(args.registry)));
        this.nodes = plain(({ nodes }) => nodes);
        this.server = plain(({ server }) => server);
        this.nodeAddress = plain(({ nodeAddress }) => nodeAddress);
        this.storage = { kind: "class", storageClass: args.storageClass };
        this.registerOutputs({ kubeconfig: this.kubeconfig, registry: this.registry, nodes: this.nodes });
    }

    addressPool(wanted: string | undefined): pulumi.Output<string> {
        if (wanted === undefined) {
            throw new Error(
                "the network of an existing cluster is not this program's: a pool of addresses must be given",
            );
        }
        return pulumi.output(wanted);
    }
}
