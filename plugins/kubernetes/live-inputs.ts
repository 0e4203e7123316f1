/** From what the API server has to what a program would have to declare for it: the inputs after a refresh. */
import { asObject, asString, equal, isObject, Json, JsonObject, KubernetesObject } from "./object";
import { parseQuantity } from "./quantity";

/**
 * The live object cut down to what the program declares, so that a difference from the program's inputs is drift.
 * What has only another spelling in the API (`0.5` and `500m`, `stringData` and `data`, an empty member and none)
 * keeps the spelling of the program. Elements of lists of named things are matched by their names.
 */
export function projectLive(live: KubernetesObject, inputs: KubernetesObject): KubernetesObject {
    const projected = projectObject(live, inputs);
    if (inputs.kind === "Secret" && inputs.apiVersion === "v1") {
        const stringData = projectStringData(asObject(live.data), asObject(inputs.stringData));
        if (inputs.stringData !== undefined) {
            projected.stringData = stringData;
        }
    }
    return projected;
}

function projectObject(live: JsonObject, inputs: JsonObject): JsonObject {
    const result: JsonObject = {};
    for (const [key, input] of Object.entries(inputs)) {
        if (input === undefined) {
            continue;
        }
        const actual = live[key];
        if (actual === undefined || actual === null) {
            // The API leaves out what is empty.
            if (isEmpty(input)) {
                result[key] = input;
            }
        } else {
            result[key] = project(actual, input);
        }
    }
    return result;
}

function project(live: Json, input: Json): Json {
    if (isObject(live) && isObject(input)) {
        return projectObject(live, input);
    }
    if (Array.isArray(live) && Array.isArray(input)) {
        return projectArray(live, input);
    }
    return sameMeaning(live, input) ? input : live;
}

function projectArray(live: Json[], input: Json[]): Json[] {
    const key = mergeKey(live, input);
    if (key === undefined) {
        // Elements that others added behind ours are theirs; a list of plain values is compared as a whole.
        if (!input.every(isObject)) {
            return live.length === input.length ? live.map((item, index) => project(item, input[index] ?? null)) : live;
        }
        return live.slice(0, input.length).map((item, index) => project(item, input[index] ?? null));
    }
    const byName = new Map(live.map((item) => [asObject(item)[key], item]));
    const result: Json[] = [];
    for (const item of input) {
        const actual = byName.get(asObject(item)[key]);
        if (actual !== undefined) {
            result.push(project(actual, item));
        }
    }
    return result;
}

// The member by which elements of both lists can be told apart.
function mergeKey(live: Json[], input: Json[]): string | undefined {
    return ["name", "mountPath", "containerPort", "topologyKey", "uid"].find((key) =>
        [live, input].every((list) => {
            const values = list.map((item) => asObject(item)[key]);
            return (
                values.every((value) => typeof value === "string" || typeof value === "number") &&
                new Set(values).size === values.length
            );
        }),
    );
}

function projectStringData(data: JsonObject, stringData: JsonObject): JsonObject {
    const result: JsonObject = {};
    for (const [key, value] of Object.entries(stringData)) {
        const actual = data[key];
        if (typeof actual === "string") {
            const bytes = Buffer.from(actual, "base64");
            result[key] = bytes.equals(Buffer.from(asString(value))) ? value : bytes.toString();
        }
    }
    return result;
}

function isEmpty(value: Json): boolean {
    return (
        value === null ||
        value === false ||
        value === 0 ||
        value === "" ||
        (Array.isArray(value) && value.length === 0) ||
        (isObject(value) && Object.values(value).every((member) => member === undefined || isEmpty(member)))
    );
}

function sameMeaning(live: Json, input: Json): boolean {
    if (equal(live, input)) {
        return true;
    }
    if (
        (typeof live === "string" || typeof live === "number") &&
        (typeof input === "string" || typeof input === "number")
    ) {
        if (String(live) === String(input)) {
            return true;
        }
        const actual = parseQuantity(String(live));
        return actual !== undefined && actual === parseQuantity(String(input));
    }
    return false;
}

/** The inputs of an object that no program has declared yet (an import, a `.get()`): all but what the API adds. */
export function inputsOfLive(live: KubernetesObject): KubernetesObject {
    const inputs: KubernetesObject = { ...live };
    delete inputs.status;
    const metadata = { ...asObject(live.metadata) };
    for (const key of serverFields) {
        delete metadata[key];
    }
    if (isObject(metadata.annotations)) {
        const annotations = { ...metadata.annotations };
        delete annotations["deployment.kubernetes.io/revision"];
        delete annotations["kubectl.kubernetes.io/last-applied-configuration"];
        if (Object.keys(annotations).length > 0) {
            metadata.annotations = annotations;
        } else {
            delete metadata.annotations;
        }
    }
    inputs.metadata = metadata;
    return inputs;
}

/** Members of `metadata` that only the API server writes. */
export const serverFields = [
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/** A copy of the inputs without what only the API server writes. */
export function withoutServerFields(inputs: KubernetesObject): KubernetesObject {
    if (!isObject(inputs.metadata)) {
        return inputs;
    }
    const metadata = { ...inputs.metadata };
    for (const key of serverFields) {
        delete metadata[key];
    }
    return { ...inputs, metadata };
}
