import { nearest } from "../../components/settings/nearest";
import { Problem } from "../../tools/problem";
import type { StackCluster } from "../cluster";
import { fullName, type KubernetesObject, type Pod } from "../objects";

/** What has pods: a controller, a Service (by its selector), or a pod by itself. */
export interface Workload {
    /** As kubectl writes it: deployment, statefulset, job, service, pod and so on. */
    kind: string;
    namespace: string;
    name: string;
    /** The newest first. */
    pods: Pod[];
}

/** The kinds that a name is looked for in; of one name in several kinds, the first is meant. */
const collections = [
    ["deployment", "/apis/apps/v1", "deployments"],
    ["statefulset", "/apis/apps/v1", "statefulsets"],
    ["daemonset", "/apis/apps/v1", "daemonsets"],
    ["replicationcontroller", "/api/v1", "replicationcontrollers"],
    ["cronjob", "/apis/batch/v1", "cronjobs"],
    ["job", "/apis/batch/v1", "jobs"],
    ["service", "/api/v1", "services"],
    ["replicaset", "/apis/apps/v1", "replicasets"],
    ["pod", "/api/v1", "pods"],
] as const;

/** One object among those that a name may mean. */
export interface Candidate {
    kind: string;
    object: KubernetesObject & { spec?: { selector?: unknown } };
}

/** Asks for everything that may be meant, in one namespace or in all. */
export async function readCandidates({ client }: StackCluster, namespace?: string): Promise<Candidate[]> {
    const lists = await Promise.all(
        collections.map(async ([kind, group, plural]) => {
            const scope = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
            const { items } = await client.request("GET", `${group}${scope}/${plural}`);
            return (items as unknown as Candidate["object"][]).map((object) => ({ kind, object }));
        }),
    );
    return lists.flat();
}

function podsOf(candidate: Candidate, candidates: readonly Candidate[]): Pod[] {
    const pods = candidates.filter(({ kind }) => kind === "pod").map(({ object }) => object as unknown as Pod);
    const { object, kind } = candidate;
    if (kind === "service") {
        const selector = Object.entries((object.spec?.selector ?? {}) as Record<string, string>);
        return pods.filter(
            ({ metadata }) =>
                selector.length > 0 &&
                metadata.namespace === object.metadata.namespace &&
                selector.every(([label, value]) => metadata.labels?.[label] === value),
        );
    }
    // A Deployment owns ReplicaSets, a CronJob Jobs; these own the pods.
    const owners = new Set([object.metadata.uid]);
    for (const { object: between } of candidates) {
        if (between.metadata.ownerReferences?.some(({ uid }) => uid === object.metadata.uid) === true) {
            owners.add(between.metadata.uid);
        }
    }
    return pods.filter(
        ({ metadata }) =>
            metadata.uid === object.metadata.uid || metadata.ownerReferences?.some(({ uid }) => owners.has(uid)),
    );
}

/** Whether nothing else stands for it: a Job of a CronJob is found by its own name, but not offered. */
function isIndependent({ object }: Candidate): boolean {
    return object.metadata.ownerReferences?.every(({ controller }) => controller !== true) ?? true;
}

/** The names that a user may give, each once, the system's own aside. */
export function workloadNames(candidates: readonly Candidate[]): string[] {
    const names = candidates
        .filter((candidate) => isIndependent(candidate) && podsOf(candidate, candidates).length > 0)
        .filter(({ object }) => !(object.metadata.namespace ?? "").startsWith("kube-"))
        .map(({ object }) => object.metadata.name);
    return [...new Set(names)].sort();
}

/**
 * The workload that a name means: `mysql`, `statefulset/mysql`, a pod's name, or the beginning of exactly one name.
 *
 * @throws Problem when there is none, with the nearest name, or when there are several, with how to tell them apart.
 */
export function findWorkload(asked: string, candidates: readonly Candidate[]): Workload {
    const [kind, name = ""] = asked.includes("/") ? asked.toLowerCase().split("/") : [undefined, asked];
    const ofKind = candidates.filter((candidate) => kind === undefined || candidate.kind === kind.replace(/s$/, ""));
    const exact = ofKind.filter(({ object }) => object.metadata.name === name);
    const beginning = ofKind.filter(({ object }) => object.metadata.name.startsWith(name));
    const independent = beginning.filter(isIndependent);
    // Controllers say more than the pods that they have made, which begin with the same name.
    const found = exact.length > 0 ? exact : independent.length > 0 ? independent : beginning;
    const namespaces = new Set(found.map(({ object }) => object.metadata.namespace));
    const names = new Set(found.map(({ object }) => object.metadata.name));
    const [first] = found;
    if (first === undefined || name === "") {
        const known = workloadNames(candidates);
        const near = nearest(name, known);
        throw new Problem(
            `There is no workload ${JSON.stringify(asked)}.` +
                (near === undefined ? "" : ` Did you mean ${near}?`) +
                `\nThere are: ${known.join(", ") || "none"}.`,
        );
    }
    if (names.size > 1) {
        throw new Problem(
            `${JSON.stringify(asked)} is the beginning of several names: ${[...names].sort().join(", ")}.`,
        );
    }
    if (namespaces.size > 1) {
        throw new Problem(
            `${JSON.stringify(asked)} is in several namespaces: ${[...namespaces].sort().join(", ")}. Say which: -n NAMESPACE.`,
        );
    }
    const pods = podsOf(first, candidates).sort((a, b) =>
        b.metadata.creationTimestamp.localeCompare(a.metadata.creationTimestamp),
    );
    const { metadata } = first.object;
    return { kind: first.kind, namespace: metadata.namespace ?? "", name: metadata.name, pods };
}

/** One pod in which something can be run. @throws Problem when none runs. */
export function runningPod({ kind, name, pods }: Workload): Pod {
    const running = pods.filter(
        (pod) => pod.status.phase === "Running" && pod.metadata.deletionTimestamp === undefined,
    );
    const ready = running.find((pod) => pod.status.containerStatuses?.every((container) => container.ready) === true);
    const pod = ready ?? running[0];
    if (pod === undefined) {
        const states = pods.map((one) => `${one.metadata.name} is ${one.status.phase}`);
        throw new Problem(`No pod of ${kind}/${name} runs${states.length === 0 ? "" : `: ${states.join(", ")}`}.`);
    }
    return pod;
}

/**
 * The container that is meant: by its name, else the pod's default or first one.
 *
 * @param containers Those that may be meant.
 * @throws Problem for an unknown name.
 */
export function containerOf(pod: Pod, asked: string | undefined, containers = pod.spec.containers): string {
    const names = containers.map(({ name }) => name);
    if (asked !== undefined && !names.includes(asked)) {
        const near = nearest(asked, names);
        throw new Problem(
            `The pod ${fullName(pod)} has no container ${JSON.stringify(asked)}` +
                `${near === undefined ? "" : `; did you mean ${near}?`} It has ${names.join(", ")}.`,
        );
    }
    return asked ?? pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"] ?? names[0] ?? "";
}

/**
 * The containers of a pod that have a log, in the order in which they ran: all, or the one that is asked for.
 *
 * @param previous The log of before the last restart is meant.
 */
export function loggedContainers({ spec, status }: Pod, asked: string | undefined, previous: boolean): string[] {
    const statuses = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
    const order = [...(spec.initContainers ?? []), ...spec.containers].map(({ name }) => name);
    return statuses
        .filter(({ state, restartCount }) => {
            const has = state?.running !== undefined || state?.terminated !== undefined || restartCount > 0;
            return previous ? restartCount > 0 : has;
        })
        .map(({ name }) => name)
        .filter((name) => asked === undefined || asked === name)
        .sort((a, b) => order.indexOf(a) - order.indexOf(b));
}
