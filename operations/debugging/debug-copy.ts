import type { Json, JsonObject } from "../../plugins/kubernetes/object";

/** Seconds after which a copy ends by itself, should nobody remove it. */
const longestSeconds = 8 * 3600;

/** Sleeps in any image that has Python, and ends at once when it is told to. */
const idle = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: exit(0)); time.sleep(10 ** 6)";

/**
 * A pod like another one, with the same images, settings and volumes, in which one container waits for commands instead of
 * doing its work. No Service and no controller takes it for one of its own, and nothing probes it.
 *
 * @param python The Python in the container's image.
 */
export function debugCopy(pod: JsonObject, container: string, name: string, python: string): JsonObject {
    const spec = pod.spec as JsonObject & { containers: JsonObject[] };
    const { nodeName: _, ...kept } = spec;
    return {
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
            name,
            namespace: (pod.metadata as JsonObject).namespace,
            labels: { "app.kubernetes.io/managed-by": "nta-debug" },
        },
        spec: {
            ...kept,
            restartPolicy: "Never",
            activeDeadlineSeconds: longestSeconds,
            containers: spec.containers.map((one): Json => {
                const { livenessProbe: _l, readinessProbe: _r, startupProbe: _s, lifecycle: _c, ...rest } = one;
                return one.name === container ? { ...rest, command: [python, "-c", idle], args: [] } : rest;
            }),
        },
    };
}
