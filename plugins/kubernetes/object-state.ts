/** What Pulumi's state keeps of an object: the object itself, the inputs that made it, and how it was made. */
import { containsSecret, type PropertyMap, Secret, UNKNOWN } from "../protocol/properties";
import type { DiffRequest } from "../protocol/provider";
import { uniqueName } from "./naming";
import {
    annotationOf,
    asObject,
    asString,
    fromKubernetes,
    isObject,
    type KubernetesObject,
    markSecrets,
    metadataOf,
    pluck,
    reveal,
    toKubernetes,
} from "./object";

// Members of the state that are not the object's.
const inputsKey = "__inputs";
const initialApiVersionKey = "__initialApiVersion";
const fieldManagerKey = "__fieldManager";

/**
 * The state of an object that exists.
 *
 * @param properties the inputs as the engine gave them, for what is secret in them
 * @param oldState the state before an update
 */
export function stateOf(
    inputs: KubernetesObject,
    live: KubernetesObject,
    properties: PropertyMap,
    manager: string,
    oldState: PropertyMap = {},
): PropertyMap {
    // Who owns which field is the API server's business, and the larger part of most objects.
    const { managedFields: _, ...metadata } = metadataOf(live);
    const state = fromKubernetes({ ...live, metadata });
    const inputProperties = fromKubernetes(inputs);
    markSecrets(state, properties);
    markSecrets(inputProperties, properties);
    if (live.kind === "Secret" && containsSecret(properties.stringData) && state.data !== undefined) {
        state.data = state.data instanceof Secret ? state.data : new Secret(state.data);
    }
    state[inputsKey] = inputProperties;
    state[initialApiVersionKey] = oldState[initialApiVersionKey] ?? asString(inputs.apiVersion);
    state[fieldManagerKey] = manager;
    return state;
}

/** The state of an object that does not exist yet: what the API server will choose is unknown. */
export function plannedState(
    inputs: KubernetesObject,
    planned: KubernetesObject,
    properties: PropertyMap,
): PropertyMap {
    const object: KubernetesObject = { ...planned };
    if (isObject(object.metadata)) {
        object.metadata = { ...object.metadata, uid: UNKNOWN, resourceVersion: UNKNOWN, creationTimestamp: UNKNOWN };
    }
    if (isObject(object.spec)) {
        object.status = UNKNOWN;
    }
    if (object.kind === "Service" && isObject(object.spec)) {
        // A dry run answers an address and ports, but not those that the Service will have.
        const given = asObject(inputs.spec);
        const { spec } = object;
        object.spec = {
            ...spec,
            clusterIP: given.clusterIP ?? UNKNOWN,
            clusterIPs: given.clusterIPs ?? UNKNOWN,
            ...(Array.isArray(spec.ports)
                ? {
                      ports: spec.ports.map((port, index) =>
                          isObject(port) && port.nodePort !== undefined
                              ? { ...port, nodePort: pluck(given, "ports", index, "nodePort") ?? UNKNOWN }
                              : port,
                      ),
                  }
                : {}),
        };
    }
    const state = fromKubernetes(object);
    markSecrets(state, properties);
    return state;
}

/** The object and its inputs from a state. */
export function parseState(properties: PropertyMap): { state: KubernetesObject; inputs: KubernetesObject } {
    const { [inputsKey]: inputs, ...state } = properties;
    const revealed = reveal(inputs);
    return { state: toKubernetes(state), inputs: isObject(revealed) ? toKubernetes(inputs as PropertyMap) : {} };
}

/** The inputs before an update; engines of old keep them in the state alone. */
export function oldInputsOf(request: DiffRequest): PropertyMap {
    if (Object.keys(request.oldInputs).length > 0) {
        return request.oldInputs;
    }
    const inputs = request.oldState[inputsKey];
    return (inputs instanceof Secret ? inputs.value : inputs) as PropertyMap;
}

/** The field manager that the state names, or "". */
export function managerOfState(state: PropertyMap | undefined): string {
    return asString(reveal(state?.[fieldManagerKey]));
}

/** The field manager that owns what the inputs set: a stack's objects have one each. */
export function fieldManager(inputs: KubernetesObject, state: PropertyMap | undefined): string {
    return (
        annotationOf(inputs, "pulumi.com/patchFieldManager") ||
        managerOfState(state) ||
        uniqueName("pulumi-kubernetes-")
    );
}
