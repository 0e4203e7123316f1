import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

/**
 * A namespace under Pod Security Admission: what "baseline" forbids is refused, what "restricted" forbids is warned of.
 */
export class Namespace extends pulumi.ComponentResource {
    /** The namespace's name, known as soon as it exists. */
    readonly namespaceName: pulumi.Output<string>;

    constructor(name: string, args: { namespaceName: string }, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Namespace", name, {}, options);
        const namespace = new core.Namespace(
            `${name}-namespace`,
            {
                metadata: {
                    name: args.namespaceName,
                    labels: {
                        "app.kubernetes.io/part-of": "taurus",
                        "pod-security.kubernetes.io/enforce": "baseline",
                        "pod-security.kubernetes.io/warn": "restricted",
                    },
                },
            },
            // Under another name too, what is in it must go first: both would keep their data in the same folders.
            { parent: this, deleteBeforeReplace: true },
        );
        this.namespaceName = namespace.metadata.name;
        this.registerOutputs({ namespaceName: this.namespaceName });
    }
}
