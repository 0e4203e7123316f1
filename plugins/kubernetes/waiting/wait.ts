/** What it takes to wait for an object. */
import type { Logger } from "../../protocol/engine-log";
import type { ApiClient } from "../client";
import type { GroupVersionKind } from "../kinds";
import type { KubernetesObject } from "../object";

/** An object exists but is not ready, or not gone: in vain or in time. */
export class NotReadyError extends Error {
    constructor(
        message: string,
        readonly object: KubernetesObject,
        readonly reasons: string[],
    ) {
        super(message);
        this.name = "NotReadyError";
    }
}

/** What a wait needs. */
export interface Wait {
    client: ApiClient;
    log: Logger;
    type: GroupVersionKind;
    /** The object as the API server answered it last. */
    object: KubernetesObject;
    /** The object before an update. */
    before?: KubernetesObject;
    /** Milliseconds. */
    timeout: number;
    signal: AbortSignal;
}
