/** What a provider implements; `serve` does the rest. */
import type { Logger } from "./engine-log";
import type { PropertyMap } from "./properties";

/** What every operation is given. */
export interface OperationContext {
    /** The resource's URN, or "" for functions and configuration. */
    readonly urn: string;
    /** The resource's type token, or the function's token. */
    readonly type: string;
    /** The resource's name in the program. */
    readonly name: string;
    readonly log: Logger;
    /** Aborts when the engine cancels, when it goes away, and when the operation's timeout is over. */
    readonly signal: AbortSignal;
    /** The resource's `customTimeouts` entry for this operation in milliseconds; undefined where none is set. */
    readonly timeout: number | undefined;
    /** True while previewing: change nothing, and values may be unknown. */
    readonly preview: boolean;
}

export interface CheckFailure {
    property: string;
    reason: string;
}

export interface CheckRequest {
    /** The last accepted inputs; undefined for a new resource. */
    olds: PropertyMap | undefined;
    news: PropertyMap;
    /** 32 bytes that are the same in preview and update, for names and the like; never for passwords. */
    randomSeed: Uint8Array;
    /** What the stack's autonaming settings propose, if the provider said it supports them. */
    autonaming?: { proposedName: string; mode: "propose" | "enforce" | "disable" };
}

export interface CheckResult {
    inputs: PropertyMap;
    failures?: CheckFailure[];
}

export interface DiffRequest {
    id: string;
    oldState: PropertyMap;
    oldInputs: PropertyMap;
    newInputs: PropertyMap;
    ignoreChanges: string[];
}

export type DetailedChange = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

export interface DiffResult {
    /** Whether anything changes; "unknown" lets the engine compare the inputs itself. */
    changes: boolean | "unknown";
    /** Properties whose change needs a replacement; not empty means replace. */
    replaces?: string[];
    /** The old object must go before the new one is made. */
    deleteBeforeReplace?: boolean;
    /** Outputs that stay as they are in this update. */
    stables?: string[];
    /** Changed places by property path; a "…-replace" kind asks for a replacement as well. */
    detailed?: Record<
        string,
        { kind: DetailedChange; /** compare with the old inputs, not the state */ inputDiff?: boolean }
    >;
}

export interface ReadRequest {
    id: string;
    /** The last known state; empty for an import or a `.get()`. */
    state: PropertyMap;
    inputs: PropertyMap;
}

/** `undefined` says that the object is gone. */
export type ReadResult = { id: string; state: PropertyMap; inputs?: PropertyMap } | undefined;

export interface UpdateRequest {
    id: string;
    oldState: PropertyMap;
    oldInputs: PropertyMap;
    newInputs: PropertyMap;
    ignoreChanges: string[];
}

export interface DeleteRequest {
    id: string;
    state: PropertyMap;
    oldInputs: PropertyMap;
}

/**
 * The life cycle of one resource type. Create and update are also called while previewing (`context.preview`) and then
 * answer what is known of the state, with {@link UNKNOWN} for what isn't.
 */
export interface ResourceHandler {
    /** Default: take the inputs as they are. */
    check?(context: OperationContext, request: CheckRequest): Promise<CheckResult> | CheckResult;
    /** Default: every changed input is an update in place. */
    diff?(context: OperationContext, request: DiffRequest): Promise<DiffResult> | DiffResult;
    create(context: OperationContext, inputs: PropertyMap): Promise<{ id: string; state: PropertyMap }>;
    /** Default: answer the state as it is. */
    read?(context: OperationContext, request: ReadRequest): Promise<ReadResult>;
    /** Needed unless every difference replaces. */
    update?(context: OperationContext, request: UpdateRequest): Promise<PropertyMap>;
    /** Default: nothing to do. */
    delete?(context: OperationContext, request: DeleteRequest): Promise<void>;
}

/** A function that programs invoke. */
export type FunctionHandler = (
    context: OperationContext,
    args: PropertyMap,
) => Promise<PropertyMap | { failures: CheckFailure[] }>;

export interface Provider {
    /** The package's name ("docker") and version ("5.0.0"). */
    readonly name: string;
    readonly version: string;
    /** The handler of a type token; undefined for types that are not covered. */
    resource(type: string): ResourceHandler | undefined;
    /** The handler of a function's token; undefined for functions that are not covered. */
    function?(token: string): FunctionHandler | undefined;
    /** The type and function tokens that are covered, for messages. */
    readonly covers: string[];
    /** The package's schema as JSON; default `{}`. */
    schema?(): string;
    supportsAutonaming?: boolean;
    checkConfig?(context: OperationContext, request: CheckRequest): Promise<CheckResult> | CheckResult;
    /** `id` is the provider resource's. Values may be unknown. Default: changed settings update in place. */
    diffConfig?(context: OperationContext, request: DiffRequest): Promise<DiffResult> | DiffResult;
    /**
     * Given the settings of one provider resource, all known, before anything else runs. The engine starts one process
     * for each provider resource. With an unknown setting it is not called, and neither are the operations that need it.
     */
    configure?(context: OperationContext, config: PropertyMap): Promise<void>;
    /** Called once before the process ends. */
    close?(): Promise<void>;
}
