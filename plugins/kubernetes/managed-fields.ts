/** Field ownership (server-side apply's `metadata.managedFields`). */
import { asArray, asObject, asString, isObject, JsonObject, KubernetesObject, metadataOf } from "./object";

/** Field manager of objects made with a plain create: the API records it as an `Update`, not an `Apply`. */
export const createManager = "pulumi-kubernetes";

// Managers of `Update` entries whose fields become ours: our own creates, Pulumi's plugin without server-side apply,
// and kubectl's client-side apply.
const adopted = new Set([
    createManager,
    "pulumi-kubernetes.exe",
    "pulumi-resource-kubernetes",
    "kubectl",
    "before-first-apply",
]);

/**
 * `managedFields` in which `manager` owns, by apply, what was created or applied on the client side, so that the next
 * apply changes and removes those fields without conflicts.
 *
 * @returns undefined when there is nothing to take over.
 */
export function adoptManagedFields(live: KubernetesObject, manager: string): JsonObject[] | undefined {
    const entries = asArray(metadataOf(live).managedFields).filter(isObject);
    const isAdopted = (entry: JsonObject): boolean =>
        adopted.has(asString(entry.manager)) &&
        (entry.operation === "Update" || entry.manager === "kubectl") &&
        asString(entry.subresource) === "";
    const sources = entries.filter(isAdopted);
    if (sources.length === 0) {
        return undefined;
    }
    const isOurs = (entry: JsonObject): boolean =>
        entry.manager === manager && entry.operation === "Apply" && asString(entry.subresource) === "";
    const ours = entries.find(isOurs);
    const fields = [...(ours === undefined ? [] : [ours]), ...sources]
        .map((entry) => asObject(entry.fieldsV1))
        .reduce(mergeFields, {});
    const merged: JsonObject = {
        ...(ours ?? sources[0]),
        manager,
        operation: "Apply",
        fieldsV1: fields,
    };
    return [...entries.filter((entry) => !isAdopted(entry) && !isOurs(entry)), merged];
}

function mergeFields(left: JsonObject, right: JsonObject): JsonObject {
    const result: JsonObject = { ...left };
    for (const [key, value] of Object.entries(right)) {
        result[key] = isObject(value) ? mergeFields(asObject(left[key]), value) : value;
    }
    return result;
}
