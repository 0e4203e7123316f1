/** Errors of requests that change objects: what they mean, and what to do about them. */
import { OperationCancelledError, ProviderError, ResourceInitError } from "../protocol/errors";
import type { PropertyMap } from "../protocol/properties";
import { ApiError, NoSuchKindError, UnreachableError } from "./api-errors";
import { describe, type KubernetesObject } from "./object";
import { NotReadyError } from "./waiting/wait";

/** True when another field manager owns what an apply sets. */
export function isApplyConflict(error: ApiError): boolean {
    return error.status === 409 && Array.isArray(error.details.causes);
}

/** True for reasons for which a dry run can't be had, and that mean nothing for the update itself. */
export function isPreviewGap(error: unknown): boolean {
    if (error instanceof NoSuchKindError || error instanceof UnreachableError) {
        return true;
    }
    return (
        error instanceof ApiError &&
        (error.status === 401 ||
            error.status === 403 ||
            // The namespace, or the object itself, may be made or replaced by this very update.
            error.status === 404 ||
            error.reason === "AlreadyExists" ||
            /does not support dry ?run|field is immutable/i.test(error.message))
    );
}

/** The error of a request that the API server refused, in words that say what to do. `action` is "creating" or the like. */
export function refusal(action: string, object: KubernetesObject, error: unknown): Error {
    const what = `${action} ${describe(object)}`;
    if (error instanceof OperationCancelledError) {
        return error;
    }
    if (error instanceof NoSuchKindError) {
        return new ProviderError(`${what}: ${error.message}. Is its CustomResourceDefinition installed?`);
    }
    if (error instanceof ApiError) {
        if (error.reason === "AlreadyExists") {
            return new ProviderError(
                `${what}: ${error.message}. It is in the cluster but not in this stack's state. To take it over use ` +
                    "`pulumi import`; to change only some of its fields use a Patch resource; if the resource was renamed " +
                    "in the program give it an alias; to write over it set `upsertExistingObjects` on the provider.",
            );
        }
        if (isApplyConflict(error)) {
            return new ProviderError(
                `${what}: another field manager owns fields that this resource sets: ${error.message}. Leave them out, ` +
                    'or take them over with the annotation `pulumi.com/patchForce: "true"`.',
            );
        }
    }
    return new ProviderError(`${what}: ${(error as Error).message}`);
}

/** The error of an object that exists and is not ready: it keeps the object in the state. */
export function initError(
    error: unknown,
    id: string,
    state: (live: KubernetesObject) => PropertyMap,
    object: KubernetesObject,
): Error {
    if (error instanceof NotReadyError) {
        return new ResourceInitError(id, state(error.object), [error.message, ...error.reasons]);
    }
    return new ResourceInitError(id, state(object), [(error as Error).message]);
}
