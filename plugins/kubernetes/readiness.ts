/**
 * When an object is ready: one pure function for each kind, over the object and the lists that belong to it.
 *
 * The rules are those of Pulumi's kubernetes plugin 4.32, with these differences: `replicas: 0` is ready, a Service
 * settles in seconds rather than ten, a Job that failed for any reason and a Pod that can't run again fail at once, and
 * ReplicaSets, Namespaces and CustomResourceDefinitions are waited for as well.
 */
import {
    asArray,
    asNumber,
    asObject,
    asString,
    equal,
    isObject,
    isOwnedBy,
    JsonObject,
    KubernetesObject,
    metadataOf,
    nameOf,
    namespaceOf,
    pluck,
    uidOf,
} from "./object";
import { GroupVersionKind } from "./kinds";
import { conditionOf, displayName, isPodFailed, isTrue, podProblem, podState } from "./pods";
import { parseQuantity } from "./quantity";

/** A list of objects that an object's readiness depends on. */
export interface RelatedList {
    /** Its key in {@link Observation.related}. */
    key: string;
    type: GroupVersionKind;
    /** "" for kinds without a namespace. */
    namespace: string;
    labelSelector?: string;
    fieldSelector?: string;
}

/** What is known about an object at one moment. */
export interface Observation {
    live: KubernetesObject;
    /** The object before this update; undefined when it was created. */
    before?: KubernetesObject;
    related: Record<string, KubernetesObject[]>;
    /** Milliseconds since that list was first read or last changed. */
    settled(key: string): number;
    /** Milliseconds since the wait began. */
    waited: number;
}

/** What follows from an {@link Observation}. */
export interface Verdict {
    ready: boolean;
    /** Waiting is in vain, and why. */
    failure?: string;
    /** What is waited for, for the progress display. */
    status: string;
    /** What stands in the way, for the progress display and for the error when time is up. */
    problems?: string[];
    /** Look again after so many milliseconds, even if nothing changes. */
    recheckAfter?: number;
}

/** How a kind's readiness is found out. */
export interface Readiness {
    related?(live: KubernetesObject): RelatedList[];
    evaluate(observation: Observation): Verdict;
    /** Seconds to wait by default; 600 if not given. */
    timeout?: number;
    /** A refresh looks at readiness, too. */
    onRead?: boolean;
}

const podType: GroupVersionKind = { group: "", version: "v1", kind: "Pod" };
const sliceType: GroupVersionKind = { group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice" };

/** Milliseconds for which a Service's endpoints must stay as they are, with ready pods and with none at all. */
export const settleWithPods = 500;
export const settleWithoutPods = 3000;

const kinds: Record<string, Readiness> = {
    "/Namespace": phase("Active", "Namespace", 300),
    "/PersistentVolume": phases(["Available", "Bound"], "PersistentVolume", 300),
    "/PersistentVolumeClaim": { related: storageClasses, evaluate: claim, timeout: 300 },
    "/Pod": { evaluate: pod, onRead: true },
    "/ReplicationController": { related: controlledPods, evaluate: replicas },
    "/ResourceQuota": { evaluate: quota, timeout: 60 },
    "/Secret": { evaluate: tokenSecret, timeout: 30 },
    "/Service": { related: slicesOfService, evaluate: service, onRead: true },
    "apps/DaemonSet": { related: selectedPods, evaluate: daemonSet, onRead: true },
    "apps/Deployment": { related: selectedPods, evaluate: deployment, onRead: true },
    "apps/ReplicaSet": { related: selectedPods, evaluate: replicas },
    "apps/StatefulSet": { related: selectedPods, evaluate: statefulSet, onRead: true },
    "batch/Job": { related: jobPods, evaluate: job, onRead: true },
    "networking.k8s.io/Ingress": { related: backendsOfIngress, evaluate: ingress, onRead: true },
    "apiextensions.k8s.io/CustomResourceDefinition": { evaluate: customResourceDefinition, timeout: 120 },
};

/** How the readiness of a kind is found out; undefined for kinds that are ready when they exist. */
export function readinessOf(type: GroupVersionKind): Readiness | undefined {
    const key = `${type.group}/${type.kind}`;
    return Object.prototype.hasOwnProperty.call(kinds, key) ? kinds[key] : undefined;
}

function phase(wanted: string, kind: string, timeout: number): Readiness {
    return phases([wanted], kind, timeout);
}

function phases(wanted: string[], kind: string, timeout: number): Readiness {
    return {
        timeout,
        evaluate: ({ live }) => {
            const actual = asString(pluck(live, "status", "phase"));
            return {
                ready: wanted.includes(actual),
                status: `Waiting for ${kind} to be ${wanted.join(" or ")} (${actual || "no phase yet"})`,
            };
        },
    };
}

/** A label selector (`matchLabels`, `matchExpressions`, or a plain map of labels) as the API's query parameter. */
export function selectorText(selector: JsonObject): string {
    const plain = selector.matchLabels === undefined && selector.matchExpressions === undefined;
    const labels = Object.entries(asObject(plain ? selector : selector.matchLabels)).map(
        ([key, value]) => `${key}=${asString(value)}`,
    );
    const expressions = asArray(selector.matchExpressions)
        .map(asObject)
        .map(({ key, operator, values }) => {
            const list = asArray(values).map(asString).join(",");
            switch (operator) {
                case "In":
                    return `${asString(key)} in (${list})`;
                case "NotIn":
                    return `${asString(key)} notin (${list})`;
                case "Exists":
                    return asString(key);
                default:
                    return `!${asString(key)}`;
            }
        });
    return [...labels, ...expressions].join(",");
}

function podsBy(live: KubernetesObject, selector: JsonObject): RelatedList[] {
    return [{ key: "pods", type: podType, namespace: namespaceOf(live), labelSelector: selectorText(selector) }];
}

function selectedPods(live: KubernetesObject): RelatedList[] {
    return podsBy(live, asObject(pluck(live, "spec", "selector")));
}

function controlledPods(live: KubernetesObject): RelatedList[] {
    return selectedPods(live);
}

function jobPods(live: KubernetesObject): RelatedList[] {
    return selectedPods(live);
}

function problemsOf(pods: KubernetesObject[] | undefined): string[] {
    return (pods ?? []).map(podProblem).filter((problem) => problem !== undefined);
}

function ownedPods({ live, related }: Observation): KubernetesObject[] {
    return (related.pods ?? []).filter((item) => isOwnedBy(item, uidOf(live)));
}

function observed(live: KubernetesObject): boolean {
    return asNumber(pluck(live, "status", "observedGeneration")) >= asNumber(metadataOf(live).generation);
}

function pod({ live }: Observation): Verdict {
    const ready = isTrue(live, "Ready") || pluck(live, "status", "phase") === "Succeeded";
    const problem = podProblem(live);
    return {
        ready,
        status: podState(live),
        problems: problem === undefined ? [] : [problem],
        failure: isPodFailed(live) ? problem : undefined,
    };
}

function replicas(observation: Observation): Verdict {
    const { live } = observation;
    const wanted = asNumber(pluck(live, "spec", "replicas"), 1);
    const available = asNumber(pluck(live, "status", "availableReplicas"));
    return {
        ready: observed(live) && available === wanted,
        status: `Waiting for ${asString(live.kind)} to create Pods (${available}/${wanted} Pods available)`,
        problems: problemsOf(ownedPods(observation)),
    };
}

function deployment({ live, related }: Observation): Verdict {
    const wanted = asNumber(pluck(live, "spec", "replicas"), 1);
    const status = asObject(live.status);
    const updated = asNumber(status.updatedReplicas);
    const available = asNumber(status.availableReplicas);
    const rolledOut = updated >= wanted && asNumber(status.replicas) <= updated && available >= updated;
    const problems = problemsOf(related.pods);
    const progressing = conditionOf(live, "Progressing");
    const failing = conditionOf(live, "ReplicaFailure");
    for (const condition of [progressing, failing]) {
        if (condition.status === (condition === failing ? "True" : "False")) {
            problems.unshift(`[${asString(condition.reason)}] ${asString(condition.message)}`);
        }
    }
    return {
        ready: observed(live) && rolledOut && (wanted === 0 || isTrue(live, "Available")),
        status: `Waiting for Deployment to roll out (${Math.min(available, updated)}/${wanted} Pods available)`,
        problems,
    };
}

function statefulSet(observation: Observation): Verdict {
    const { live } = observation;
    const wanted = asNumber(pluck(live, "spec", "replicas"), 1);
    const status = asObject(live.status);
    const generation = asNumber(metadataOf(live).generation);
    const ready = asNumber(status.readyReplicas);
    const onDelete = generation > 1 && pluck(live, "spec", "updateStrategy", "type") === "OnDelete";
    const revisionReady =
        onDelete || (asString(status.currentRevision) !== "" && status.currentRevision === status.updateRevision);
    const replicasReady =
        asNumber(status.replicas) === wanted &&
        ready === wanted &&
        (onDelete || asNumber(status.currentReplicas) === wanted);
    const done = observed(live) && replicasReady && revisionReady;
    const count = revisionReady ? ready : Math.min(ready, asNumber(status.updatedReplicas));
    let text = `[1/2] Waiting for StatefulSet to create Pods (${count}/${wanted} Pods ready)`;
    if (generation > 1) {
        text =
            replicasReady && observed(live)
                ? "[2/2] Waiting for StatefulSet to finish its update"
                : `[1/2] Waiting for StatefulSet update to roll out (${count}/${wanted} Pods ready)`;
    }
    return { ready: done, status: text, problems: problemsOf(ownedPods(observation)) };
}

function daemonSet(observation: Observation): Verdict {
    const { live } = observation;
    const status = asObject(live.status);
    const wanted = asNumber(status.desiredNumberScheduled);
    const counts = [
        status.currentNumberScheduled,
        status.updatedNumberScheduled,
        status.numberAvailable,
        status.numberReady,
    ];
    const onDelete = pluck(live, "spec", "updateStrategy", "type") === "OnDelete";
    const enough = counts.every((count, index) => (onDelete && index === 1) || asNumber(count) >= wanted);
    return {
        ready: observed(live) && status.desiredNumberScheduled !== undefined && enough,
        status: `Waiting for DaemonSet to roll out (${asNumber(status.numberReady)}/${wanted} Pods ready)`,
        problems: problemsOf(ownedPods(observation)),
    };
}

function job(observation: Observation): Verdict {
    const { live } = observation;
    const status = asObject(live.status);
    const name = JSON.stringify(displayName(live));
    const failed = conditionOf(live, "Failed");
    const counts =
        `Active: ${asNumber(status.active)} | Succeeded: ${asNumber(status.succeeded)} | ` +
        `Failed: ${asNumber(status.failed)}`;
    return {
        ready: isTrue(live, "Complete"),
        failure:
            failed.status === "True"
                ? `[${asString(failed.reason)}] ${asString(failed.message)}`.replace("[] ", "")
                : undefined,
        status:
            status.startTime === undefined
                ? `Waiting for Job ${name} to start`
                : `Waiting for Job ${name} to succeed (${counts})`,
        problems: problemsOf(ownedPods(observation)),
    };
}

function storageClasses(live: KubernetesObject): RelatedList[] {
    const name = asString(pluck(live, "spec", "storageClassName"));
    if (name === "") {
        return [];
    }
    return [
        {
            key: "classes",
            type: { group: "storage.k8s.io", version: "v1", kind: "StorageClass" },
            namespace: "",
            fieldSelector: `metadata.name=${name}`,
        },
    ];
}

function claim({ live, related }: Observation): Verdict {
    const actual = asString(pluck(live, "status", "phase"));
    const late = related.classes?.some((item) => item.volumeBindingMode === "WaitForFirstConsumer") ?? false;
    return {
        ready: actual === "Bound" || (late && actual === "Pending"),
        status: `Waiting for PersistentVolumeClaim to be Bound (${actual || "no phase yet"})`,
    };
}

function quota({ live }: Observation): Verdict {
    const wanted = asObject(pluck(live, "spec", "hard"));
    const actual = asObject(pluck(live, "status", "hard"));
    const same = Object.entries(wanted).every(
        ([key, value]) =>
            equal(value, actual[key]) ||
            (actual[key] !== undefined && parseQuantity(String(value)) === parseQuantity(String(actual[key]))),
    );
    return { ready: same, status: "Waiting for ResourceQuota to take effect" };
}

function tokenSecret({ live }: Observation): Verdict {
    const filledByController = live.type === "kubernetes.io/service-account-token";
    return {
        ready: !filledByController || Object.keys(asObject(live.data)).length > 0,
        status: "Waiting for Secret to be given its token",
    };
}

function slicesOfService(live: KubernetesObject): RelatedList[] {
    if (!directsToPods(live)) {
        return [];
    }
    return [
        {
            key: "slices",
            type: sliceType,
            namespace: namespaceOf(live),
            labelSelector: `kubernetes.io/service-name=${nameOf(live)}`,
        },
    ];
}

function directsToPods(live: KubernetesObject): boolean {
    const spec = asObject(live.spec);
    const selector = asObject(spec.selector);
    return spec.clusterIP !== "None" && spec.type !== "ExternalName" && Object.keys(selector).length > 0;
}

function service(observation: Observation): Verdict {
    const { live, related } = observation;
    const balanced = pluck(live, "spec", "type") === "LoadBalancer";
    const addressed = !balanced || asArray(pluck(live, "status", "loadBalancer", "ingress")).length > 0;
    const noAddress = "Service was not given an address; does the cluster have a load balancer controller?";
    if (!directsToPods(live)) {
        return {
            ready: addressed,
            status: "Waiting for the Service's load balancer address",
            problems: addressed ? [] : [noAddress],
        };
    }
    const endpoints = (related.slices ?? []).flatMap((slice) => asArray(slice.endpoints)).map(asObject);
    const isReady = (endpoint: JsonObject): boolean => pluck(endpoint, "conditions", "ready") !== false;
    const isLeaving = (endpoint: JsonObject): boolean => pluck(endpoint, "conditions", "terminating") === true;
    const ready = endpoints.filter(isReady).length;
    const pending = endpoints.filter((endpoint) => !isReady(endpoint) && !isLeaving(endpoint)).length;
    const reconciled = (related.slices ?? []).length > 0;
    // Pods that start at the same time get a moment to show up; a Service without any is no error.
    const settle = ready > 0 ? settleWithPods : settleWithoutPods;
    const left = settle - observation.settled("slices");
    const problems: string[] = [];
    if (ready === 0) {
        problems.push(
            pending > 0
                ? `none of the ${pending} Pods of the Service is ready`
                : "Service does not target any Pods; they may not be ready, or `spec.selector` matches no Pod's labels",
        );
    } else if (pending > 0) {
        problems.push(`${pending} of ${pending + ready} Pods of the Service are not ready`);
    }
    if (!addressed) {
        problems.push(noAddress);
    }
    return {
        ready: reconciled && pending === 0 && left <= 0 && addressed,
        status:
            pending > 0 || !reconciled || left > 0
                ? `[1/2] Finding Pods to direct traffic to (${ready} ready, ${pending} not ready)`
                : "[2/2] Waiting for the Service's load balancer address",
        problems,
        recheckAfter: left > 0 ? left : undefined,
    };
}

function backendsOfIngress(live: KubernetesObject): RelatedList[] {
    return [
        { key: "slices", type: sliceType, namespace: namespaceOf(live) },
        {
            key: "services",
            type: { group: "", version: "v1", kind: "Service" },
            namespace: namespaceOf(live),
        },
    ];
}

// Milliseconds after which an Ingress no longer waits for Services that may never exist.
const backendGrace = 60_000;

function ingress(observation: Observation): Verdict {
    const { live, related, waited } = observation;
    const backends = asArray(pluck(live, "spec", "rules"))
        .flatMap((rule) => asArray(pluck(rule, "http", "paths")))
        .map((path) => asString(pluck(path, "backend", "service", "name")))
        .filter((name) => name !== "");
    const withSlices = new Set(
        (related.slices ?? []).map((item) => asObject(metadataOf(item).labels)["kubernetes.io/service-name"]),
    );
    const external = new Set(
        (related.services ?? []).filter((item) => pluck(item, "spec", "type") === "ExternalName").map(nameOf),
    );
    const missing = [...new Set(backends)].filter((name) => !withSlices.has(name) && !external.has(name));
    const addressed = asArray(pluck(live, "status", "loadBalancer", "ingress")).length > 0;
    const waiting = missing.length > 0 && waited < backendGrace;
    const problems = missing.map((name) => `no Service ${JSON.stringify(name)} for a path of the Ingress`);
    if (!addressed) {
        problems.push("Ingress has no address; does the cluster have an ingress controller for its class?");
    }
    return {
        ready: !waiting && addressed,
        status: waiting
            ? "[1/2] Finding a matching Service for each Ingress path"
            : "[2/2] Waiting for the Ingress's address",
        problems,
        recheckAfter: waiting ? backendGrace - waited : undefined,
    };
}

function customResourceDefinition({ live }: Observation): Verdict {
    const refused = conditionOf(live, "NamesAccepted");
    return {
        ready: isTrue(live, "Established"),
        status: "Waiting for CustomResourceDefinition to be established",
        problems: refused.status === "False" ? [`[${asString(refused.reason)}] ${asString(refused.message)}`] : [],
    };
}

/** What the annotation `pulumi.com/waitFor` asks for. */
export const waitForAnnotation = "pulumi.com/waitFor";

/**
 * Reads `pulumi.com/waitFor`: `condition=<type>[=<status>]`, `jsonpath={.a.b}[=<value>]`, or a JSON list of these,
 * all of which must hold.
 *
 * @throws Error for anything else.
 */
export function parseWaitFor(text: string): Readiness {
    let expressions: string[] = [text];
    if (text.trim().startsWith("[")) {
        const list: unknown = JSON.parse(text);
        if (!Array.isArray(list) || list.length === 0 || !list.every((item) => typeof item === "string")) {
            throw new Error(`${waitForAnnotation}: ${text} is not a list of texts with at least one of them`);
        }
        expressions = list;
    }
    const tests = expressions.map(parseWaitExpression);
    return {
        evaluate: ({ live }) => {
            const missing = expressions.filter((_, index) => !tests[index]?.(live));
            return {
                ready: missing.length === 0,
                status: `Waiting for ${missing.join(", ")}`,
                problems: missing.map((expression) => `not yet: ${expression}`),
            };
        },
    };
}

function parseWaitExpression(expression: string): (live: KubernetesObject) => boolean {
    const condition = /^condition=([^=]+)(?:=(.*))?$/.exec(expression);
    if (condition !== null) {
        const [, type = "", status = "True"] = condition;
        return (live) => {
            const found = asArray(asObject(live.status).conditions)
                .map(asObject)
                .find((item) => asString(item.type).toLowerCase() === type.toLowerCase());
            const generation = asNumber(metadataOf(live).generation);
            const seen = asNumber(found?.observedGeneration ?? pluck(live, "status", "observedGeneration"), generation);
            return seen >= generation && asString(found?.status).toLowerCase() === status.toLowerCase();
        };
    }
    const path = /^jsonpath=\{?\$?((?:\.[\w-]+|\[\d+\])+)\}?(?:=(.*))?$/.exec(expression);
    if (path !== null) {
        const steps = [...(path[1] ?? "").matchAll(/\.([\w-]+)|\[(\d+)\]/g)].map((match) =>
            match[1] !== undefined ? match[1] : Number(match[2]),
        );
        const wanted = path[2];
        return (live) => {
            const value = pluck(live, ...steps);
            if (value === undefined || value === null) {
                return false;
            }
            return wanted === undefined || (isObject(value) ? JSON.stringify(value) : String(value)) === wanted;
        };
    }
    throw new Error(
        `${waitForAnnotation}: ${JSON.stringify(expression)} is neither condition=<type>[=<status>] nor ` +
            "jsonpath={.path.to.member}[=<value>]",
    );
}
