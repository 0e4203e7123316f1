import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

import { ownerLabel } from "./owner-label";

export interface NamespaceArgs {
    namespaceName: string;
    /** Whose it is: other stacks on the same cluster see it and keep away. */
    owner: string;
}

/**
 * A namespace under Pod Security Admission: what "baseline" forbids is refused, what "restricted" forbids is warned of.
 */
export class Namespace extends pulumi.ComponentResource {
    /** The namespace's name, known as soon as it exists. */
    readonly namespaceName: pulumi.Output<string>;
    /** What is in the namespace can name it in `deletedWith`. */
    readonly namespace: pulumi.Resource;

    constructor(name: string, args: NamespaceArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Namespace", name, {}, options);
        const namespace = new core.Namespace(
            `${name}-namespace`,
            {
                metadata: {
                    name: args.namespaceName,
                    labels: {
                        "app.kubernetes.io/part-of": "taurus",
                        [ownerLabel]: args.owner,
                        "pod-security.kubernetes.io/enforce": "baseline",
                        "pod-security.kubernetes.io/warn": "restricted",
                    },
                },
            },
            // Under another name too, what is in it must go first: both would keep their data in the same folders.
            { parent: this, deleteBeforeReplace: true, dependsOn: options?.dependsOn },
        );
        this.namespace = namespace;
        this.namespaceName = namespace.metadata.name;
        this.registerOutputs({ namespaceName: this.namespaceName });
    }
}
