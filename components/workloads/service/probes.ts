import type { types } from "@pulumi/kubernetes";

type Probe = types.input.core.v1.Probe;

/** How a container is asked whether all is well: an HTTP path, a command, or, if there is neither, whether it listens. */
export interface ProbeArgs {
    path?: string;
    /** The container's first port if not given. */
    port?: number;
    command?: readonly string[];
}

function handler({ path, port, command }: ProbeArgs, firstPort: number): Probe {
    if (command !== undefined) {
        return { exec: { command: [...command] } };
    }
    const target = { port: port ?? firstPort };
    return path === undefined ? { tcpSocket: target } : { httpGet: { path, ...target } };
}

/** Probes of a long-running service: up to five minutes to start, out of rotation after two failures, restarted after six. */
export function serviceProbes(
    readiness: ProbeArgs,
    liveness: ProbeArgs,
    firstPort: number,
): { startupProbe: Probe; readinessProbe: Probe; livenessProbe: Probe } {
    return {
        startupProbe: { ...handler(readiness, firstPort), periodSeconds: 1, failureThreshold: 300, timeoutSeconds: 5 },
        readinessProbe: { ...handler(readiness, firstPort), periodSeconds: 5, failureThreshold: 2, timeoutSeconds: 5 },
        livenessProbe: { ...handler(liveness, firstPort), periodSeconds: 10, failureThreshold: 6, timeoutSeconds: 5 },
    };
}
