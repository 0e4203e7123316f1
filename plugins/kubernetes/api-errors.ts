/** What can go wrong with a request to the API server. */
import { apiVersionOf, type GroupVersionKind } from "./kinds";
import { asObject, asString, type JsonObject } from "./object";

/** The API server answered with an error. `reason` is its machine-readable one, as `NotFound` or `AlreadyExists`. */
export class ApiError extends Error {
    constructor(
        readonly status: number,
        readonly reason: string,
        message: string,
        readonly details: JsonObject = {},
    ) {
        super(message);
        this.name = "ApiError";
    }
}

/** The API server can't be reached (network, name or TLS). */
export class UnreachableError extends Error {
    constructor(message: string) {
        super(message);
        this.name = "UnreachableError";
    }
}

/** The API server doesn't serve this kind: a CustomResourceDefinition may be missing. */
export class NoSuchKindError extends Error {
    constructor(readonly type: GroupVersionKind) {
        super(`the API server has no kind ${type.kind} in ${apiVersionOf(type)}`);
        this.name = "NoSuchKindError";
    }
}

/** True for the error of an object that does not exist. */
export function isNotFound(error: unknown): boolean {
    return error instanceof ApiError && error.status === 404;
}

/** The error that an answer of the API server tells. */
export function apiError(status: number, text: string): ApiError {
    try {
        const body = JSON.parse(text) as JsonObject;
        if (body.kind === "Status") {
            return new ApiError(status, asString(body.reason), asString(body.message), asObject(body.details));
        }
    } catch {
        // Not every answer is a Status.
    }
    return new ApiError(status, "", `the API server answered ${status}: ${text.trim().slice(0, 500)}`);
}
