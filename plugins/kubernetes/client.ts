/** A client for the Kubernetes API: requests, watches, and where kinds are served. */
import * as http from "node:http";
import * as https from "node:https";

import { ApiError, apiError, isNotFound, NoSuchKindError, UnreachableError } from "./api-errors";
import { type Credentials, logIn } from "./credentials";
import { ActiveContext, dataOrFile } from "./kubeconfig";
import { ApiResource, builtinResource, GroupVersionKind } from "./kinds";
import { asArray, asObject, asString, Json, JsonObject, KubernetesObject } from "./object";
import { sleep } from "./sleep";

/** Query parameters; undefined ones are left out. */
export type Query = Record<string, string | number | boolean | undefined>;

/** Parts of a request that most don't need. */
export interface RequestOptions {
    query?: Query;
    body?: Json;
    contentType?: string;
    /** Milliseconds for the whole answer; 30 s by default. */
    timeout?: number;
    signal?: AbortSignal;
}

/** One event of a watch. */
export interface WatchEvent {
    type: string;
    object: KubernetesObject;
}

/** Talks to one API server as one user. Nothing is connected before the first request. */
export class ApiClient {
    private readonly base: URL;
    private readonly serverTls: https.AgentOptions;
    private credentials: Promise<Credentials> | undefined;
    private agent: http.Agent | undefined;
    private readonly discovered = new Map<string, Promise<JsonObject[]>>();

    /** @throws Error when a file that the kubeconfig names can't be read, or for settings that are not supported. */
    constructor(private readonly context: ActiveContext) {
        const { cluster } = context;
        const server = asString(cluster.server);
        try {
            this.base = new URL(server);
        } catch {
            throw new Error(`the cluster's server ${JSON.stringify(server)} in the kubeconfig is not an address`);
        }
        if (asString(cluster["proxy-url"]) !== "") {
            throw new Error("`proxy-url` in a kubeconfig is supported by Pulumi's own kubernetes plugin only");
        }
        this.serverTls = {
            ca: dataOrFile(cluster, "certificate-authority"),
            rejectUnauthorized: cluster["insecure-skip-tls-verify"] !== true,
            ...(asString(cluster["tls-server-name"]) === ""
                ? {}
                : { servername: asString(cluster["tls-server-name"]) }),
        };
    }

    /** The API server's address, for messages. */
    get server(): string {
        return this.base.origin;
    }

    /** The namespace of objects that name none. */
    get namespace(): string {
        return this.context.namespace;
    }

    /** Closes idle connections. */
    close(): void {
        this.agent?.destroy();
    }

    /**
     * Sends a request and parses the answer. What is safe to repeat is repeated when the connection breaks or the
     * server is overloaded.
     *
     * @throws ApiError, UnreachableError, or the signal's reason.
     */
    async request(method: string, path: string, options: RequestOptions = {}): Promise<KubernetesObject> {
        return JSON.parse(await this.requestText(method, path, options)) as KubernetesObject;
    }

    /** Like {@link request}, for answers that are text. */
    async requestText(method: string, path: string, options: RequestOptions = {}): Promise<string> {
        for (let attempt = 1; ; attempt++) {
            try {
                return await this.send(method, path, options);
            } catch (error) {
                options.signal?.throwIfAborted();
                if (
                    attempt === 1 &&
                    error instanceof ApiError &&
                    error.status === 401 &&
                    this.context.user.exec !== undefined
                ) {
                    // The credentials may have been revoked before their time.
                    this.credentials = undefined;
                    this.agent = undefined;
                    continue;
                }
                if (attempt >= 5 || !mayRetry(method, error)) {
                    throw error;
                }
                await sleep(150 * 2 ** attempt, options.signal);
            }
        }
    }

    private async send(method: string, path: string, options: RequestOptions): Promise<string> {
        const response = await this.open(method, path, options, options.timeout ?? 30_000);
        const text = await readAll(response);
        const status = response.statusCode ?? 0;
        if (status >= 300) {
            throw apiError(status, text);
        }
        return text;
    }

    // Ends with the headers of the answer.
    private async open(
        method: string,
        path: string,
        options: RequestOptions,
        timeout: number,
    ): Promise<http.IncomingMessage> {
        options.signal?.throwIfAborted();
        const { headers } = await this.login();
        const query = new URLSearchParams();
        for (const [key, value] of Object.entries(options.query ?? {})) {
            if (value !== undefined) {
                query.set(key, String(value));
            }
        }
        const body = options.body === undefined ? undefined : JSON.stringify(options.body);
        const url = new URL(this.base);
        url.pathname = url.pathname.replace(/\/$/, "") + path;
        url.search = query.toString();
        const send = url.protocol === "http:" ? http.request : https.request;
        return new Promise((resolve, reject) => {
            const request = send(url, {
                method,
                agent: this.agent,
                headers: {
                    accept: "application/json",
                    "user-agent": "nta-pulumi-resource-kubernetes",
                    ...(body === undefined
                        ? {}
                        : {
                              "content-type": options.contentType ?? "application/json",
                              "content-length": String(Buffer.byteLength(body)),
                          }),
                    ...headers,
                },
                signal: options.signal,
            });
            const timer = setTimeout(() => request.destroy(timeoutError(timeout)), timeout);
            request.on("response", (response) => {
                response.on("close", () => clearTimeout(timer));
                resolve(response);
            });
            request.on("error", (error: NodeJS.ErrnoException) => {
                clearTimeout(timer);
                if (options.signal?.aborted) {
                    reject(options.signal.reason as Error);
                } else {
                    reject(
                        Object.assign(new UnreachableError(`${this.server}: ${error.message || String(error.code)}`), {
                            code: error.code,
                            reusedSocket: request.reusedSocket,
                        }),
                    );
                }
            });
            request.end(body);
        });
    }

    private async login(): Promise<Credentials> {
        let credentials = await (this.credentials ??= this.newLogin());
        if (credentials.expires <= Date.now()) {
            this.agent = undefined;
            credentials = await (this.credentials = this.newLogin());
        }
        this.agent ??=
            this.base.protocol === "http:"
                ? new http.Agent({ keepAlive: true })
                : new https.Agent({ keepAlive: true, ...this.serverTls, ...credentials.tls });
        return credentials;
    }

    /** A login that is forgotten when it fails, so that the next request tries again. */
    private newLogin(): Promise<Credentials> {
        const login = logIn(this.context.user);
        login.catch(() => {
            if (this.credentials === login) {
                this.credentials = undefined;
            }
        });
        return login;
    }

    /**
     * Streams a watch's events until the server ends it (as it does every few minutes) or the signal aborts.
     *
     * @throws ApiError (410 when the resource version is too old: list again) or UnreachableError.
     */
    async watch(path: string, query: Query, onEvent: (event: WatchEvent) => void, signal: AbortSignal): Promise<void> {
        // The limit ends connections that died without a word; the server ends its side earlier.
        const response = await this.open(
            "GET",
            path,
            { query: { ...query, watch: true, timeoutSeconds: 240 }, signal },
            300_000,
        );
        if ((response.statusCode ?? 0) >= 300) {
            throw apiError(response.statusCode ?? 0, await readAll(response));
        }
        response.setEncoding("utf8");
        let rest = "";
        try {
            for await (const chunk of response as AsyncIterable<string>) {
                const lines = (rest + chunk).split("\n");
                rest = lines.pop() ?? "";
                for (const line of lines.filter((candidate) => candidate !== "")) {
                    const event = JSON.parse(line) as unknown as WatchEvent;
                    if (event.type === "ERROR") {
                        throw apiError(Number(event.object.code ?? 500), JSON.stringify(event.object));
                    }
                    onEvent(event);
                }
            }
        } catch (error) {
            signal.throwIfAborted();
            throw error instanceof ApiError
                ? error
                : new UnreachableError(`${this.server}: ${(error as Error).message}`);
        }
    }

    /**
     * Where a kind is served. Kubernetes' own kinds are known; others are looked up.
     *
     * @throws NoSuchKindError
     */
    async resourceOf(type: GroupVersionKind, signal?: AbortSignal): Promise<ApiResource> {
        const builtin = builtinResource(type);
        if (builtin !== undefined) {
            return builtin;
        }
        const path = groupPath(type);
        let list = this.discovered.get(path);
        if (list === undefined) {
            list = this.request("GET", path, { signal }).then((answer) => asArray(answer.resources).map(asObject));
            this.discovered.set(path, list);
        }
        let resources: JsonObject[];
        try {
            resources = await list;
        } catch (error) {
            this.discovered.delete(path);
            if (isNotFound(error)) {
                throw new NoSuchKindError(type);
            }
            throw error;
        }
        const found = resources.find((item) => item.kind === type.kind && !asString(item.name).includes("/"));
        if (found === undefined) {
            this.discovered.delete(path);
            throw new NoSuchKindError(type);
        }
        return { plural: asString(found.name), namespaced: found.namespaced === true };
    }

    /** The path of a kind's collection, or of one object in it. */
    async pathOf(type: GroupVersionKind, namespace: string, name = "", signal?: AbortSignal): Promise<string> {
        const resource = await this.resourceOf(type, signal);
        const scope = resource.namespaced ? `/namespaces/${encodeURIComponent(namespace || this.namespace)}` : "";
        return `${groupPath(type)}${scope}/${resource.plural}${name === "" ? "" : `/${encodeURIComponent(name)}`}`;
    }
}

function groupPath(type: GroupVersionKind): string {
    return type.group === "" ? `/api/${type.version}` : `/apis/${type.group}/${type.version}`;
}

function timeoutError(timeout: number): Error {
    return Object.assign(new Error(`no answer in ${timeout / 1000} s`), { code: "ETIMEDOUT" });
}

function mayRetry(method: string, error: unknown): boolean {
    if (error instanceof ApiError) {
        return error.status === 429 || (error.status === 503 && method !== "POST");
    }
    const { code, reusedSocket } = error as { code?: string; reusedSocket?: boolean };
    // A request on an idle connection that the server had closed never reached it; neither did a refused one.
    return (
        (code === "ECONNRESET" && (method !== "POST" || reusedSocket === true)) ||
        (code === "EPIPE" && reusedSocket === true)
    );
}

async function readAll(response: http.IncomingMessage): Promise<string> {
    const chunks: Buffer[] = [];
    try {
        for await (const chunk of response) {
            chunks.push(chunk as Buffer);
        }
    } catch (error) {
        throw Object.assign(new UnreachableError(`the answer ended early: ${(error as Error).message}`), {
            code: (error as NodeJS.ErrnoException).code,
        });
    }
    return Buffer.concat(chunks).toString("utf8");
}
