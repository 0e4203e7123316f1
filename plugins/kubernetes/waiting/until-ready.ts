import { ApiClient } from "../client";
import { asNumber, describe, KubernetesObject, metadataOf, nameOf, namespaceOf, uidOf } from "../object";
import type { Observation, Readiness, Verdict } from "../readiness/readiness";
import { InterruptibleSleep } from "../sleep";
import { explain, relevantPods } from "./explain";
import { heartbeat, Progress } from "./progress";
import { NotReadyError, type Wait } from "./wait";
import { itemsOf, WatchedList } from "./watched-list";

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
    const sleep = new InterruptibleSleep();
    const primary = new WatchedList(
        client,
        { key: "", type, namespace: namespaceOf(object), fieldSelector: `metadata.name=${nameOf(object)}` },
        sleep.wake,
        stop.signal,
    );
    const lists = new Map(related.map((list) => [list.key, new WatchedList(client, list, sleep.wake, stop.signal)]));
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
            await sleep.upTo(Math.max(until - now, 1), wait.signal);
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
