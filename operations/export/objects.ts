import { asArray, asObject, asString, type JsonObject } from "../../plugins/kubernetes/object";
import { masked } from "./mask";

/** What is exported of the API, by its path. */
export const exportedCollections = [
    "/api/v1/nodes",
    "/api/v1/namespaces",
    "/api/v1/pods",
    "/api/v1/services",
    "/api/v1/configmaps",
    "/api/v1/secrets",
    "/api/v1/serviceaccounts",
    "/api/v1/persistentvolumes",
    "/api/v1/persistentvolumeclaims",
    "/api/v1/replicationcontrollers",
    "/api/v1/events",
    "/apis/apps/v1/deployments",
    "/apis/apps/v1/replicasets",
    "/apis/apps/v1/statefulsets",
    "/apis/apps/v1/daemonsets",
    "/apis/batch/v1/jobs",
    "/apis/batch/v1/cronjobs",
    "/apis/discovery.k8s.io/v1/endpointslices",
    "/apis/networking.k8s.io/v1/ingresses",
    "/apis/networking.k8s.io/v1/networkpolicies",
    "/apis/rbac.authorization.k8s.io/v1/roles",
    "/apis/rbac.authorization.k8s.io/v1/rolebindings",
    "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
    "/apis/storage.k8s.io/v1/storageclasses",
] as const;

/** Names of environment variables and annotations whose values nobody else should see. */
const secretName = /passw(or)?d|secret|token|api_?key|access_?key|private/i;

function maskEnvironment(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(maskEnvironment);
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const object = value as Record<string, unknown>;
    if (typeof object.name === "string" && typeof object.value === "string" && secretName.test(object.name)) {
        return { ...object, value: masked };
    }
    return Object.fromEntries(Object.entries(object).map(([key, inner]) => [key, maskEnvironment(inner)]));
}

/** An object fit to be shown: Secrets with their keys only, no secrets in environments, no bookkeeping of the API server. */
export function shownObject(object: JsonObject, isSecret: boolean): JsonObject {
    const { managedFields: _, annotations, ...metadata } = asObject(object.metadata);
    const { "kubectl.kubernetes.io/last-applied-configuration": __, ...kept } = asObject(annotations);
    const shown: JsonObject = { ...object, metadata: { ...metadata, annotations: kept } };
    if (isSecret) {
        return { ...shown, data: Object.fromEntries(Object.keys(asObject(object.data)).map((key) => [key, masked])) };
    }
    return maskEnvironment(shown) as JsonObject;
}

/** Events as lines, the oldest first. */
export function eventLines(events: readonly JsonObject[]): string {
    const time = (event: JsonObject) =>
        asString(event.lastTimestamp) ||
        asString(event.eventTime) ||
        asString(asObject(event.metadata).creationTimestamp);
    return asArray([...events].sort((a, b) => time(a).localeCompare(time(b))))
        .map(asObject)
        .map((event) => {
            const { kind, namespace, name } = asObject(event.involvedObject);
            const about = [asString(namespace), asString(name)].filter((part) => part !== "").join("/");
            const words = [time(event), asString(event.type), asString(event.reason), `${asString(kind)} ${about}`];
            return `${words.join("  ")}: ${asString(event.message).trim()}\n`;
        })
        .join("");
}
