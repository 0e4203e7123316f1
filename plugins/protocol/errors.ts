/** Errors that the engine understands. Anything else that is thrown reaches the user by its message. */
import * as grpc from "@grpc/grpc-js";
import { Any } from "google-protobuf/google/protobuf/any_pb";
import { ErrorResourceInitFailed } from "@pulumi/pulumi/proto/provider_pb";
import { Status } from "@pulumi/pulumi/proto/status_pb";

import { encodeProperties } from "./properties";
import type { PropertyMap } from "./properties";

/** An operation failed and left nothing behind. `code` is a gRPC status; UNKNOWN unless told otherwise. */
export class ProviderError extends Error {
    constructor(
        message: string,
        readonly code: grpc.status = grpc.status.UNKNOWN,
    ) {
        super(message);
        this.name = "ProviderError";
    }
}

/**
 * The object exists but is not as it should be (a pod that never got ready, say). The engine keeps `state` under `id`,
 * reports `reasons`, ends the update as failed, and the next `up` updates the object instead of making another one.
 */
export class ResourceInitError extends Error {
    constructor(
        readonly id: string,
        readonly state: PropertyMap,
        readonly reasons: string[],
        readonly inputs?: PropertyMap,
    ) {
        super(reasons.join("\n"));
        this.name = "ResourceInitError";
    }
}

/** What an operation throws when it stops because of its abort signal. */
export class OperationCancelledError extends Error {
    constructor(message = "The operation was cancelled.") {
        super(message);
        this.name = "OperationCancelledError";
    }
}

/** The gRPC answer that tells the engine about `error`. */
export function toStatus(error: unknown): Partial<grpc.StatusObject> {
    if (error instanceof ResourceInitError) {
        const detail = new ErrorResourceInitFailed();
        detail.setId(error.id);
        detail.setProperties(encodeProperties(error.state));
        detail.setReasonsList(error.reasons);
        if (error.inputs !== undefined) {
            detail.setInputs(encodeProperties(error.inputs));
        }
        const any = new Any();
        any.pack(detail.serializeBinary(), "pulumirpc.ErrorResourceInitFailed");
        const status = new Status();
        status.setCode(grpc.status.UNKNOWN);
        status.setMessage(error.message);
        status.addDetails(any);
        const metadata = new grpc.Metadata();
        // Where Go's gRPC looks for structured error details.
        metadata.add("grpc-status-details-bin", Buffer.from(status.serializeBinary()));
        return { code: grpc.status.UNKNOWN, details: error.message, metadata };
    }
    if (error instanceof ProviderError) {
        return { code: error.code, details: error.message };
    }
    if (error instanceof OperationCancelledError) {
        return { code: grpc.status.CANCELLED, details: error.message };
    }
    return { code: grpc.status.UNKNOWN, details: error instanceof Error ? error.message : String(error) };
}
