/** kubeconfig files, as far as a client needs them. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";

import { asArray, asObject, asString, equal, isObject, Json, JsonObject } from "./object";

/** A parsed kubeconfig; clusters, users and contexts by name. */
export interface Kubeconfig {
    currentContext: string;
    clusters: Map<string, JsonObject>;
    users: Map<string, JsonObject>;
    contexts: Map<string, JsonObject>;
}

/** What chooses among a kubeconfig's entries. */
export interface ContextOverrides {
    context?: string;
    cluster?: string;
    namespace?: string;
}

/** The entries that are in use: the API server, how to log in, and the namespace of what names none. */
export interface ActiveContext {
    cluster: JsonObject;
    user: JsonObject;
    namespace: string;
}

/**
 * Reads a kubeconfig from its contents (YAML or JSON) or from the file at a path (`~` is the home folder).
 * Relative paths in a file are made absolute, as kubectl does it: a credential command's only if it is a path.
 *
 * @throws Error for text that is no kubeconfig.
 */
export function parseKubeconfig(pathOrContents: string): Kubeconfig {
    const path = /^~(?=$|\/)/.test(pathOrContents) ? join(homedir(), pathOrContents.slice(1)) : pathOrContents;
    if (!path.includes("\n") && path.length < 4096 && existsSync(path) && statSync(path).isFile()) {
        return parseContents(readFileSync(path, "utf8"), dirname(resolve(path)));
    }
    return parseContents(pathOrContents);
}

/** The kubeconfig of the environment: the files of $KUBECONFIG, the earlier ones first, else ~/.kube/config. */
export function ambientKubeconfig(env: NodeJS.ProcessEnv = process.env): Kubeconfig {
    const merged: Kubeconfig = emptyKubeconfig();
    const paths = env.KUBECONFIG ? env.KUBECONFIG.split(delimiter) : [join(homedir(), ".kube", "config")];
    for (const path of paths.filter((candidate) => candidate !== "" && existsSync(candidate))) {
        const config = parseKubeconfig(path);
        merged.currentContext ||= config.currentContext;
        for (const key of ["clusters", "users", "contexts"] as const) {
            for (const [name, entry] of config[key]) {
                if (!merged[key].has(name)) {
                    merged[key].set(name, entry);
                }
            }
        }
    }
    return merged;
}

function emptyKubeconfig(): Kubeconfig {
    return { currentContext: "", clusters: new Map(), users: new Map(), contexts: new Map() };
}

function parseContents(contents: string, folder?: string): Kubeconfig {
    const document = parseDocument(contents);
    if (!isObject(document) || (document.clusters === undefined && document.kind !== "Config")) {
        throw new Error("this is neither the path of a kubeconfig file nor a kubeconfig's contents");
    }
    return {
        currentContext: asString(document["current-context"]),
        clusters: entries(document.clusters, "cluster", folder, ["certificate-authority"]),
        users: new Map(
            [...entries(document.users, "user", folder, ["client-certificate", "client-key", "tokenFile"])].map(
                ([name, user]) => [name, withCommandIn(folder, user)],
            ),
        ),
        contexts: entries(document.contexts, "context"),
    };
}

function withCommandIn(folder: string | undefined, user: JsonObject): JsonObject {
    const command = asString(asObject(user.exec).command);
    return folder === undefined || !command.includes("/")
        ? user
        : { ...user, exec: { ...asObject(user.exec), command: resolve(folder, command) } };
}

function parseDocument(contents: string): Json {
    if (/^\s*\{/.test(contents)) {
        try {
            return JSON.parse(contents) as Json;
        } catch {
            // YAML in flow style.
        }
    }
    // Loaded here, because most processes never need it.
    // eslint-disable-next-line @typescript-eslint/no-require-imports
    const yaml = require("yaml") as typeof import("yaml");
    return yaml.parse(contents) as Json;
}

function entries(
    list: Json | undefined,
    member: string,
    folder?: string,
    paths: string[] = [],
): Map<string, JsonObject> {
    const result = new Map<string, JsonObject>();
    for (const item of asArray(list)) {
        const entry = { ...asObject(asObject(item)[member]) };
        for (const key of paths) {
            const path = asString(entry[key]);
            if (path !== "" && folder !== undefined) {
                entry[key] = resolve(folder, path);
            }
        }
        const name = asString(asObject(item).name);
        if (!result.has(name)) {
            result.set(name, entry);
        }
    }
    return result;
}

/**
 * The entries in use.
 *
 * @throws Error that names what is missing.
 */
export function activeContext(config: Kubeconfig, overrides: ContextOverrides): ActiveContext {
    const contextName = overrides.context || config.currentContext;
    const context = config.contexts.get(contextName);
    if (context === undefined && (overrides.context || config.contexts.size > 0 || !overrides.cluster)) {
        throw new Error(
            contextName === ""
                ? "the kubeconfig has no current-context and no context is set"
                : `the kubeconfig has no context ${JSON.stringify(contextName)}`,
        );
    }
    const clusterName = overrides.cluster || asString(context?.cluster);
    const cluster = config.clusters.get(clusterName);
    if (cluster === undefined || asString(cluster.server) === "") {
        throw new Error(`the kubeconfig has no cluster ${JSON.stringify(clusterName)} with a server`);
    }
    return {
        cluster,
        user: config.users.get(asString(context?.user)) ?? {},
        namespace: overrides.namespace || asString(context?.namespace) || "default",
    };
}

/**
 * True when both kubeconfigs have a cluster in use and it isn't the same one. What is compared is the whole entry:
 * clusters have no better identity in a kubeconfig.
 */
export function clusterChanged(
    left: { config: Kubeconfig; overrides: ContextOverrides },
    right: { config: Kubeconfig; overrides: ContextOverrides },
): boolean {
    const find = ({ config, overrides }: typeof left): JsonObject | undefined => {
        const context = config.contexts.get(overrides.context || config.currentContext);
        return context && config.clusters.get(overrides.cluster || asString(context.cluster));
    };
    const [before, after] = [find(left), find(right)];
    return before !== undefined && after !== undefined && !equal(before, after);
}

/**
 * What an entry holds under `<key>-data`, else in the file that it names under `<key>`.
 *
 * @throws Error when the file can't be read.
 */
export function dataOrFile(entry: JsonObject, key: string): Buffer | undefined {
    const data = asString(entry[`${key}-data`]);
    if (data !== "") {
        return Buffer.from(data, "base64");
    }
    const path = asString(entry[key]);
    if (path === "") {
        return undefined;
    }
    try {
        return readFileSync(path);
    } catch (error) {
        throw new Error(`the kubeconfig's ${key} can't be read: ${(error as Error).message}`);
    }
}
