import { OperationCancelledError } from "../../protocol/errors";
import { isNotFound } from "../api-errors";
import type { ApiClient } from "../client";
import {
    asArray,
    asObject,
    asString,
    describe,
    type KubernetesObject,
    metadataOf,
    nameOf,
    namespaceOf,
    uidOf,
} from "../object";
import { InterruptibleSleep } from "../sleep";
import { heartbeat } from "./progress";
import { NotReadyError, type Wait } from "./wait";
import { WatchedList } from "./watched-list";

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
    const sleep = new InterruptibleSleep();
    const list = new WatchedList(
        client,
        { key: "", type, namespace: namespaceOf(object), fieldSelector: `metadata.name=${nameOf(object)}` },
        sleep.wake,
        stop.signal,
    );
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
            const until = Math.min(started + wait.timeout, nextHeartbeat);
            await sleep.upTo(Math.max(until - now, 1), wait.signal);
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
