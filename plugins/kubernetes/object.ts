/** Kubernetes objects as plain JSON, and what lies between them and Pulumi's property values. */
import {
    Archive,
    Asset,
    containsSecret,
    isPropertyMap,
    PropertyMap,
    PropertyValue,
    ResourceReference,
    Secret,
    Unknown,
} from "../protocol/properties";

/** A JSON value, or one that is not known yet (in a preview). Never a secret's wrapper. */
export type Json = null | boolean | number | string | Unknown | Json[] | JsonObject;

/** A JSON object. Absent and `undefined` members are the same. */
export interface JsonObject {
    [key: string]: Json | undefined;
}

/** A Kubernetes object: `apiVersion`, `kind`, `metadata` and whatever else its kind has. */
export type KubernetesObject = JsonObject;

/** True for a JSON object (not null, not an array, not an unknown). */
export function isObject(value: Json | undefined): value is JsonObject {
    return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Unknown);
}

/** The value when it is an object, else an empty one. */
export function asObject(value: Json | undefined): JsonObject {
    return isObject(value) ? value : {};
}

/** The value when it is an array, else an empty one. */
export function asArray(value: Json | undefined): Json[] {
    return Array.isArray(value) ? value : [];
}

/** The value when it is a string, else "". */
export function asString(value: Json | undefined): string {
    return typeof value === "string" ? value : "";
}

/** The value when it is a number, else `otherwise`. */
export function asNumber(value: Json | undefined, otherwise = 0): number {
    return typeof value === "number" ? value : otherwise;
}

/** True when the value holds an unknown anywhere. */
export function hasUnknown(value: Json | undefined): boolean {
    if (Array.isArray(value)) {
        return value.some(hasUnknown);
    }
    return isObject(value) ? Object.values(value).some(hasUnknown) : value instanceof Unknown;
}

/**
 * A deep copy of property values as JSON, without secrets' wrappers.
 *
 * @throws Error for assets and archives, which have no place in a Kubernetes object.
 */
export function reveal(value: PropertyValue): Json {
    if (value === undefined || value === null) {
        return null;
    }
    if (value instanceof Secret) {
        return reveal(value.value);
    }
    if (value instanceof ResourceReference) {
        return value.id ?? value.urn;
    }
    if (value instanceof Asset || value instanceof Archive) {
        throw new Error("assets and archives can't be part of a Kubernetes object");
    }
    if (Array.isArray(value)) {
        return value.map(reveal);
    }
    if (!isPropertyMap(value)) {
        return value;
    }
    const result: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
        if (member !== undefined) {
            result[key] = reveal(member);
        }
    }
    return result;
}

/**
 * Marks in `outputs` what was secret in `inputs`, in place. Objects are compared member by member; an array with a
 * secret in it becomes secret as a whole, because the API may have moved its elements. All data of a Secret is secret.
 */
export function markSecrets(outputs: PropertyMap, inputs: PropertyMap): void {
    if (outputs.kind === "Secret") {
        for (const key of ["data", "stringData"]) {
            const value = outputs[key];
            if (value !== undefined && !(value instanceof Secret)) {
                outputs[key] = new Secret(value);
            }
        }
    }
    for (const [key, input] of Object.entries(inputs)) {
        const output = outputs[key];
        if (output === undefined || output instanceof Secret) {
            continue;
        }
        if (isPropertyMap(output) && isPropertyMap(input)) {
            markSecrets(output, input);
        } else if (containsSecret(input)) {
            outputs[key] = new Secret(output);
        }
    }
}

/** The value at a path of keys and indexes, or undefined. */
export function pluck(value: Json | undefined, ...path: (string | number)[]): Json | undefined {
    let current = value;
    for (const step of path) {
        if (typeof step === "number") {
            current = Array.isArray(current) ? current[step] : undefined;
        } else {
            current = isObject(current) ? current[step] : undefined;
        }
    }
    return current;
}

/** Deep equality; an unknown equals nothing; absent, `undefined` and `null` members of objects are the same. */
export function equal(left: Json | undefined, right: Json | undefined): boolean {
    if (left instanceof Unknown || right instanceof Unknown) {
        return false;
    }
    if (left === right || ((left ?? null) === null && (right ?? null) === null)) {
        return true;
    }
    if (Array.isArray(left) && Array.isArray(right)) {
        return left.length === right.length && left.every((item, index) => equal(item, right[index]));
    }
    if (isObject(left) && isObject(right)) {
        const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
        return [...keys].every((key) => equal(left[key], right[key]));
    }
    return false;
}

/** A deep copy with every object key passed through `rename`, and without null members. */
export function renameKeys(value: Json, rename: (key: string) => string): Json {
    if (Array.isArray(value)) {
        return value.map((item) => renameKeys(item, rename));
    }
    if (!isObject(value)) {
        return value;
    }
    const result: JsonObject = {};
    for (const [key, member] of Object.entries(value)) {
        if (member !== undefined && member !== null) {
            result[rename(key)] = renameKeys(member, rename);
        }
    }
    return result;
}

// OpenAPI extensions in a CustomResourceDefinition's schema: the SDKs spell them with underscores.
const extensions = [
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-validations",
];
const toApi = new Map(extensions.map((name) => [name.replace(/-/g, "_"), name]));
const toSdk = new Map(extensions.map((name) => [name, name.replace(/-/g, "_")]));

/** Properties as a Kubernetes object: no secret marks, no nulls, keys as the API spells them. */
export function toKubernetes(properties: PropertyMap | undefined): KubernetesObject {
    return asObject(renameKeys(reveal(properties), (key) => toApi.get(key) ?? key));
}

/** A Kubernetes object as properties: keys as the SDKs spell them. */
export function fromKubernetes(object: KubernetesObject): PropertyMap {
    // Copied, so that markSecrets may change it.
    return asObject(renameKeys(object, (key) => toSdk.get(key) ?? key)) as PropertyMap;
}

/** `metadata`, or an empty object when there is none or it is unknown. */
export function metadataOf(object: KubernetesObject): JsonObject {
    return asObject(object.metadata);
}

/** `metadata.name`, or "". */
export function nameOf(object: KubernetesObject): string {
    return asString(metadataOf(object).name);
}

/** `metadata.namespace`, or "". */
export function namespaceOf(object: KubernetesObject): string {
    return asString(metadataOf(object).namespace);
}

/** `metadata.uid`, or "". */
export function uidOf(object: KubernetesObject): string {
    return asString(metadataOf(object).uid);
}

/** An annotation's value, or "". */
export function annotationOf(object: KubernetesObject, name: string): string {
    return asString(asObject(metadataOf(object).annotations)[name]);
}

/** True when one of the object's owner references names that uid. */
export function isOwnedBy(object: KubernetesObject, uid: string): boolean {
    return asArray(metadataOf(object).ownerReferences).some((owner) => asObject(owner).uid === uid);
}

/** The resource's id in Pulumi's state: `namespace/name`, or `name` for what has no namespace. */
export function idOf(object: KubernetesObject): string {
    const namespace = namespaceOf(object);
    return namespace === "" ? nameOf(object) : `${namespace}/${nameOf(object)}`;
}

/** The parts of an id made by {@link idOf}. */
export function parseId(id: string): { namespace: string; name: string } {
    const slash = id.indexOf("/");
    return slash < 0
        ? { namespace: "", name: id }
        : { namespace: id.slice(0, slash), name: id.slice(slash + 1).replace(/\/.*$/, "") };
}

/** `namespace/name`; the name alone in the namespace `default` or none. */
export function displayName(object: KubernetesObject): string {
    const namespace = namespaceOf(object);
    return namespace === "" || namespace === "default" ? nameOf(object) : `${namespace}/${nameOf(object)}`;
}

/** Kind and name for messages. */
export function describe(object: KubernetesObject): string {
    return `${asString(object.kind)} ${displayName(object)}`;
}
