/** Readiness of a Service: its pods are found, and it has the address that it asks for. */
import type { GroupVersionKind } from "../kinds";
import { asArray, asObject, type JsonObject, type KubernetesObject, nameOf, namespaceOf, pluck } from "../object";
import type { Observation, RelatedList, Verdict } from "./readiness";

export const sliceType: GroupVersionKind = { group: "discovery.k8s.io", version: "v1", kind: "EndpointSlice" };

/** Milliseconds for which a Service's endpoints must stay as they are, with ready pods and with none at all. */
const settleWithPods = 500;
const settleWithoutPods = 3000;

export function slicesOfService(live: KubernetesObject): RelatedList[] {
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

export function service(observation: Observation): Verdict {
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
