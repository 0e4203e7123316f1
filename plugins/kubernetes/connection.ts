import { ProviderError } from "../protocol/errors";
import type { OperationContext } from "../protocol/provider";
import { ApiError } from "./api-errors";
import type { ApiClient } from "./client";
import { builtinResource, type GroupVersionKind } from "./kinds";
import { connect, readSettings, type Settings } from "./settings";

/** The cluster that a provider's settings name: reached or not, and what is known about it. */
export class Connection {
    /** Undefined when the settings name no usable cluster. */
    readonly client: ApiClient | undefined;
    // Why there is no client.
    private readonly unusable: string;
    private reachable: Promise<string | undefined> | undefined;
    private warned = false;

    private constructor(
        readonly settings: Settings,
        client: ApiClient | string,
    ) {
        [this.client, this.unusable] = typeof client === "string" ? [undefined, client] : [client, ""];
    }

    /** The state before there are settings. */
    static none(): Connection {
        return new Connection(readSettings({}), "the provider is not configured");
    }

    /** Connects to nothing yet. A kubeconfig that can't be used is an error of what needs it. */
    static to(settings: Settings): Connection {
        try {
            return new Connection(settings, connect(settings));
        } catch (error) {
            return new Connection(settings, (error as Error).message);
        }
    }

    close(): void {
        this.client?.close();
    }

    /** Undefined when the cluster answers, else why not. Asked once: a plugin lives for one run of the engine. */
    unreachable(): Promise<string | undefined> {
        this.reachable ??= (async () => {
            if (this.client === undefined) {
                return this.unusable;
            }
            try {
                await this.client.requestText("GET", "/version", { timeout: 10_000 });
            } catch (error) {
                if (!(error instanceof ApiError)) {
                    return (error as Error).message;
                }
                // It answers; what the user may do shows in the requests that need it.
            }
            return undefined;
        })();
        return this.reachable;
    }

    /** The client of a cluster that answers, or undefined. */
    async clientIfReachable(): Promise<ApiClient | undefined> {
        return (await this.unreachable()) === undefined ? this.client : undefined;
    }

    /** The client of a cluster that answers; for a cluster that doesn't, undefined and a warning. */
    async clientOrWarning(context: OperationContext): Promise<ApiClient | undefined> {
        const reason = await this.unreachable();
        if (reason === undefined) {
            return this.client;
        }
        // Once, not for each of the objects in the cluster.
        if (!this.warned) {
            this.warned = true;
            context.log.warning(
                `configured Kubernetes cluster is unreachable: ${reason}` +
                    (this.settings.deleteUnreachable
                        ? "; `deleteUnreachable` is set: what was in it is dropped from Pulumi's state"
                        : ""),
            );
        }
        return undefined;
    }

    /** @throws ProviderError for a cluster that does not answer. */
    async usableClient(): Promise<ApiClient> {
        const reason = await this.unreachable();
        if (reason !== undefined || this.client === undefined) {
            throw new ProviderError(`configured Kubernetes cluster is unreachable: ${reason ?? this.unusable}`);
        }
        return this.client;
    }

    /** Without asking the API server where that can be known; other kinds are looked up, and namespaced when unknown. */
    async isNamespaced(type: GroupVersionKind): Promise<boolean> {
        const builtin = builtinResource(type);
        if (builtin !== undefined) {
            return builtin.namespaced;
        }
        const client = await this.clientIfReachable();
        if (client === undefined) {
            return true;
        }
        try {
            return (await client.resourceOf(type)).namespaced;
        } catch {
            // Its CustomResourceDefinition may come with this very update.
            return true;
        }
    }
}
