import type { types } from "@pulumi/kubernetes";
import type { Input } from "@pulumi/pulumi";

type PodSecurityContext = types.input.core.v1.PodSecurityContext;
type SecurityContext = types.input.core.v1.SecurityContext;
type EnvVar = types.input.core.v1.EnvVar;
type Probe = types.input.core.v1.Probe;

/** Environment variables of a container: plain text, or a key of a Secret. */
export type Environment = Readonly<Record<string, Input<string> | SecretKey>>;

/** A key of a Kubernetes Secret in the pod's namespace. */
export interface SecretKey {
    secret: Input<string>;
    key: string;
}

function isSecretKey(value: unknown): value is SecretKey {
    return typeof value === "object" && value !== null && "secret" in value && "key" in value;
}

/** A container's `env`, in the order of the environment's keys. */
export function environmentVariables(environment: Environment): EnvVar[] {
    return Object.entries(environment).map(([name, value]) =>
        isSecretKey(value)
            ? { name, valueFrom: { secretKeyRef: { name: value.secret, key: value.key } } }
            : { name, value },
    );
}

/** The recommended labels, which Services and controllers select pods by. */
export function labels(name: string): Record<string, string> {
    return { "app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "taurus" };
}

/**
 * Pod-level half of the Pod Security Standard "restricted".
 *
 * @param user User and group of the image; volumes belong to the same group.
 */
export function restrictedPod(user: number): PodSecurityContext {
    return {
        runAsNonRoot: true,
        runAsUser: user,
        runAsGroup: user,
        fsGroup: user,
        // Walking a whole volume to change owners at each start would take longer with every day of data.
        fsGroupChangePolicy: "OnRootMismatch",
        seccompProfile: { type: "RuntimeDefault" },
    };
}

/** Container-level half of the Pod Security Standard "restricted". */
export function restrictedContainer(): SecurityContext {
    return { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
}

/** Every image of ours answers the question whether it is ready by the exit code of this command. */
export const readyCommand: readonly string[] = ["/opt/nta/bin/ready"];

/**
 * Probes of a container that takes up to ten minutes to start on a busy machine.
 *
 * @param port Liveness asks no more than whether something listens there: a restart mends a dead process, and would not
 *   mend what readiness complains about, a database that is away.
 */
export function probes(port: number): { startupProbe: Probe; readinessProbe: Probe; livenessProbe: Probe } {
    const ready = { exec: { command: [...readyCommand] }, timeoutSeconds: 15 };
    return {
        startupProbe: { ...ready, periodSeconds: 2, failureThreshold: 300 },
        readinessProbe: { ...ready, periodSeconds: 15, failureThreshold: 2 },
        livenessProbe: { tcpSocket: { port }, periodSeconds: 20, timeoutSeconds: 5, failureThreshold: 6 },
    };
}

/** Annotation that keeps `pulumi up` from settling a Service for ten seconds: it is pods that are waited for. */
export const skipAwait: Readonly<Record<string, string>> = { "pulumi.com/skipAwait": "true" };
