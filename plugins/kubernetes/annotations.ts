/** What the annotations `pulumi.com/…` on an object ask for. */
import type { CheckFailure, OperationContext } from "../protocol/provider";
import { type GroupVersionKind, kindOf } from "./kinds";
import { annotationOf, type KubernetesObject } from "./object";
import { isTrue } from "./pods";
import type { Readiness } from "./readiness/readiness";
import { readinessOf } from "./readiness/rules";
import { parseWaitFor, waitForAnnotation } from "./readiness/wait-for";
import type { Settings } from "./settings";

// Kinds whose deletion is not waited for when they carry the skipAwait annotation.
const skipsDeletion = new Set([
    "/Namespace",
    "/Pod",
    "/ReplicationController",
    "apps/DaemonSet",
    "apps/Deployment",
    "apps/StatefulSet",
    "batch/Job",
]);

/** Nothing is waited for, neither that the object is ready nor, for most kinds, that it is gone. */
function skipsWaiting(inputs: KubernetesObject): boolean {
    return annotationOf(inputs, "pulumi.com/skipAwait") === "true";
}

/** How it is found out that the object is ready; undefined where that is not waited for. */
export function readinessFor(inputs: KubernetesObject): Readiness | undefined {
    if (skipsWaiting(inputs)) {
        return undefined;
    }
    const waitFor = annotationOf(inputs, waitForAnnotation);
    return waitFor === "" ? readinessOf(kindOf(inputs)) : parseWaitFor(waitFor);
}

/** True when the end of a deletion is not waited for. `kind` is the object's. */
export function skipsDeletionWait(inputs: KubernetesObject, { group, kind }: GroupVersionKind): boolean {
    return skipsWaiting(inputs) && skipsDeletion.has(`${group}/${kind}`);
}

export const replaceUnreadyPath = 'metadata.annotations["pulumi.com/replaceUnready"]';

/** True for a Job that did not succeed when it was last looked at, and whose annotation asks for another one then. */
export function isUnreadyJob(state: KubernetesObject, inputs: KubernetesObject): boolean {
    const { group, kind } = kindOf(inputs);
    return (
        group === "batch" &&
        kind === "Job" &&
        annotationOf(inputs, "pulumi.com/replaceUnready") === "true" &&
        !isTrue(state, "Complete")
    );
}

/** Milliseconds: customTimeouts, else the annotation, else the default in seconds. */
export function timeoutOf(context: OperationContext, inputs: KubernetesObject, seconds: number): number {
    const annotated = Number(annotationOf(inputs, "pulumi.com/timeoutSeconds") || "NaN");
    return context.timeout ?? (Number.isInteger(annotated) ? annotated : seconds) * 1000;
}

export function timeoutSecondsFailure(inputs: KubernetesObject): CheckFailure | undefined {
    const text = annotationOf(inputs, "pulumi.com/timeoutSeconds");
    return text === "" || /^\d+$/.test(text)
        ? undefined
        : {
              property: 'metadata.annotations["pulumi.com/timeoutSeconds"]',
              reason: `${JSON.stringify(text)} is not a whole number of seconds`,
          };
}

export function waitForFailure(inputs: KubernetesObject): CheckFailure | undefined {
    const text = annotationOf(inputs, waitForAnnotation);
    try {
        if (text !== "") {
            parseWaitFor(text);
        }
        return undefined;
    } catch (error) {
        return { property: `metadata.annotations["${waitForAnnotation}"]`, reason: (error as Error).message };
    }
}

/** True when fields that others own are taken over. */
export function isForced(inputs: KubernetesObject, settings: Settings): boolean {
    return settings.enablePatchForce || annotationOf(inputs, "pulumi.com/patchForce") === "true";
}

/** What becomes of the objects that belong to a deleted one. */
export function propagationPolicy(inputs: KubernetesObject): string {
    switch (annotationOf(inputs, "pulumi.com/deletionPropagationPolicy").toLowerCase()) {
        case "orphan":
            return "Orphan";
        case "background":
            return "Background";
        default:
            return "Foreground";
    }
}
