import * as pulumi from "@pulumi/pulumi";

import type { User as DeclaredUser } from "../settings/users";
import { User } from "./user";

export interface UsersArgs {
    /** The declared people, checked. */
    users: readonly DeclaredUser[];
    /** Where a role counts that names no namespaces. */
    defaultNamespace: string;
    /** Of an administrator of the cluster. */
    kubeconfig: pulumi.Input<string>;
}

/** Everyone whom the setting `users` declares. */
export class Users extends pulumi.ComponentResource {
    /** Each user's own kubeconfig by name. Secret. */
    readonly kubeconfigs: Record<string, pulumi.Output<string>>;

    constructor(name: string, args: UsersArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:users:Users", name, {}, options);
        const { defaultNamespace, kubeconfig } = args;
        const users = args.users.map(({ name: userName, role, namespaces, days }) => {
            const [first = defaultNamespace, ...others] = namespaces;
            const userArgs = { userName, role, days, kubeconfig, namespaces: [first, ...others] as const };
            return [userName, new User(`${name}-${userName}`, userArgs, { parent: this })] as const;
        });
        this.kubeconfigs = Object.fromEntries(users.map(([userName, user]) => [userName, user.kubeconfig]));
        this.registerOutputs({ kubeconfigs: this.kubeconfigs });
    }
}
