import type { types } from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";

import type { RegistryAccess } from "../../registry/access";

/**
 * The login with which Docker pushes an image; undefined for a registry that wants none.
 *
 * @param registry `host[:port][/path]`
 */
export function pushLogin(
    registry: pulumi.Input<string>,
    credentials: RegistryAccess["credentials"],
): types.input.Registry | undefined {
    return (
        credentials && {
            server: pulumi.output(registry).apply((address) => address.split("/")[0]),
            username: credentials.username,
            password: pulumi.secret(credentials.password.reveal()),
        }
    );
}
