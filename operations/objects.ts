/** What the tools look at in Kubernetes' objects, as the API gives them. Times are ISO 8601 texts. */

export interface Metadata {
    name: string;
    namespace?: string;
    uid: string;
    creationTimestamp: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; uid: string; controller?: boolean }[];
}

export interface KubernetesObject {
    metadata: Metadata;
}

export interface Condition {
    type: string;
    status: string;
    reason?: string;
    message?: string;
    lastTransitionTime?: string;
}

export interface Node extends KubernetesObject {
    spec: { unschedulable?: boolean };
    status: {
        addresses?: { type: string; address: string }[];
        conditions?: Condition[];
        nodeInfo: { kubeletVersion: string };
    };
}

export interface ContainerState {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt: string };
    terminated?: {
        reason?: string;
        exitCode: number;
        signal?: number;
        startedAt?: string;
        finishedAt?: string;
        /** What the container itself left as its last word. */
        message?: string;
    };
}

export interface ContainerStatus {
    name: string;
    image: string;
    /** `<repository>@<digest>`, empty as long as it is not pulled. */
    imageID: string;
    ready: boolean;
    restartCount: number;
    state?: ContainerState;
}

export interface Container {
    name: string;
    image: string;
    command?: string[];
    args?: string[];
}

export interface Pod extends KubernetesObject {
    spec: { nodeName?: string; containers: Container[]; initContainers?: Container[] };
    status: {
        phase: string;
        reason?: string;
        conditions?: Condition[];
        initContainerStatuses?: ContainerStatus[];
        containerStatuses?: ContainerStatus[];
    };
}

export interface ServicePort {
    name?: string;
    port: number;
    protocol?: string;
    nodePort?: number;
    appProtocol?: string;
}

export interface Service extends KubernetesObject {
    spec: {
        type?: string;
        clusterIP?: string;
        externalIPs?: string[];
        ports?: ServicePort[];
        selector?: Record<string, string>;
    };
    status: { loadBalancer?: { ingress?: { ip?: string; hostname?: string }[] } };
}

export interface Job extends KubernetesObject {
    spec: { completions?: number; suspend?: boolean };
    status: {
        startTime?: string;
        completionTime?: string;
        active?: number;
        succeeded?: number;
        failed?: number;
        conditions?: Condition[];
    };
}

export interface CronJob extends KubernetesObject {
    spec: { schedule: string; timeZone?: string; suspend?: boolean };
    status: { lastScheduleTime?: string; lastSuccessfulTime?: string; active?: { name: string }[] };
}

export interface VolumeClaim extends KubernetesObject {
    spec: { volumeName?: string; storageClassName?: string; accessModes?: string[] };
    status: { phase: string; capacity?: { storage?: string } };
}

/** `namespace/name`, or the name of what has no namespace. */
export function fullName({ metadata: { namespace, name } }: KubernetesObject): string {
    return namespace === undefined ? name : `${namespace}/${name}`;
}

/** The condition of that type, if its status is "True". */
export function trueCondition(conditions: readonly Condition[] | undefined, type: string): Condition | undefined {
    return conditions?.find((condition) => condition.type === type && condition.status === "True");
}
