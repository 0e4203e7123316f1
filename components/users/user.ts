import * as command from "@pulumi/command/local";
import * as rbac from "@pulumi/kubernetes/rbac/v1";
import * as pulumi from "@pulumi/pulumi";

import { labels } from "../support/pod";
import type { IssueArgs } from "./issue";
import { renewalPeriod } from "./renewal";

export interface UserArgs {
    userName: string;
    role: "view" | "edit" | "admin";
    /** Namespaces that exist and in which the role counts. The first is the one that the user's commands mean. */
    namespaces: readonly [string, ...string[]];
    /** Days that a certificate is good for; it is renewed by the first update after half of them. */
    days: number;
    /** Of an administrator of the cluster. */
    kubeconfig: pulumi.Input<string>;
    /** Milliseconds since 1970; the present time by default. */
    now?: number;
}

/** The RoleBinding that gives a user one of Kubernetes' own roles in a namespace. */
export function userRoleBinding(
    { userName, role }: Pick<UserArgs, "userName" | "role">,
    namespace: string,
): rbac.RoleBindingArgs {
    return {
        metadata: { name: `nta-user-${userName}`, namespace, labels: labels(`user-${userName}`) },
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: role },
        subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: userName }],
    };
}

/**
 * A person who may use the cluster under a name of their own. The rights hang on the RoleBindings, so that they end at
 * once with them; the certificate by itself, which can't be called back, opens nothing.
 */
export class User extends pulumi.ComponentResource {
    /** The user's own kubeconfig. Secret. */
    readonly kubeconfig: pulumi.Output<string>;

    constructor(name: string, args: UserArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:users:User", name, {}, options);
        const { userName, namespaces, days } = args;
        const certificate = new command.Command(
            `${name}-certificate`,
            {
                create: "node --require ts-node/register/transpile-only components/users/issue.ts",
                stdin: pulumi.secret(args.kubeconfig).apply((kubeconfig) => {
                    const seconds = days * 24 * 3600;
                    const issueArgs: IssueArgs = { userName, namespace: namespaces[0], seconds, kubeconfig };
                    return JSON.stringify(issueArgs);
                }),
                triggers: [renewalPeriod(days, args.now ?? Date.now())],
                logging: command.Logging.None,
                addPreviousOutputInEnv: false,
            },
            { parent: this, additionalSecretOutputs: ["stdout"] },
        );
        this.kubeconfig = pulumi.secret(certificate.stdout);
        for (const namespace of namespaces) {
            new rbac.RoleBinding(`${name}-${namespace}`, userRoleBinding(args, namespace), {
                parent: this,
                // What a binding refers to can't be changed, and its name stays.
                replaceOnChanges: ["roleRef"],
                deleteBeforeReplace: true,
            });
        }
        this.registerOutputs({ kubeconfig: this.kubeconfig });
    }
}
