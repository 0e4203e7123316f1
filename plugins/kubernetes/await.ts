/** Waiting: for an object to become ready, or to be gone. */
import { Logger } from "../protocol/engine-log";
import { OperationCancelledError } from "../protocol/errors";
import { ApiClient, ApiError, isNotFound, sleep, WatchEvent } from "./client";
import { apiVersionOf, GroupVersionKind } from "./kinds";
import {
    asArray,
    asNumber,
    asObject,
    asString,
    isOwnedBy,
    KubernetesObject,
    metadataOf,
    nameOf,
    namespaceOf,
    uidOf,
} from "./object";
import { containerProblems, displayName, isPodReady, isTerminating, podState } from "./pods";
import { Observation, Readiness, RelatedList, Verdict } from "./readiness";

/** An object exists but is not ready, or not gone: in vain or in time. */
export class NotReadyError extends Error {
    constructor(
        message: string,
        readonly object: KubernetesObject,
        readonly reasons: string[],
    ) {
        super(message);
        this.name = "NotReadyError";
    }
}

/** What a wait needs. */
export interface Wait {
    client: ApiClient;
    log: Logger;
    type: GroupVersionKind;
    /** The object as the API server answered it last. */
    object: KubernetesObject;
    /** The object before an update. */
    before?: KubernetesObject;
    /** Milliseconds. */
    timeout: number;
    signal: AbortSignal;
}

const heartbeat = 10_000;

// A list of objects kept up to date by a watch.
class WatchedList {
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

// Items of a list carry neither apiVersion nor kind.
function itemsOf(list: KubernetesObject, type: GroupVersionKind): KubernetesObject[] {
    return asArray(list.items).map((item) => ({ apiVersion: apiVersionOf(type), kind: type.kind, ...asObject(item) }));
}

/**
 * Waits until the object is ready.
 *
 * @returns the object as it was when it was ready.
 * @throws NotReadyError when time is up, when waiting is in vain, when the object is deleted, and on cancellation.
 */
export async function untilReady(wait: Wait, readiness: Readiness): Promise<KubernetesObject> {
    const { client, log, type, object, before } = wait;
    const related = readiness.related?.(object) ?? [];
    // Most objects that need no other one are ready at once.
    if (related.length === 0) {
        const verdict = readiness.evaluate({ live: object, before, related: {}, settled: () => Infinity, waited: 0 });
        if (verdict.ready && before === undefined) {
            return object;
        }
    }

    const started = Date.now();
    const stop = new AbortController();
    let wake = (): void => undefined;
    const primary = new WatchedList(
        client,
        { key: "", type, namespace: namespaceOf(object), fieldSelector: `metadata.name=${nameOf(object)}` },
        () => wake(),
        stop.signal,
    );
    const lists = new Map(related.map((list) => [list.key, new WatchedList(client, list, () => wake(), stop.signal)]));
    const runs = [primary, ...lists.values()].map((list) => list.run());
    const generation = asNumber(metadataOf(object).generation);
    const progress = new Progress(log, started);
    let live = object;
    let verdict: Verdict = { ready: false, status: "" };
    let nextHeartbeat = started + heartbeat;
    try {
        for (;;) {
            if (primary.synced && [...lists.values()].every((list) => list.synced)) {
                const current = primary.items.get(uidOf(object));
                if (current === undefined) {
                    throw new NotReadyError(`${describe(object)} was deleted while it was waited for`, live, []);
                }
                if (asNumber(metadataOf(current).generation) >= generation) {
                    live = current;
                    verdict = readiness.evaluate(observe(live, before, lists, started));
                    if (verdict.ready) {
                        return live;
                    }
                    if (verdict.failure !== undefined) {
                        throw new NotReadyError(`${describe(object)} failed: ${verdict.failure}`, live, []);
                    }
                }
                progress.show(verdict);
            }
            const now = Date.now();
            wait.signal.throwIfAborted();
            if (now - started >= wait.timeout) {
                throw new NotReadyError(
                    `${describe(object)} was not ready after ${Math.round((now - started) / 1000)} s`,
                    live,
                    [],
                );
            }
            if (now >= nextHeartbeat) {
                nextHeartbeat = now + heartbeat;
                progress.beat(verdict);
            }
            const until = Math.min(
                started + wait.timeout,
                nextHeartbeat,
                verdict.recheckAfter === undefined ? Infinity : now + verdict.recheckAfter,
            );
            await new Promise<void>((resolve) => {
                const timer = setTimeout(done, Math.max(until - now, 1));
                wait.signal.addEventListener("abort", done, { once: true });
                wake = done;
                function done(): void {
                    clearTimeout(timer);
                    wait.signal.removeEventListener("abort", done);
                    wake = () => undefined;
                    resolve();
                }
            });
        }
    } catch (error) {
        const failure =
            error instanceof NotReadyError
                ? error
                : new NotReadyError(`${describe(object)}: ${(error as Error).message}`, live, []);
        const pods = lists.get("pods");
        const about = relevantPods(live, pods === undefined ? [] : [...pods.items.values()]);
        // The engine's own timeout aborts the signal at the same moment; only then is there time for questions.
        const cancelled = wait.signal.aborted && Date.now() - started < wait.timeout - 500;
        const reasons = [
            ...(verdict.failure === undefined && verdict.status !== "" ? [verdict.status] : []),
            ...(verdict.problems ?? []),
            ...(cancelled ? [] : await explain(client, live, about)),
        ];
        throw new NotReadyError(failure.message, failure.object, [...new Set(reasons)]);
    } finally {
        stop.abort();
        await Promise.allSettled(runs);
        log.status("");
    }
}

function observe(
    live: KubernetesObject,
    before: KubernetesObject | undefined,
    lists: Map<string, WatchedList>,
    started: number,
): Observation {
    const related: Record<string, KubernetesObject[]> = {};
    for (const [key, list] of lists) {
        related[key] = [...list.items.values()];
    }
    return {
        live,
        before,
        related,
        settled: (key) => Date.now() - (lists.get(key)?.changedAt ?? 0),
        waited: Date.now() - started,
    };
}

/** Looks once whether the object is ready, as a refresh does. */
export async function isReadyNow(
    client: ApiClient,
    live: KubernetesObject,
    readiness: Readiness,
    signal: AbortSignal,
): Promise<Verdict> {
    const related: Record<string, KubernetesObject[]> = {};
    for (const list of readiness.related?.(live) ?? []) {
        const path = await client.pathOf(list.type, list.namespace, "", signal);
        const query = { labelSelector: list.labelSelector, fieldSelector: list.fieldSelector };
        const answer = await client.request("GET", path, { query, signal });
        related[list.key] = itemsOf(answer, list.type);
    }
    return readiness.evaluate({ live, before: live, related, settled: () => Infinity, waited: Infinity });
}

/** Kind and name for messages. */
export function describe(object: KubernetesObject): string {
    return `${asString(object.kind)} ${displayName(object)}`;
}

// Shows what is waited for: at each change, and every few seconds so that nobody has to wonder.
class Progress {
    private shown = "";

    constructor(
        private readonly log: Logger,
        private readonly started: number,
    ) {}

    show(verdict: Verdict): void {
        const text = this.text(verdict);
        if (text !== this.shown) {
            this.shown = text;
            this.log.status(text);
        }
    }

    beat(verdict: Verdict): void {
        const text = this.text(verdict) || "Waiting for the API server";
        this.log.status(`${text} (${Math.round((Date.now() - this.started) / 1000)} s)`);
    }

    private text(verdict: Verdict): string {
        const problem = verdict.problems?.[0];
        return problem === undefined ? verdict.status : `${verdict.status}; ${firstLine(problem)}`;
    }
}

function firstLine(text: string): string {
    const line = text.split("\n")[0] ?? "";
    return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}

function relevantPods(live: KubernetesObject, pods: KubernetesObject[]): KubernetesObject[] {
    if (live.kind === "Pod") {
        return [live];
    }
    return pods
        .filter((pod) => !isPodReady(pod) && !isTerminating(pod))
        .filter((pod) => live.kind === "Deployment" || isOwnedBy(pod, uidOf(live)))
        .sort((left, right) => created(right).localeCompare(created(left)))
        .slice(0, 3);
}

function created(object: KubernetesObject): string {
    return asString(metadataOf(object).creationTimestamp);
}

/**
 * What the cluster knows about why an object and its pods are not ready: events with warnings, and the last lines of
 * the logs of containers that ended. Answers what it can get within a few seconds.
 */
export async function explain(
    client: ApiClient,
    object: KubernetesObject,
    pods: KubernetesObject[],
): Promise<string[]> {
    const signal = AbortSignal.timeout(10_000);
    const parts: string[] = [];
    for (const subject of [object, ...pods.filter((pod) => uidOf(pod) !== uidOf(object))]) {
        if (subject.kind === "Pod" || pods.includes(subject)) {
            parts.push(podState(subject));
        }
        parts.push(...(await warnings(client, subject, signal).catch(() => [])));
    }
    for (const pod of pods) {
        for (const { container, logs } of containerProblems(pod)) {
            if (logs !== undefined) {
                const tail = await logTail(client, pod, container, logs.previous, signal).catch(() => "");
                if (tail !== "") {
                    parts.push(`last lines of container ${container} of Pod ${displayName(pod)}:\n${tail}`);
                }
            }
        }
    }
    return [...new Set(parts)];
}

async function warnings(client: ApiClient, object: KubernetesObject, signal: AbortSignal): Promise<string[]> {
    const type: GroupVersionKind = { group: "", version: "v1", kind: "Event" };
    const path = await client.pathOf(type, namespaceOf(object) || "default", "", signal);
    const query = { fieldSelector: `involvedObject.uid=${uidOf(object)},type=Warning` };
    const answer = await client.request("GET", path, { query, signal });
    const time = (event: KubernetesObject): string =>
        asString(event.lastTimestamp) || asString(event.eventTime) || created(event);
    return asArray(answer.items)
        .map(asObject)
        .sort((left, right) => time(left).localeCompare(time(right)))
        .slice(-5)
        .map((event) => `${describe(object)}: ${asString(event.reason)}: ${asString(event.message)}`);
}

async function logTail(
    client: ApiClient,
    pod: KubernetesObject,
    container: string,
    previous: boolean,
    signal: AbortSignal,
): Promise<string> {
    const type: GroupVersionKind = { group: "", version: "v1", kind: "Pod" };
    const path = await client.pathOf(type, namespaceOf(pod), nameOf(pod), signal);
    const query = { container, previous, tailLines: 20, limitBytes: 16_384 };
    const text = await client.requestText("GET", `${path}/log`, { query, signal });
    return text.trimEnd();
}

/**
 * Waits until the object is gone, or another one has taken its name.
 *
 * @throws NotReadyError when time is up and on cancellation.
 */
export async function untilDeleted(wait: Wait): Promise<void> {
    const { client, log, type, object } = wait;
    const path = await client.pathOf(type, namespaceOf(object), nameOf(object), wait.signal);
    const started = Date.now();
    const stop = new AbortController();
    const list = new WatchedList(
        client,
        { key: "", type, namespace: namespaceOf(object), fieldSelector: `metadata.name=${nameOf(object)}` },
        () => wake(),
        stop.signal,
    );
    let wake = (): void => undefined;
    const uid = uidOf(object);
    // A look at the object is cheaper than a watch where nothing holds it.
    const first = await gone(client, path, uid, wait.signal);
    if (first === undefined) {
        return;
    }
    let last = first;
    const run = list.run();
    let nextHeartbeat = started + heartbeat;
    try {
        for (;;) {
            if (list.synced) {
                const current = [...list.items.values()].find((item) => uid === "" || uidOf(item) === uid);
                if (current === undefined) {
                    return;
                }
                last = current;
            }
            const now = Date.now();
            wait.signal.throwIfAborted();
            if (now - started >= wait.timeout) {
                throw new OperationCancelledError(`it was still there after ${Math.round((now - started) / 1000)} s`);
            }
            if (now >= nextHeartbeat) {
                nextHeartbeat = now + heartbeat;
                log.status(`Waiting for deletion (${Math.round((now - started) / 1000)} s)${holders(last)}`);
            }
            await new Promise<void>((resolve) => {
                const timer = setTimeout(done, Math.max(Math.min(started + wait.timeout, nextHeartbeat) - now, 1));
                wait.signal.addEventListener("abort", done, { once: true });
                wake = done;
                function done(): void {
                    clearTimeout(timer);
                    wait.signal.removeEventListener("abort", done);
                    wake = () => undefined;
                    resolve();
                }
            });
        }
    } catch (error) {
        throw new NotReadyError(
            `${describe(object)} was not deleted: ${(error as Error).message}${holders(last)}`,
            last,
            [],
        );
    } finally {
        stop.abort();
        await run;
        log.status("");
    }
}

async function gone(
    client: ApiClient,
    path: string,
    uid: string,
    signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
    try {
        const current = await client.request("GET", path, { signal });
        return uid !== "" && uidOf(current) !== uid ? undefined : current;
    } catch (error) {
        if (isNotFound(error)) {
            return undefined;
        }
        throw error;
    }
}

function holders(object: KubernetesObject): string {
    const finalizers = [
        ...asArray(metadataOf(object).finalizers).map(asString),
        ...asArray(asObject(object.spec).finalizers).map(asString),
    ];
    const conditions = asArray(asObject(object.status).conditions)
        .map(asObject)
        .filter((condition) => condition.status === "True" && asString(condition.message) !== "")
        .map((condition) => asString(condition.message));
    return [
        finalizers.length > 0 ? `; finalizers: ${finalizers.join(", ")}` : "",
        object.kind === "Namespace" && conditions.length > 0 ? `; ${conditions.join("; ")}` : "",
    ].join("");
}
