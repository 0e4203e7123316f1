import { spawn } from "node:child_process";

import type { ApiClient } from "../../plugins/kubernetes/client";
import {
    asArray,
    asNumber,
    asObject,
    asString,
    isOwnedBy,
    type KubernetesObject,
    nameOf,
    namespaceOf,
    pluck,
    uidOf,
} from "../../plugins/kubernetes/object";
import { conditionOf, isTrue, podState } from "../../plugins/kubernetes/pods";
import { sleep } from "../../plugins/kubernetes/sleep";
import { kubectl, type StackCluster } from "../cluster";

const jobType = { group: "batch", version: "v1", kind: "Job" };
const podType = { group: "", version: "v1", kind: "Pod" };

/** The pod's container has begun, so that there is a log. */
function hasBegun(pod: KubernetesObject): boolean {
    return asArray(pluck(pod, "status", "containerStatuses")).some((status) => {
        const { running, terminated } = asObject(asObject(status).state);
        return running !== undefined || terminated !== undefined;
    });
}

/** Exit code of the pod's container; undefined as long as it has none. */
function exitCode(pod: KubernetesObject): number | undefined {
    const code = pluck(pod, "status", "containerStatuses", 0, "state", "terminated", "exitCode");
    return typeof code === "number" ? code : undefined;
}

/** Shows a pod's log on stdout until its container ends. */
function followLog(cluster: StackCluster, pod: KubernetesObject): Promise<void> {
    const [program, ...options] = kubectl(cluster);
    const args = [...options, "--namespace", namespaceOf(pod), "logs", "--follow", nameOf(pod)];
    return new Promise((settle, fail) => {
        const child = spawn(program, args, { stdio: ["ignore", "inherit", "inherit"] });
        child.once("error", fail);
        child.once("exit", () => settle());
    });
}

/** The Job's pods, the oldest first. */
async function podsOf(client: ApiClient, job: KubernetesObject): Promise<KubernetesObject[]> {
    const path = await client.pathOf(podType, namespaceOf(job));
    const query = { labelSelector: `batch.kubernetes.io/job-name=${nameOf(job)}` };
    const created = (pod: KubernetesObject) => asString(pluck(pod, "metadata", "creationTimestamp"));
    return asArray((await client.request("GET", path, { query })).items)
        .map(asObject)
        .filter((pod) => isOwnedBy(pod, uidOf(job)))
        .sort((left, right) => created(left).localeCompare(created(right)));
}

/**
 * Follows a Job to its end: the logs of its pods on stdout, one try after the other, and what it waits for by `say`.
 *
 * @returns 0 if it succeeded, else the exit code of its last try (1 if that has none)
 */
export async function followJob(
    cluster: StackCluster,
    job: KubernetesObject,
    say: (line: string) => void,
): Promise<number> {
    const { client } = cluster;
    const path = await client.pathOf(jobType, namespaceOf(job), nameOf(job));
    const shown = new Set<string>();
    let waiting = "";
    for (;;) {
        const pods = await podsOf(client, job);
        const next = pods.find((pod) => !shown.has(uidOf(pod)));
        if (next !== undefined && hasBegun(next)) {
            shown.add(uidOf(next));
            say(`Pod ${nameOf(next)}:`);
            await followLog(cluster, next);
            continue;
        }
        const live = await client.request("GET", path);
        if (isTrue(live, "Complete")) {
            return 0;
        }
        const failed = conditionOf(live, "Failed");
        if (failed.status === "True") {
            const code = pods.map(exitCode).findLast((value) => value !== undefined && value !== 0);
            say(`failed: ${asString(failed.message)}${code === undefined ? "" : `; the last exit code is ${code}`}`);
            return asNumber(code, 1);
        }
        const state = next === undefined ? "" : podState(next);
        if (state !== "" && state !== waiting) {
            waiting = state;
            say(state);
        }
        await sleep(500);
    }
}
