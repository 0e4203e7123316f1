import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";
import * as random from "@pulumi/random";

import { labels, SecretKey } from "./pod";

export interface CredentialsArgs {
    namespace: pulumi.Input<string>;
    /** Name of the Kubernetes Secret. */
    secretName: string;
    /** Key of the generated password in it. */
    key: string;
}

/** A random password in a Kubernetes Secret, which is the only way by which pods get it. */
export class Credentials extends pulumi.ComponentResource {
    /** The password itself, a secret output. */
    readonly password: pulumi.Output<string>;
    readonly passwordKey: SecretKey;

    constructor(name: string, args: CredentialsArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Credentials", name, {}, options);
        // Letters and digits only: the application's start scripts hand it on without quotes.
        const password = new random.RandomPassword(
            `${name}-password`,
            { length: 32, special: false },
            { parent: this, additionalSecretOutputs: ["result"] },
        );
        const secret = new core.Secret(
            `${name}-secret`,
            {
                metadata: { name: args.secretName, namespace: args.namespace, labels: labels(args.secretName) },
                stringData: { [args.key]: password.result },
            },
            { parent: this },
        );
        this.password = pulumi.secret(password.result);
        this.passwordKey = { secret: secret.metadata.name, key: args.key };
        this.registerOutputs({ password: this.password });
    }
}
