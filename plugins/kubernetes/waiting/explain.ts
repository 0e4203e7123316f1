/** Why an object is not ready, as the cluster knows it. */
import type { ApiClient } from "../client";
import type { GroupVersionKind } from "../kinds";
import {
    asArray,
    asObject,
    asString,
    describe,
    displayName,
    isOwnedBy,
    type KubernetesObject,
    metadataOf,
    nameOf,
    namespaceOf,
    uidOf,
} from "../object";
import { containerProblems, isPodReady, isTerminating, podState } from "../pods";

/** The pods that may tell why an object is not ready: the youngest few of its own that are not ready. */
export function relevantPods(live: KubernetesObject, pods: KubernetesObject[]): KubernetesObject[] {
    if (live.kind === "Pod") {
        return [live];
    }
    return pods
        .filter((pod) => !isPodReady(pod) && !isTerminating(pod))
        .filter((pod) => live.kind === "Deployment" || isOwnedBy(pod, uidOf(live)))
        .sort((left, right) => created(right).localeCompare(created(left)))
        .slice(0, 3);
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

function created(object: KubernetesObject): string {
    return asString(metadataOf(object).creationTimestamp);
}
