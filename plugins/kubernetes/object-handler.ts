import { ProviderError, ResourceInitError } from "../protocol/errors";
import type { PropertyMap } from "../protocol/properties";
import type {
    CheckRequest,
    CheckResult,
    DeleteRequest,
    DiffRequest,
    DiffResult,
    OperationContext,
    ReadRequest,
    ReadResult,
    ResourceHandler,
    UpdateRequest,
} from "../protocol/provider";
import { propagationPolicy, readinessFor, skipsDeletionWait, timeoutOf } from "./annotations";
import { ApiError, isNotFound, NoSuchKindError } from "./api-errors";
import type { ApiClient } from "./client";
import type { Connection } from "./connection";
import { apiVersionOf, kindOf, type ResourceType } from "./kinds";
import { inputsOfLive, projectLive, withoutServerFields } from "./live-inputs";
import { createManager } from "./managed-fields";
import {
    describe,
    fromKubernetes,
    hasUnknown,
    idOf,
    isObject,
    type JsonObject,
    type KubernetesObject,
    markSecrets,
    parseId,
    toKubernetes,
    uidOf,
} from "./object";
import { checkObject, parseResource } from "./object-check";
import { diffObject } from "./object-diff";
import { fieldManager, managerOfState, parseState, plannedState, stateOf } from "./object-state";
import { initError, isPreviewGap, refusal } from "./refusals";
import { createObject, relinquish, updateObject, type Writing } from "./requests";
import { untilDeleted } from "./waiting/until-deleted";
import { isReadyNow, untilReady } from "./waiting/until-ready";
import { NotReadyError } from "./waiting/wait";

const clusterGone =
    "If the cluster was deleted, you can remove this resource from Pulumi's state by rerunning with " +
    "PULUMI_K8S_DELETE_UNREACHABLE=true";

/** The life cycle of an object in a cluster, of whichever kind. */
export class ObjectHandler implements ResourceHandler {
    constructor(private readonly connection: Connection) {}

    check(context: OperationContext, request: CheckRequest): Promise<CheckResult> {
        return checkObject(this.connection, context, request);
    }

    diff(context: OperationContext, request: DiffRequest): Promise<DiffResult> {
        return diffObject(this.connection, context, request);
    }

    private writing(client: ApiClient, context: OperationContext, type: ResourceType, manager: string): Writing {
        return { client, settings: this.connection.settings, context, type, manager };
    }

    async create(context: OperationContext, inputs: PropertyMap): Promise<{ id: string; state: PropertyMap }> {
        const type = parseResource(context);
        const object = withoutServerFields(toKubernetes(inputs));
        if (context.preview) {
            return { id: "", state: await this.preview(context, type, inputs, object) };
        }
        const client = await this.connection.usableClient();
        const manager = fieldManager(object, undefined);
        const created = await createObject(this.writing(client, context, type, manager), object);
        const state = (live: KubernetesObject): PropertyMap => stateOf(object, live, inputs, manager);
        try {
            const live = await this.waitUntilReady(context, client, object, created);
            return { id: idOf(created), state: state(live) };
        } catch (error) {
            throw initError(error, idOf(created), state, created);
        }
    }

    // What the API server would make of it; where it can't say, the inputs and what is never known before.
    private async preview(
        context: OperationContext,
        type: ResourceType,
        inputs: PropertyMap,
        object: KubernetesObject,
    ): Promise<PropertyMap> {
        if (type.patch) {
            return inputs;
        }
        let planned = object;
        const client = hasUnknown(object) ? undefined : await this.connection.clientIfReachable();
        if (client !== undefined) {
            try {
                planned = await createObject(this.writing(client, context, type, createManager), object);
            } catch (error) {
                if (!isPreviewGap(error)) {
                    throw error;
                }
            }
        }
        return plannedState(object, planned, inputs);
    }

    private async waitUntilReady(
        context: OperationContext,
        client: ApiClient,
        inputs: KubernetesObject,
        object: KubernetesObject,
        before?: KubernetesObject,
    ): Promise<KubernetesObject> {
        const readiness = readinessFor(inputs);
        if (readiness === undefined) {
            return object;
        }
        return untilReady(
            {
                client,
                log: context.log,
                type: kindOf(object),
                object,
                before,
                timeout: timeoutOf(context, inputs, readiness.timeout ?? 600),
                signal: context.signal,
            },
            readiness,
        );
    }

    async read(context: OperationContext, request: ReadRequest): Promise<ReadResult> {
        const type = parseResource(context);
        const client = await this.connection.clientOrWarning(context);
        if (client === undefined) {
            const { settings } = this.connection;
            if (settings.deleteUnreachable) {
                return undefined;
            }
            if (settings.skipUpdateUnreachable) {
                return { id: request.id, state: request.state, inputs: request.inputs };
            }
            throw new ProviderError(`failed to read resource state due to unreachable cluster. ${clusterGone}`);
        }
        const { namespace, name } = parseId(request.id);
        const imported = Object.keys(request.inputs).length === 0;
        const oldInputs = withoutServerFields(toKubernetes(request.inputs));
        const kind = oldInputs.kind === undefined ? type : kindOf(oldInputs);
        let live: KubernetesObject;
        try {
            const path = await client.pathOf(kind, namespace, name, context.signal);
            live = await client.request("GET", path, { signal: context.signal });
        } catch (error) {
            if (isNotFound(error) || error instanceof NoSuchKindError) {
                return undefined;
            }
            throw error;
        }
        const inputs = imported ? inputsOfLive(live) : projectLive(live, oldInputs);
        const inputProperties = fromKubernetes(inputs);
        markSecrets(inputProperties, request.inputs);
        const manager = fieldManager(oldInputs, request.state);
        const state = stateOf(inputs, live, request.inputs, manager, request.state);
        const readiness = imported || type.patch ? undefined : readinessFor(oldInputs);
        if (readiness?.onRead === true) {
            const verdict = await isReadyNow(client, live, readiness, context.signal);
            if (!verdict.ready) {
                const reasons = [
                    `${describe(live)} is not ready: ${verdict.failure ?? verdict.status}`,
                    ...(verdict.problems ?? []),
                ];
                throw new ResourceInitError(request.id, state, reasons, inputProperties);
            }
        }
        return { id: request.id || idOf(live), state, inputs: inputProperties };
    }

    async update(context: OperationContext, request: UpdateRequest): Promise<PropertyMap> {
        const type = parseResource(context);
        const object = withoutServerFields(toKubernetes(request.newInputs));
        const manager = fieldManager(object, request.oldState);
        if (context.preview) {
            const { state: oldLive } = parseState(request.oldState);
            let planned = overlay(oldLive, object);
            const client = hasUnknown(object) ? undefined : await this.connection.clientIfReachable();
            if (client !== undefined) {
                try {
                    planned = (await updateObject(this.writing(client, context, type, manager), object, request)).live;
                } catch (error) {
                    if (!isPreviewGap(error)) {
                        throw error;
                    }
                }
            }
            return stateOf(object, planned, request.newInputs, manager, request.oldState);
        }
        const client = await this.connection.usableClient();
        const writing = this.writing(client, context, type, manager);
        const { before, live: updated } = await updateObject(writing, object, request);
        const state = (live: KubernetesObject): PropertyMap =>
            stateOf(object, live, request.newInputs, manager, request.oldState);
        const oldManager = managerOfState(request.oldState);
        if (oldManager !== "" && oldManager !== manager) {
            await relinquish({ client, context, manager: oldManager }, updated);
        }
        try {
            return state(await this.waitUntilReady(context, client, object, updated, before));
        } catch (error) {
            throw initError(error, request.id, state, updated);
        }
    }

    async delete(context: OperationContext, request: DeleteRequest): Promise<void> {
        const type = parseResource(context);
        const client = await this.connection.clientOrWarning(context);
        if (client === undefined) {
            if (this.connection.settings.deleteUnreachable) {
                return;
            }
            throw new ProviderError(`configured Kubernetes cluster is unreachable. ${clusterGone}`);
        }
        const { state, inputs } = parseState(request.state);
        const object =
            state.kind === undefined ? { ...inputs, apiVersion: apiVersionOf(type), kind: type.kind } : state;
        const { namespace, name } = parseId(request.id);
        try {
            if (type.patch) {
                await relinquish({ client, context, manager: fieldManager(inputs, request.state) }, object);
                return;
            }
            const path = await client.pathOf(kindOf(object), namespace, name, context.signal);
            const body: KubernetesObject = {
                apiVersion: "v1",
                kind: "DeleteOptions",
                propagationPolicy: propagationPolicy(inputs),
            };
            await client.request("DELETE", path, { body, signal: context.signal });
        } catch (error) {
            if (isNotFound(error) || error instanceof NoSuchKindError) {
                return;
            }
            throw type.patch && error instanceof ApiError && /Required value/.test(error.message)
                ? new ProviderError(
                      `${describe(object)}: this Patch resource manages a field that the object needs. Set the ` +
                          `\`retainOnDelete\` option, or give the field another owner first. ${error.message}`,
                  )
                : refusal("deleting", object, error);
        }
        const kind = kindOf(object);
        if (skipsDeletionWait(inputs, kind)) {
            return;
        }
        try {
            await untilDeleted({
                client,
                log: context.log,
                type: kind,
                object: uidOf(object) === "" ? { ...object, metadata: { name, namespace } } : object,
                timeout: timeoutOf(context, inputs, 600),
                signal: context.signal,
            });
        } catch (error) {
            throw error instanceof NotReadyError ? new ProviderError(error.message) : error;
        }
    }
}

// An object with what the inputs say about it.
function overlay(live: JsonObject, inputs: JsonObject): JsonObject {
    const result: JsonObject = { ...live };
    for (const [key, value] of Object.entries(inputs)) {
        const old = live[key];
        result[key] = isObject(old) && isObject(value) ? overlay(old, value) : value;
    }
    return result;
}
