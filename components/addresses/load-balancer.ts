import * as pulumi from "@pulumi/pulumi";

import { type AnyObject, metalLbObjects, poolObjects } from "./metallb";

export interface LoadBalancerArgs {
    /** The image `metallb`. */
    image: pulumi.Input<string>;
    /** The addresses to give, `<address>-<address>`: of the nodes' network, and nobody else's. */
    pool: pulumi.Input<string>;
}

/** An object of a manifest, whatever its kind. */
class ManifestObject extends pulumi.CustomResource {
    constructor(name: string, object: AnyObject, options: pulumi.CustomResourceOptions) {
        const { apiVersion, kind } = object;
        // Kubernetes' first group has no name; Pulumi calls it core.
        const group = apiVersion.includes("/") ? apiVersion : `core/${apiVersion}`;
        super(`kubernetes:${group}:${kind}`, name, object, options);
    }
}

/**
 * Gives Services of type LoadBalancer an address on the nodes' network (MetalLB, layer 2). The address is the Service's,
 * whichever node its pods are on; a node that is up answers for it. One for each cluster.
 */
export class LoadBalancer extends pulumi.ComponentResource {
    constructor(name: string, args: LoadBalancerArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:addresses:LoadBalancer", name, {}, options);
        const declared: pulumi.Resource[] = [];
        for (const group of [...metalLbObjects(args.image), poolObjects(args.pool)]) {
            const dependsOn = [...declared];
            for (const object of group) {
                const objectName = `${name}-${object.metadata.name}-${object.kind}`.toLowerCase();
                declared.push(new ManifestObject(objectName, object, { parent: this, dependsOn }));
            }
        }
        this.registerOutputs({});
    }
}
