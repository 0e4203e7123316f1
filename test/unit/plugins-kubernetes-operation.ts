import { OperationContext } from "../../plugins/protocol/provider";

const silent = { debug() {}, info() {}, warning() {}, error() {}, status() {} };

/** What the engine says about an operation on a resource. */
export function operationContext(type: string, name = "thing"): OperationContext {
    return {
        urn: `urn:pulumi:s::p::${type}::${name}`,
        type,
        name,
        log: silent,
        signal: new AbortController().signal,
        timeout: undefined,
        preview: false,
    };
}

/** A kubeconfig with one context. */
export const kubeconfig = (server: string, user = "a"): string =>
    JSON.stringify({
        kind: "Config",
        "current-context": "c",
        contexts: [{ name: "c", context: { cluster: "k", user } }],
        clusters: [{ name: "k", cluster: { server } }],
        users: [{ name: user, user: { token: user } }],
    });
