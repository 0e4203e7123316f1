/** The requests that make objects, change them, and give them up. */
import type { OperationContext, UpdateRequest } from "../protocol/provider";
import { isForced } from "./annotations";
import { ApiError, isNotFound, NoSuchKindError } from "./api-errors";
import type { ApiClient, Query, RequestOptions } from "./client";
import { parsePath } from "./diff";
import { kindOf, type ResourceType } from "./kinds";
import { adoptManagedFields, createManager } from "./managed-fields";
import {
    asObject,
    isObject,
    type Json,
    type JsonObject,
    type KubernetesObject,
    metadataOf,
    nameOf,
    namespaceOf,
    parseId,
} from "./object";
import { isApplyConflict, isPreviewGap, refusal } from "./refusals";
import type { Settings } from "./settings";
import { sleep } from "./sleep";

/** With what an object is written. */
export interface Writing {
    client: ApiClient;
    settings: Settings;
    /** Of a preview: a dry run, which changes nothing. */
    context: OperationContext;
    type: ResourceType;
    /** Field manager that comes to own what is written. */
    manager: string;
}

const applyPatch = "application/apply-patch+yaml";
const jsonPatch = "application/json-patch+json";

/**
 * Makes an object.
 *
 * @throws ProviderError; in a preview, the client's own errors
 */
export async function createObject(writing: Writing, object: KubernetesObject): Promise<KubernetesObject> {
    const { client, context, settings, type, manager } = writing;
    const dryRun = context.preview;
    const apply = type.patch || settings.upsertExistingObjects;
    const query: Query = { dryRun: dryRun ? "All" : undefined, fieldManager: apply ? manager : createManager };
    // A namespace, or the definition of a custom kind, may be on its way.
    const retryDelays = dryRun ? [] : [1000, 2000, 4000, 8000, 16_000];
    for (let attempt = 0; ; attempt++) {
        try {
            const kind = kindOf(object);
            const path = await client.pathOf(kind, namespaceOf(object), apply ? nameOf(object) : "", context.signal);
            context.signal.throwIfAborted();
            // Not aborted on its way: nobody could tell what became of it.
            const options: RequestOptions = { query, body: object as Json };
            if (apply) {
                query.force = isForced(object, settings) || dryRun;
                return await client.request("PATCH", path, { ...options, contentType: applyPatch });
            }
            return await client.request("POST", path, options);
        } catch (error) {
            const delay = retryDelays[attempt];
            if (delay !== undefined && (isNotFound(error) || error instanceof NoSuchKindError)) {
                context.log.status(`Retry #${attempt + 1}; creation failed: ${(error as Error).message}`);
                await sleep(delay, context.signal);
                continue;
            }
            throw dryRun ? error : refusal("creating", object, error);
        }
    }
}

/**
 * Changes the object of an id by server-side apply, as far as there is one for its kind.
 *
 * @returns the object before and after
 * @throws ProviderError; in a preview, the client's own errors where no more can be known
 */
export async function updateObject(
    writing: Writing,
    object: KubernetesObject,
    request: UpdateRequest,
): Promise<{ before: KubernetesObject; live: KubernetesObject }> {
    const { client, context, settings, type, manager } = writing;
    const { namespace, name } = parseId(request.id);
    const { signal, preview } = context;
    const dryRun = preview ? "All" : undefined;
    for (let attempt = 1; ; attempt++) {
        try {
            const path = await client.pathOf(kindOf(object), namespace, name, signal);
            let before = await client.request("GET", path, { signal });
            signal.throwIfAborted();
            const desired = keepIgnored(object, before, request.ignoreChanges);
            if (kindOf(object).kind === "CustomResourceDefinition") {
                const body = {
                    ...desired,
                    metadata: {
                        ...asObject(desired.metadata),
                        resourceVersion: metadataOf(before).resourceVersion,
                    },
                };
                const query = { dryRun, fieldManager: manager };
                return { before, live: await client.request("PUT", path, { query, body }) };
            }
            const adopted = type.patch ? undefined : adoptManagedFields(before, manager);
            if (adopted !== undefined && !preview) {
                const body = [
                    { op: "test", path: "/metadata/resourceVersion", value: metadataOf(before).resourceVersion },
                    { op: "replace", path: "/metadata/managedFields", value: adopted },
                ] as Json;
                before = await client.request("PATCH", path, { body, contentType: jsonPatch });
            }
            const force =
                isForced(object, settings) ||
                // In a preview, fields of ours may still stand under the manager of their creation.
                (preview && adopted !== undefined) ||
                (metadataOf(before).managedFields === undefined && !type.patch);
            const query = { dryRun, fieldManager: manager, force };
            const options: RequestOptions = { query, body: desired as Json, contentType: applyPatch };
            return { before, live: await client.request("PATCH", path, options) };
        } catch (error) {
            const raced =
                error instanceof ApiError &&
                ((error.status === 409 && error.reason === "Conflict" && !isApplyConflict(error)) ||
                    (error.status === 422 && error.message.includes("/metadata/resourceVersion")));
            if (raced && attempt < 5) {
                continue;
            }
            throw preview && isPreviewGap(error) ? error : refusal("updating", object, error);
        }
    }
}

/** Gives up all that the manager owned: an apply that names no fields does. */
export async function relinquish(
    { client, context, manager }: Pick<Writing, "client" | "context" | "manager">,
    live: KubernetesObject,
): Promise<void> {
    const path = await client.pathOf(kindOf(live), namespaceOf(live), nameOf(live), context.signal);
    const body: KubernetesObject = {
        apiVersion: live.apiVersion,
        kind: live.kind,
        metadata: { name: nameOf(live), ...(namespaceOf(live) === "" ? {} : { namespace: namespaceOf(live) }) },
    };
    const query = { fieldManager: manager };
    await client.request("PATCH", path, { query, body, contentType: applyPatch, signal: context.signal });
}

// The inputs with what `ignoreChanges` names left as it is in the cluster: out of the apply where others own it.
function keepIgnored(inputs: KubernetesObject, live: KubernetesObject, ignored: string[]): KubernetesObject {
    const result = structuredCloneJson(inputs);
    for (const path of ignored) {
        const steps = parsePath(path);
        const last = steps[steps.length - 1];
        let target: Json | undefined = result;
        let source: Json | undefined = live;
        for (const step of steps.slice(0, -1)) {
            target = isObject(target) ? target[step] : undefined;
            source = isObject(source) ? source[step] : undefined;
        }
        if (last !== undefined && isObject(target) && isObject(source) && source[last] !== undefined) {
            target[last] = source[last];
        }
    }
    return result;
}

function structuredCloneJson(value: JsonObject): JsonObject {
    return JSON.parse(JSON.stringify(value)) as JsonObject;
}
