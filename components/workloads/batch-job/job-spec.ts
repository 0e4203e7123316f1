import type { types } from "@pulumi/kubernetes";

import { WorkloadArgs, workloadContainer, workloadPod } from "../container";

/** What everything says that runs a command to its end. */
export interface RunArgs extends WorkloadArgs {
    command: readonly string[];
    /** How often it is tried again after it failed. */
    retries: number;
    /** Seconds after which what still runs is ended and counts as failed. */
    deadline?: number;
}

/** Seconds in which a pod that is ended may stop by itself; Kubernetes' own default. */
const grace = 30;

/**
 * Seconds after which the Job itself gives up. A Job at its deadline deletes its pod, and the log with it; so the pod's own
 * deadline comes first, and the Job's is for pods that never began.
 */
function jobDeadline(deadline: number): number {
    return deadline + 2 * grace;
}

/** The spec of a Job. Each try is a pod of its own, which stays with its log for as long as the Job does. */
export function jobSpec(args: RunArgs, labels: Record<string, string>): types.input.batch.v1.JobSpec {
    return runToEnd(workloadPod([workloadContainer(args, args.command)], args), args, labels);
}

/** The spec of a Job whose pods are these. */
export function runToEnd(
    pod: types.input.core.v1.PodSpec,
    { retries, deadline }: Pick<RunArgs, "retries" | "deadline">,
    labels: Record<string, string>,
): types.input.batch.v1.JobSpec {
    return {
        backoffLimit: retries,
        ...(deadline === undefined ? {} : { activeDeadlineSeconds: jobDeadline(deadline) }),
        template: {
            metadata: { labels },
            spec: {
                restartPolicy: "Never",
                ...(deadline === undefined ? {} : { activeDeadlineSeconds: deadline }),
                terminationGracePeriodSeconds: grace,
                ...pod,
            },
        },
    };
}

/** How long an update waits for a Job's end: what has no deadline has a day. */
export function jobPatience(deadline: number | undefined): string {
    return deadline === undefined ? "24h" : `${jobDeadline(deadline) + 60}s`;
}
