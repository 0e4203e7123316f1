import { ApiError } from "../api-errors";
import type { ApiClient, WatchEvent } from "../client";
import { apiVersionOf, type GroupVersionKind } from "../kinds";
import { asArray, asObject, asString, type KubernetesObject, metadataOf, uidOf } from "../object";
import type { RelatedList } from "../readiness/readiness";
import { sleep } from "../sleep";

/** A list of objects, kept up to date by a watch. */
export class WatchedList {
    readonly items = new Map<string, KubernetesObject>();
    synced = false;
    changedAt = Date.now();

    constructor(
        private readonly client: ApiClient,
        private readonly list: RelatedList,
        private readonly onChange: () => void,
        private readonly signal: AbortSignal,
    ) {}

    async run(): Promise<void> {
        for (let delay = 500; !this.signal.aborted;) {
            try {
                const path = await this.client.pathOf(this.list.type, this.list.namespace, "", this.signal);
                let version = await this.read(path);
                delay = 500;
                while (!this.signal.aborted) {
                    version = await this.follow(path, version);
                }
            } catch (error) {
                if (this.signal.aborted) {
                    return;
                }
                // 410: the version is too old for the server; all else may be a restart of the API server.
                if (!(error instanceof ApiError && error.status === 410)) {
                    await sleep(delay, this.signal).catch(() => undefined);
                    delay = Math.min(delay * 2, 5000);
                }
            }
        }
    }

    private query(): Record<string, string | undefined> {
        return { labelSelector: this.list.labelSelector, fieldSelector: this.list.fieldSelector };
    }

    private async read(path: string): Promise<string> {
        const answer = await this.client.request("GET", path, { query: this.query(), signal: this.signal });
        const before = new Map([...this.items].map(([uid, item]) => [uid, metadataOf(item).resourceVersion]));
        this.items.clear();
        for (const item of itemsOf(answer, this.list.type)) {
            this.items.set(uidOf(item), item);
        }
        const same =
            this.synced &&
            before.size === this.items.size &&
            [...this.items].every(([uid, item]) => before.get(uid) === metadataOf(item).resourceVersion);
        this.synced = true;
        if (!same) {
            this.changedAt = Date.now();
        }
        this.onChange();
        return asString(asObject(answer.metadata).resourceVersion);
    }

    private async follow(path: string, from: string): Promise<string> {
        let version = from;
        const onEvent = ({ type, object }: WatchEvent): void => {
            version = asString(metadataOf(object).resourceVersion) || version;
            if (type === "BOOKMARK") {
                return;
            }
            if (type === "DELETED") {
                this.items.delete(uidOf(object));
            } else {
                this.items.set(uidOf(object), object);
            }
            this.changedAt = Date.now();
            this.onChange();
        };
        const query = { ...this.query(), resourceVersion: from, allowWatchBookmarks: true };
        await this.client.watch(path, query, onEvent, this.signal);
        return version;
    }
}

/** The objects of a list, whose items carry neither apiVersion nor kind. */
export function itemsOf(list: KubernetesObject, type: GroupVersionKind): KubernetesObject[] {
    return asArray(list.items).map((item) => ({ apiVersion: apiVersionOf(type), kind: type.kind, ...asObject(item) }));
}
