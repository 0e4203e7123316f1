/** The parts of Kubernetes' objects that the tests look at. */
export interface KubernetesObject {
    metadata: {
        name: string;
        namespace?: string;
        uid: string;
        /** How often its specification has been changed, and one. */
        generation?: number;
        labels?: Record<string, string>;
        annotations?: Record<string, string>;
    };
    spec: Record<string, unknown>;
    status: Record<string, unknown>;
}

export interface Pod extends KubernetesObject {
    spec: {
        containers: { image: string; env?: { name: string; value?: string }[] }[];
        initContainers?: { image: string }[];
        imagePullSecrets?: { name: string }[];
    };
    status: {
        phase: string;
        /** Why it failed, if its containers do not tell. */
        reason?: string;
        startTime: string;
        conditions?: { type: string; status: string }[];
        containerStatuses?: { containerID?: string; state?: { terminated?: { exitCode: number } } }[];
    };
}

/** Ready, or done. */
export const isReady = (pod: Pod) =>
    pod.status.phase === "Succeeded" ||
    pod.status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true;
