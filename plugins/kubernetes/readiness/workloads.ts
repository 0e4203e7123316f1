/** Readiness of pods and of what makes them: controllers and Jobs. */
import type { GroupVersionKind } from "../kinds";
import {
    asNumber,
    asObject,
    asString,
    displayName,
    isOwnedBy,
    type KubernetesObject,
    metadataOf,
    namespaceOf,
    pluck,
    uidOf,
} from "../object";
import { conditionOf, isPodFailed, isTrue, podProblem, podState } from "../pods";
import type { Observation, RelatedList, Verdict } from "./readiness";
import { selectorText } from "./selector";

const podType: GroupVersionKind = { group: "", version: "v1", kind: "Pod" };

/** The pods that an object's selector finds. */
export function selectedPods(live: KubernetesObject): RelatedList[] {
    const labelSelector = selectorText(asObject(pluck(live, "spec", "selector")));
    return [{ key: "pods", type: podType, namespace: namespaceOf(live), labelSelector }];
}

function problemsOf(pods: KubernetesObject[] | undefined): string[] {
    return (pods ?? []).map(podProblem).filter((problem) => problem !== undefined);
}

function ownedPods({ live, related }: Observation): KubernetesObject[] {
    return (related.pods ?? []).filter((item) => isOwnedBy(item, uidOf(live)));
}

function observed(live: KubernetesObject): boolean {
    return asNumber(pluck(live, "status", "observedGeneration")) >= asNumber(metadataOf(live).generation);
}

export function pod({ live }: Observation): Verdict {
    const ready = isTrue(live, "Ready") || pluck(live, "status", "phase") === "Succeeded";
    const problem = podProblem(live);
    return {
        ready,
        status: podState(live),
        problems: problem === undefined ? [] : [problem],
        failure: isPodFailed(live) ? problem : undefined,
    };
}

export function replicas(observation: Observation): Verdict {
    const { live } = observation;
    const wanted = asNumber(pluck(live, "spec", "replicas"), 1);
    const available = asNumber(pluck(live, "status", "availableReplicas"));
    return {
        ready: observed(live) && available === wanted,
        status: `Waiting for ${asString(live.kind)} to create Pods (${available}/${wanted} Pods available)`,
        problems: problemsOf(ownedPods(observation)),
    };
}

export function deployment({ live, related }: Observation): Verdict {
    const wanted = asNumber(pluck(live, "spec", "replicas"), 1);
    const status = asObject(live.status);
    const updated = asNumber(status.updatedReplicas);
    const available = asNumber(status.availableReplicas);
    const rolledOut = updated >= wanted && asNumber(status.replicas) <= updated && available >= updated;
    const problems = problemsOf(related.pods);
    const progressing = conditionOf(live, "Progressing");
    const failing = conditionOf(live, "ReplicaFailure");
    for (const condition of [progressing, failing]) {
        if (condition.status === (condition === failing ? "True" : "False")) {
            problems.unshift(`[${asString(condition.reason)}] ${asString(condition.message)}`);
        }
    }
    return {
        ready: observed(live) && rolledOut && (wanted === 0 || isTrue(live, "Available")),
        status: `Waiting for Deployment to roll out (${Math.min(available, updated)}/${wanted} Pods available)`,
        problems,
    };
}

export function statefulSet(observation: Observation): Verdict {
    const { live } = observation;
    const wanted = asNumber(pluck(live, "spec", "replicas"), 1);
    const status = asObject(live.status);
    const generation = asNumber(metadataOf(live).generation);
    const ready = asNumber(status.readyReplicas);
    const onDelete = generation > 1 && pluck(live, "spec", "updateStrategy", "type") === "OnDelete";
    const revisionReady =
        onDelete || (asString(status.currentRevision) !== "" && status.currentRevision === status.updateRevision);
    const replicasReady =
        asNumber(status.replicas) === wanted &&
        ready === wanted &&
        (onDelete || asNumber(status.currentReplicas) === wanted);
    const done = observed(live) && replicasReady && revisionReady;
    const count = revisionReady ? ready : Math.min(ready, asNumber(status.updatedReplicas));
    let text = `[1/2] Waiting for StatefulSet to create Pods (${count}/${wanted} Pods ready)`;
    if (generation > 1) {
        text =
            replicasReady && observed(live)
                ? "[2/2] Waiting for StatefulSet to finish its update"
                : `[1/2] Waiting for StatefulSet update to roll out (${count}/${wanted} Pods ready)`;
    }
    return { ready: done, status: text, problems: problemsOf(ownedPods(observation)) };
}

export function daemonSet(observation: Observation): Verdict {
    const { live } = observation;
    const status = asObject(live.status);
    const wanted = asNumber(status.desiredNumberScheduled);
    const counts = [
        status.currentNumberScheduled,
        status.updatedNumberScheduled,
        status.numberAvailable,
        status.numberReady,
    ];
    const onDelete = pluck(live, "spec", "updateStrategy", "type") === "OnDelete";
    const enough = counts.every((count, index) => (onDelete && index === 1) || asNumber(count) >= wanted);
    return {
        ready: observed(live) && status.desiredNumberScheduled !== undefined && enough,
        status: `Waiting for DaemonSet to roll out (${asNumber(status.numberReady)}/${wanted} Pods ready)`,
        problems: problemsOf(ownedPods(observation)),
    };
}

export function job(observation: Observation): Verdict {
    const { live } = observation;
    const status = asObject(live.status);
    const name = JSON.stringify(displayName(live));
    const failed = conditionOf(live, "Failed");
    const counts =
        `Active: ${asNumber(status.active)} | Succeeded: ${asNumber(status.succeeded)} | ` +
        `Failed: ${asNumber(status.failed)}`;
    return {
        ready: isTrue(live, "Complete"),
        failure:
            failed.status === "True"
                ? `[${asString(failed.reason)}] ${asString(failed.message)}`.replace("[] ", "")
                : undefined,
        status:
            status.startTime === undefined
                ? `Waiting for Job ${name} to start`
                : `Waiting for Job ${name} to succeed (${counts})`,
        problems: problemsOf(ownedPods(observation)),
    };
}
