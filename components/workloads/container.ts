import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { Environment, environmentVariables, labels, restrictedContainer, restrictedPod } from "../support/pod";

/** User and group of workloads' containers, whatever their image says: "restricted" wants a number other than 0. */
export const workloadUser = 10001;

/** Which nodes pods may run on; all of them by default. */
export interface Placement {
    /** Labels that the node has. */
    nodeSelector?: Readonly<Record<string, string>>;
    /** Taints, `<key>[=<value>]:<effect>`, that do not keep the pods away; without a value, whatever the value is. */
    tolerations?: readonly string[];
}

/** What every workload says about its container. */
export interface WorkloadArgs extends Placement {
    /** First part of the names of the Kubernetes objects. */
    workloadName: string;
    namespace: pulumi.Input<string>;
    image: pulumi.Input<string>;
    env?: Environment;
    /** Kubernetes quantities: what is reserved, and the memory as limit as well. */
    resources: { cpu: string; memory: string };
}

/** The labels of a workload's objects and pods: those of the program, and the workload's kind. */
export function workloadLabels(workloadName: string, kind: string): Record<string, string> {
    return { ...labels(workloadName), "app.kubernetes.io/component": kind };
}

/**
 * A workload's main container, under the Pod Security Standard "restricted".
 *
 * @param command The image's own if not given.
 */
export function workloadContainer(args: WorkloadArgs, command?: readonly string[]): types.input.core.v1.Container {
    const { cpu, memory } = args.resources;
    return {
        name: args.workloadName,
        image: args.image,
        ...(command === undefined ? {} : { command: [...command] }),
        env: environmentVariables(args.env ?? {}),
        resources: { requests: { cpu, memory }, limits: { memory } },
        securityContext: restrictedContainer(),
    };
}

function toleration(taint: string): types.input.core.v1.Toleration {
    const [, key, value, effect] = /^([^=:]+)(?:=([^:]*))?:(.*)$/.exec(taint) ?? [];
    return value === undefined ? { key, operator: "Exists", effect } : { key, operator: "Equal", value, effect };
}

/** What the pods of all workloads have: no access to the API server, no variables for other services. */
export function workloadPod(
    containers: types.input.core.v1.Container[],
    { nodeSelector, tolerations }: Placement = {},
): types.input.core.v1.PodSpec {
    return {
        ...(nodeSelector === undefined ? {} : { nodeSelector: { ...nodeSelector } }),
        ...(tolerations === undefined ? {} : { tolerations: tolerations.map(toleration) }),
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: restrictedPod(workloadUser),
        containers,
    };
}

/**
 * Annotations of what an update makes without waiting for more. Not skipAwait: that would skip the wait for a deletion too,
 * which a replacement begins with.
 */
export const notWaitedFor: Readonly<Record<string, string>> = { "pulumi.com/waitFor": "jsonpath={.metadata.uid}" };

/** Annotations of a Job whose end an update waits for: one that failed runs again at the next, instead of failing once more. */
export const waitedFor: Readonly<Record<string, string>> = { "pulumi.com/replaceUnready": "true" };
