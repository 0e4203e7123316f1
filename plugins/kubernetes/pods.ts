/** What is wrong with a pod, in words. */
import { asArray, asNumber, asObject, asString, displayName, JsonObject, KubernetesObject, metadataOf } from "./object";

/** The condition of that type in `status.conditions`, or an empty object. */
export function conditionOf(object: KubernetesObject, type: string): JsonObject {
    return (
        asArray(asObject(object.status).conditions)
            .map(asObject)
            .find((item) => item.type === type) ?? {}
    );
}

/** True when the condition of that type is "True". */
export function isTrue(object: KubernetesObject, type: string): boolean {
    return conditionOf(object, type).status === "True";
}

/** True for a pod that is Ready, or that has done its work. */
export function isPodReady(pod: KubernetesObject): boolean {
    return asObject(pod.status).phase === "Succeeded" || isTrue(pod, "Ready");
}

/** True for a pod that ended badly and will never run again. */
export function isPodFailed(pod: KubernetesObject): boolean {
    return asObject(pod.status).phase === "Failed";
}

/** True for a pod that is on its way out. */
export function isTerminating(object: KubernetesObject): boolean {
    return metadataOf(object).deletionTimestamp !== undefined;
}

/** A container that is not as it should be. */
export interface ContainerProblem {
    container: string;
    /** As Kubernetes names it: `ImagePullBackOff`, `CrashLoopBackOff`, `OOMKilled`, `Error`... */
    reason: string;
    message: string;
    restarts: number;
    /** Its logs may tell why: it ran and ended. `previous` when a new one has taken its place. */
    logs?: { previous: boolean };
}

/** The pod's containers that wait for more than their creation, or that ended with an error. */
export function containerProblems(pod: KubernetesObject): ContainerProblem[] {
    const status = asObject(pod.status);
    const problems: ContainerProblem[] = [];
    for (const item of [...asArray(status.initContainerStatuses), ...asArray(status.containerStatuses)]) {
        const container = asObject(item);
        if (container.ready === true) {
            continue;
        }
        const waiting = asObject(asObject(container.state).waiting);
        const terminated = asObject(asObject(container.state).terminated);
        const last = asObject(asObject(container.lastState).terminated);
        const base = { container: asString(container.name), restarts: asNumber(container.restartCount) };
        const waitingReason = asString(waiting.reason);
        if (waitingReason !== "" && waitingReason !== "ContainerCreating" && waitingReason !== "PodInitializing") {
            const ran = last.finishedAt !== undefined;
            problems.push({
                ...base,
                reason: waitingReason,
                message: [asString(waiting.message), ran ? `last ended with ${ending(last)}` : ""]
                    .filter((part) => part !== "")
                    .join("; "),
                ...(ran ? { logs: { previous: true } } : {}),
            });
        } else if (terminated.exitCode !== undefined && asNumber(terminated.exitCode) !== 0) {
            problems.push({
                ...base,
                reason: asString(terminated.reason) || "Error",
                message: ending(terminated),
                logs: { previous: false },
            });
        } else if (asObject(container.state).running !== undefined && last.exitCode !== undefined) {
            problems.push({
                ...base,
                reason: asString(last.reason) || "Restarted",
                message: `restarted ${base.restarts} times, last ended with ${ending(last)}`,
                logs: { previous: true },
            });
        }
    }
    return problems;
}

function ending(terminated: JsonObject): string {
    const reason = asString(terminated.reason);
    const message = asString(terminated.message).trim();
    const code = `exit code ${asNumber(terminated.exitCode)}`;
    return [reason === "" || reason === "Error" ? code : `${reason} (${code})`, message]
        .filter((part) => part !== "")
        .join(": ");
}

/**
 * One line that says what a pod waits for; undefined when it is ready or only starting.
 * Example: `Pod taurus/mysql-0: container mysql: [ImagePullBackOff] Back-off pulling image "x"`.
 */
export function podProblem(pod: KubernetesObject): string | undefined {
    if (isPodReady(pod) || isTerminating(pod)) {
        return undefined;
    }
    const subject = `Pod ${displayName(pod)}`;
    const problems = containerProblems(pod).map(
        ({ container, reason, message }) => `container ${container}: [${reason}]${message === "" ? "" : ` ${message}`}`,
    );
    const status = asObject(pod.status);
    // Such as DeadlineExceeded or Evicted: why its containers ended.
    const reason = status.reason ? ` [${asString(status.reason)}]` : "";
    if (status.phase === "Failed" && (reason !== "" || problems.length === 0)) {
        problems.unshift(`failed${reason} ${asString(status.message)}`.trimEnd());
    }
    if (problems.length > 0) {
        return `${subject}: ${problems.join("; ")}`;
    }
    const scheduled = conditionOf(pod, "PodScheduled");
    if (scheduled.status === "False") {
        return `${subject}: [${asString(scheduled.reason)}] ${asString(scheduled.message)}`;
    }
    return undefined;
}

/** Like {@link podProblem}, but says of a pod that is only starting what it waits for. */
export function podState(pod: KubernetesObject): string {
    const problem = podProblem(pod);
    if (problem !== undefined) {
        return problem;
    }
    const subject = `Pod ${displayName(pod)}`;
    for (const type of ["PodScheduled", "Initialized", "Ready"]) {
        const condition = conditionOf(pod, type);
        if (condition.status !== "True") {
            const message = asString(condition.message);
            return `${subject}: waiting for ${type}${message === "" ? "" : `: ${message}`}`;
        }
    }
    return `${subject}: ready`;
}
