import {
    fullName,
    trueCondition,
    type ContainerState,
    type CronJob,
    type Job,
    type KubernetesObject,
    type Node,
    type Pod,
    type Service,
    type VolumeClaim,
} from "../objects";
import type { Certificate } from "./certificates";
import { serviceLinks, type Outside } from "./links";

/** A cluster's objects. */
export interface ClusterObjects {
    nodes: Node[];
    pods: Pod[];
    services: Service[];
    jobs: Job[];
    cronJobs: CronJob[];
    volumeClaims: VolumeClaim[];
}

/** What a person wants to know of a cluster. Names are `namespace/name`; times ISO 8601 in UTC. */
export interface StatusReport {
    stack: string;
    time: string;
    apiServer: { address: string; version: string };
    nodes: {
        name: string;
        ready: boolean;
        status: string;
        roles: string[];
        since: string;
        version: string;
        address: string;
    }[];
    pods: {
        name: string;
        ready: string;
        well: boolean;
        status: string;
        restarts: number;
        since: string;
        node: string;
    }[];
    services: { name: string; type: string; address: string; ports: string[]; links: string[] }[];
    jobs: { name: string; outcome: string; well: boolean; seconds?: number; since: string }[];
    cronJobs: {
        name: string;
        schedule: string;
        suspended: boolean;
        running: number;
        lastStart?: string;
        lastSuccess?: string;
    }[];
    /** By repository and digest, with the pods that run it. */
    images: { image: string; digest: string; pods: string[] }[];
    volumes: { name: string; status: string; size: string; volume: string; storageClass: string }[];
    certificates: Certificate[];
}

/** What a report needs beside the objects. */
export interface StatusFacts {
    stack: string;
    now: Date;
    apiServer: StatusReport["apiServer"];
    certificates: Certificate[];
    outside: Outside;
}

function nodeStatus({ metadata, spec, status }: Node): StatusReport["nodes"][number] {
    const ready = trueCondition(status.conditions, "Ready") !== undefined;
    const pressures = (status.conditions ?? []).filter(
        (condition) => condition.type !== "Ready" && condition.status === "True",
    );
    const role = "node-role.kubernetes.io/";
    return {
        name: metadata.name,
        ready,
        status: [
            ready ? "Ready" : "NotReady",
            ...pressures.map((condition) => condition.type),
            ...(spec.unschedulable === true ? ["SchedulingDisabled"] : []),
        ].join(","),
        roles: Object.keys(metadata.labels ?? {}).flatMap((label) =>
            label.startsWith(role) ? [label.slice(role.length)] : [],
        ),
        since: metadata.creationTimestamp,
        version: status.nodeInfo.kubeletVersion,
        address: status.addresses?.find((address) => address.type === "InternalIP")?.address ?? "",
    };
}

/** Why a container is not at work, as Kubernetes says it. */
function trouble(state: ContainerState | undefined): string | undefined {
    const { waiting, terminated } = state ?? {};
    if (waiting !== undefined) {
        return waiting.reason ?? "Waiting";
    }
    if (terminated !== undefined && terminated.exitCode !== 0) {
        return terminated.reason ?? `ExitCode:${terminated.exitCode}`;
    }
    return undefined;
}

function podStatus(pod: Pod): StatusReport["pods"][number] {
    const { metadata, spec, status } = pod;
    const containers = status.containerStatuses ?? [];
    const inits = status.initContainerStatuses ?? [];
    const ready = containers.filter((container) => container.ready).length;
    const done = status.phase === "Succeeded";
    const initialising = inits.map(({ state }) => trouble(state)).find((reason) => reason !== undefined);
    const reason =
        metadata.deletionTimestamp !== undefined
            ? "Terminating"
            : (status.reason ??
              (initialising === undefined
                  ? containers.map(({ state }) => trouble(state)).find((text) => text !== undefined)
                  : `Init:${initialising}`) ??
              (done ? "Completed" : status.phase));
    return {
        name: fullName(pod),
        ready: `${ready}/${spec.containers.length}`,
        well:
            done ||
            (metadata.deletionTimestamp === undefined && trueCondition(status.conditions, "Ready") !== undefined),
        status: reason,
        restarts: [...inits, ...containers].reduce((sum, container) => sum + container.restartCount, 0),
        since: metadata.creationTimestamp,
        node: spec.nodeName ?? "",
    };
}

function jobStatus(job: Job): StatusReport["jobs"][number] {
    const { spec, status } = job;
    const failed = trueCondition(status.conditions, "Failed");
    const complete = trueCondition(status.conditions, "Complete");
    const end = status.completionTime ?? failed?.lastTransitionTime;
    const counts = [
        `${status.succeeded ?? 0}/${spec.completions ?? 1} done`,
        ...((status.failed ?? 0) > 0 ? [`${status.failed} failed`] : []),
    ].join(", ");
    const outcome =
        failed !== undefined
            ? `Failed (${failed.reason ?? "no reason given"})`
            : complete !== undefined
              ? "Complete"
              : spec.suspend === true
                ? "Suspended"
                : `Running, ${counts}`;
    return {
        name: fullName(job),
        outcome,
        well: failed === undefined,
        ...(status.startTime === undefined || end === undefined
            ? {}
            : { seconds: (Date.parse(end) - Date.parse(status.startTime)) / 1000 }),
        since: end ?? status.startTime ?? job.metadata.creationTimestamp,
    };
}

function cronJobStatus(cronJob: CronJob): StatusReport["cronJobs"][number] {
    const { spec, status } = cronJob;
    return {
        name: fullName(cronJob),
        schedule: spec.timeZone === undefined ? spec.schedule : `${spec.schedule} (${spec.timeZone})`,
        suspended: spec.suspend === true,
        running: status.active?.length ?? 0,
        lastStart: status.lastScheduleTime,
        lastSuccess: status.lastSuccessfulTime,
    };
}

/** The images that pods run, by what they really are: a tag says little. */
function images(pods: readonly Pod[]): StatusReport["images"] {
    const users = new Map<string, Set<string>>();
    for (const pod of pods) {
        for (const status of [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])]) {
            const repository = status.image.replace(/@.*$/, "").replace(/:[^:/]*$/, "");
            const named = status.imageID.replace(/^.*:\/\//, "");
            // An image that was loaded into the node is known by its content's digest alone.
            const image = named.includes("@") ? named : named === "" ? status.image : `${repository}@${named}`;
            users.set(image, (users.get(image) ?? new Set()).add(fullName(pod)));
        }
    }
    return [...users]
        .map(([reference, names]) => {
            const [image = "", digest = ""] = reference.split("@");
            return { image, digest, pods: [...names].sort() };
        })
        .sort((a, b) => a.image.localeCompare(b.image));
}

function volumeStatus(claim: VolumeClaim): StatusReport["volumes"][number] {
    return {
        name: fullName(claim),
        status: claim.status.phase,
        size: claim.status.capacity?.storage ?? "",
        volume: claim.spec.volumeName ?? "",
        storageClass: claim.spec.storageClassName ?? "",
    };
}

/** A cluster's state at one moment. */
export function statusReport(objects: ClusterObjects, facts: StatusFacts): StatusReport {
    const sorted = <T extends KubernetesObject>(items: readonly T[]) =>
        [...items].sort((a, b) => fullName(a).localeCompare(fullName(b)));
    return {
        stack: facts.stack,
        time: facts.now.toISOString(),
        apiServer: facts.apiServer,
        nodes: sorted(objects.nodes).map(nodeStatus),
        pods: sorted(objects.pods).map(podStatus),
        services: sorted(objects.services).map((service) => ({
            name: fullName(service),
            type: service.spec.type ?? "ClusterIP",
            address: service.spec.clusterIP ?? "",
            ports: (service.spec.ports ?? []).map(({ port, protocol }) =>
                protocol === undefined || protocol === "TCP" ? String(port) : `${port}/${protocol}`,
            ),
            links: serviceLinks(service, facts.outside),
        })),
        jobs: sorted(objects.jobs).map(jobStatus),
        cronJobs: sorted(objects.cronJobs).map(cronJobStatus),
        images: images(objects.pods),
        volumes: sorted(objects.volumeClaims).map(volumeStatus),
        certificates: facts.certificates,
    };
}
