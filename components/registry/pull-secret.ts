import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

import { hostOf, type RegistryAccess } from "../../registry/access";
import { labels } from "../support/pod";

/** Name of the Secret with the registry's login. */
export const pullSecretName = "registry";

export interface PullSecretArgs {
    namespace: pulumi.Input<string>;
    registry: Pick<RegistryAccess, "address" | "credentials">;
}

/** Docker's configuration file with a registry's login, as Kubernetes' pull secrets hold it. */
export function dockerConfigJson(host: string, username: string, password: string): string {
    const auth = Buffer.from(`${username}:${password}`).toString("base64");
    return JSON.stringify({ auths: { [host]: { username, password, auth } } });
}

/**
 * The registry's login for all pods of a namespace: a Secret, and the namespace's default ServiceAccount that names it.
 * Kubernetes itself adds it to each new pod, so a changed password starts no pod again.
 */
export class PullSecret extends pulumi.ComponentResource {
    /** The namespace's name, as soon as its pods can pull. */
    readonly namespaceName: pulumi.Output<string>;

    constructor(name: string, args: PullSecretArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:registry:PullSecret", name, {}, options);
        const { namespace, registry } = args;
        const { username = "", password } = registry.credentials ?? {};
        const config = dockerConfigJson(hostOf(registry), username, password?.reveal() ?? "");
        const secret = new core.Secret(
            `${name}-secret`,
            {
                metadata: { name: pullSecretName, namespace, labels: labels(pullSecretName) },
                type: "kubernetes.io/dockerconfigjson",
                stringData: { ".dockerconfigjson": pulumi.secret(config) },
            },
            { parent: this },
        );
        const account = new core.ServiceAccount(
            `${name}-account`,
            // Each namespace has it from the start; without this resource it is as Kubernetes makes it.
            { metadata: { name: "default", namespace }, imagePullSecrets: [{ name: pullSecretName }] },
            { parent: this, dependsOn: [secret] },
        );
        this.namespaceName = pulumi.all([namespace, account.urn]).apply(([known]) => known);
        this.registerOutputs({ namespaceName: this.namespaceName });
    }
}
