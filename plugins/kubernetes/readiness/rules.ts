/**
 * When an object is ready: one pure function for each kind, over the object and the lists that belong to it.
 *
 * The rules are those of Pulumi's kubernetes plugin 4.32, with these differences: `replicas: 0` is ready, a Service
 * settles in seconds rather than ten, a Job that failed for any reason and a Pod that can't run again fail at once, and
 * ReplicaSets, Namespaces and CustomResourceDefinitions are waited for as well.
 */
import { GroupVersionKind } from "../kinds";
import { asObject, asString, equal, KubernetesObject, pluck } from "../object";
import { conditionOf, isTrue } from "../pods";
import { parseQuantity } from "../quantity";
import { backendsOfIngress, ingress } from "./ingress";
import type { Observation, Readiness, RelatedList, Verdict } from "./readiness";
import { service, slicesOfService } from "./service";
import { daemonSet, deployment, job, pod, replicas, selectedPods, statefulSet } from "./workloads";

const kinds: Record<string, Readiness> = {
    "/Namespace": phase(["Active"], "Namespace", 300),
    "/PersistentVolume": phase(["Available", "Bound"], "PersistentVolume", 300),
    "/PersistentVolumeClaim": { related: storageClasses, evaluate: claim, timeout: 300 },
    "/Pod": { evaluate: pod, onRead: true },
    "/ReplicationController": { related: selectedPods, evaluate: replicas },
    "/ResourceQuota": { evaluate: quota, timeout: 60 },
    "/Secret": { evaluate: tokenSecret, timeout: 30 },
    "/Service": { related: slicesOfService, evaluate: service, onRead: true },
    "apps/DaemonSet": { related: selectedPods, evaluate: daemonSet, onRead: true },
    "apps/Deployment": { related: selectedPods, evaluate: deployment, onRead: true },
    "apps/ReplicaSet": { related: selectedPods, evaluate: replicas },
    "apps/StatefulSet": { related: selectedPods, evaluate: statefulSet, onRead: true },
    "batch/Job": { related: selectedPods, evaluate: job, onRead: true },
    "networking.k8s.io/Ingress": { related: backendsOfIngress, evaluate: ingress, onRead: true },
    "apiextensions.k8s.io/CustomResourceDefinition": { evaluate: customResourceDefinition, timeout: 120 },
};

/** How the readiness of a kind is found out; undefined for kinds that are ready when they exist. */
export function readinessOf(type: GroupVersionKind): Readiness | undefined {
    const key = `${type.group}/${type.kind}`;
    return Object.prototype.hasOwnProperty.call(kinds, key) ? kinds[key] : undefined;
}

function phase(wanted: string[], kind: string, timeout: number): Readiness {
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

function customResourceDefinition({ live }: Observation): Verdict {
    const refused = conditionOf(live, "NamesAccepted");
    return {
        ready: isTrue(live, "Established"),
        status: "Waiting for CustomResourceDefinition to be established",
        problems: refused.status === "False" ? [`[${asString(refused.reason)}] ${asString(refused.message)}`] : [],
    };
}
