import { readFileSync } from "node:fs";
import { homedir } from "node:os";

import { stringify } from "yaml";

import { ambientKubeconfig, type Kubeconfig, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";
import type { JsonObject } from "../../plugins/kubernetes/object";
import { ClusterError } from "./cluster-error";

/** Where a kubeconfig is: in a file, or at hand. Absent: where kubectl looks, $KUBECONFIG or ~/.kube/config. */
export type KubeconfigSource = { path: string } | { content: string };

/** A kubeconfig, and what to call it in messages. */
export interface NamedKubeconfig {
    config: Kubeconfig;
    name: string;
}

/**
 * Reads a kubeconfig.
 *
 * @throws ClusterError if it can't be read or is none.
 */
export function readKubeconfig(
    source: KubeconfigSource | undefined,
    environment: NodeJS.ProcessEnv = process.env,
): NamedKubeconfig {
    if (source !== undefined && "path" in source) {
        const path = source.path.replace(/^~(?=\/)/, homedir());
        return named(`the kubeconfig ${source.path}`, () => {
            // First, so that a path without a file is not taken for contents.
            readFileSync(path);
            return parseKubeconfig(path);
        });
    }
    if (source !== undefined) {
        return named("the kubeconfig in nta:kubeconfig", () => parseKubeconfig(source.content));
    }
    // `source env` points KUBECONFIG at the stack's own cluster and keeps what it was before.
    const files = environment.NTA_USER_KUBECONFIG ?? environment.KUBECONFIG;
    return named(`the kubeconfig ${files || "~/.kube/config"}`, () =>
        ambientKubeconfig({ ...environment, KUBECONFIG: files }),
    );
}

function named(name: string, read: () => Kubeconfig): NamedKubeconfig {
    try {
        return { config: read(), name };
    } catch (error) {
        const { code, syscall, message } = error as NodeJS.ErrnoException;
        // YAML errors show the place in the file, which may hold a key: the first line says enough.
        const [reason] = message.split("\n");
        throw new ClusterError(
            syscall === undefined ? `${name} does not parse: ${reason}` : `${name} can't be read: ${code}`,
            "Name a right one: pulumi config set kubeconfig <path>",
        );
    }
}

/**
 * The context that is meant: the given one, else the current one.
 *
 * @throws ClusterError if there is no such context, or if its cluster is missing.
 */
export function chooseContext({ config, name }: NamedKubeconfig, context: string | undefined): string {
    const chosen = context ?? config.currentContext;
    const known = [...config.contexts.keys()];
    const mend =
        known.length === 0
            ? "Name another file: pulumi config set kubeconfig <path>"
            : `Choose one: pulumi config set kubeContext ${known.length === 1 ? known[0] : "<context>"}`;
    const has = known.length === 0 ? "it has none" : `it has ${known.join(", ")}`;
    if (chosen === "") {
        throw new ClusterError(`${name} has no current context, and nta:kubeContext is not set; ${has}`, mend);
    }
    const entry = config.contexts.get(chosen);
    if (entry === undefined) {
        throw new ClusterError(`${name} has no context "${chosen}" (nta:kubeContext); ${has}`, mend);
    }
    const cluster = config.clusters.get(String(entry.cluster));
    if (typeof cluster?.server !== "string") {
        throw new ClusterError(
            `${name} has a context "${chosen}", but no cluster "${String(entry.cluster)}" for it`,
            mend,
        );
    }
    return chosen;
}

/**
 * A kubeconfig of one context that stands for itself: what it took from files is in it.
 *
 * @throws ClusterError if one of its files can't be read.
 */
export function singleContext({ config, name }: NamedKubeconfig, context: string): string {
    const entry = config.contexts.get(context) ?? {};
    const withFiles = (source: JsonObject | undefined, keys: string[]): JsonObject => {
        const result = { ...source };
        for (const key of keys) {
            const file = result[key];
            if (typeof file !== "string") {
                continue;
            }
            try {
                result[`${key}-data`] ??= readFileSync(file).toString("base64");
            } catch (error) {
                throw new ClusterError(
                    `${name} names the file ${file}, which can't be read: ${(error as NodeJS.ErrnoException).code}`,
                    "Mend that file or name another kubeconfig: pulumi config set kubeconfig <path>",
                );
            }
            delete result[key];
        }
        return result;
    };
    const cluster = String(entry.cluster);
    const user = typeof entry.user === "string" ? entry.user : "";
    return stringify(
        {
            apiVersion: "v1",
            kind: "Config",
            clusters: [{ name: cluster, cluster: withFiles(config.clusters.get(cluster), ["certificate-authority"]) }],
            users: [{ name: user, user: withFiles(config.users.get(user), ["client-certificate", "client-key"]) }],
            contexts: [{ name: context, context: entry }],
            "current-context": context,
        },
        { lineWidth: 0 },
    );
}
