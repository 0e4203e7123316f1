/** Readiness of an Ingress: there is a Service for each of its paths, and it has an address. */
import { asArray, asObject, asString, type KubernetesObject, metadataOf, nameOf, namespaceOf, pluck } from "../object";
import type { Observation, RelatedList, Verdict } from "./readiness";
import { sliceType } from "./service";

export function backendsOfIngress(live: KubernetesObject): RelatedList[] {
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

export function ingress(observation: Observation): Verdict {
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
