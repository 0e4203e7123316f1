/** The gRPC side of a resource provider: reads requests, calls the {@link Provider}, writes answers. */
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";

import { differences } from "./differences";
import { EngineLog, loggerFor } from "./engine-log";
import { OperationCancelledError, ProviderError, toStatus } from "./errors";
import { onEngineGone } from "./lifeline";
import { decodeProperties, encodeProperties } from "./properties";
import type { PropertyMap } from "./properties";
import type {
    CheckRequest,
    CheckResult,
    DetailedChange,
    DiffRequest,
    DiffResult,
    OperationContext,
    Provider,
    ResourceHandler,
} from "./provider";

/** Programs send whole files and large manifests: no limit, like Pulumi's own plugins (400 MiB). */
const CHANNEL_OPTIONS = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

type Unary<Request, Response> = grpc.handleUnaryCall<Request, Response>;

interface OperationOptions {
    urn?: string;
    type?: string;
    name?: string;
    /** Seconds, 0 for none, as requests carry it. */
    timeout?: number;
    preview?: boolean;
}

/**
 * Serves `provider` until the engine stops it: starts on a free port of 127.0.0.1 and prints the port, which is how the
 * engine finds it. The engine's address is the first argument of the process, or comes with Handshake or Attach.
 */
export async function serve(provider: Provider): Promise<void> {
    const log = new EngineLog();
    const engineAddress = process.argv.slice(2).find((argument) => /^[^-].*:\d+$/.test(argument));
    if (engineAddress !== undefined) {
        log.connect(engineAddress);
    }
    const operations = new Operations(log);
    const server = new grpc.Server(CHANNEL_OPTIONS);
    server.addService(ResourceProviderService, implementation(provider, log, operations));
    const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
            error ? reject(error) : resolve(bound),
        );
    });
    process.stdout.write(`${port}\n`);

    let closing = false;
    const close = async (reason: string): Promise<void> => {
        if (closing) {
            return;
        }
        closing = true;
        await operations.cancelAll(reason);
        await provider.close?.();
        server.forceShutdown();
        process.exit(0);
    };
    // The engine interrupts its plugins when it is done and kills them 5 s later.
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(name, () => void close(`The plugin was stopped (${name}).`));
    }
    onEngineGone(() => void close("Pulumi's engine went away."));
}

/** The operations under way, so that they can be cancelled and waited for. */
class Operations {
    private readonly running = new Map<AbortController, Promise<unknown>>();
    private cancelled: string | undefined;

    constructor(private readonly log: EngineLog) {}

    /** Runs `work` with its context and gives its answer, or error, to the engine after all of its messages. */
    async run<Response>(
        call: grpc.ServerUnaryCall<unknown, unknown>,
        callback: grpc.sendUnaryData<Response>,
        options: OperationOptions,
        work: (context: OperationContext) => Promise<Response>,
    ): Promise<void> {
        const controller = new AbortController();
        const cancelledByCaller = (): void => controller.abort(new OperationCancelledError());
        call.on("cancelled", cancelledByCaller);
        if (this.cancelled !== undefined) {
            controller.abort(new OperationCancelledError(this.cancelled));
        }
        const timeout = options.timeout ? options.timeout * 1000 : undefined;
        const timer =
            timeout === undefined
                ? undefined
                : setTimeout(
                      () =>
                          controller.abort(
                              new OperationCancelledError(
                                  `The operation took longer than its timeout of ${options.timeout} s.`,
                              ),
                          ),
                      timeout,
                  );
        const urn = options.urn ?? "";
        const context: OperationContext = {
            urn,
            type: options.type || typeOf(urn),
            name: options.name || nameOf(urn),
            log: loggerFor(this.log, urn),
            signal: controller.signal,
            timeout,
            preview: options.preview ?? false,
        };
        const result = Promise.resolve().then(() => work(context));
        this.running.set(controller, result);
        try {
            const response = await result;
            await this.log.flush();
            callback(null, response);
        } catch (error) {
            if (process.env.NTA_PLUGIN_DEBUG !== undefined && error instanceof Error) {
                context.log.debug(error.stack ?? error.message);
            }
            await this.log.flush();
            callback(toStatus(error));
        } finally {
            clearTimeout(timer);
            this.running.delete(controller);
        }
    }

    /** Aborts everything, now and later, and waits at most 4 s for it to end. */
    async cancelAll(reason: string): Promise<void> {
        this.cancelled = reason;
        for (const controller of this.running.keys()) {
            controller.abort(new OperationCancelledError(reason));
        }
        let timer: NodeJS.Timeout | undefined;
        const limit = new Promise<void>((resolve) => {
            timer = setTimeout(resolve, 4000);
        });
        await Promise.race([Promise.allSettled(this.running.values()), limit]);
        clearTimeout(timer);
    }

    /** Aborts everything that runs at this moment. */
    cancelRunning(reason: string): void {
        for (const controller of this.running.keys()) {
            controller.abort(new OperationCancelledError(reason));
        }
    }
}

/** The type token in a URN, without its parents' types. */
function typeOf(urn: string): string {
    return (urn.split("::")[2] ?? "").split("$").pop() ?? "";
}

function nameOf(urn: string): string {
    return urn.split("::").slice(3).join("::");
}

function implementation(provider: Provider, log: EngineLog, operations: Operations): IResourceProviderServer {
    const handlerOf = (context: OperationContext): ResourceHandler => {
        const handler = provider.resource(context.type);
        if (handler === undefined) {
            throw notCovered(provider, `resource type ${context.type}`);
        }
        return handler;
    };

    const handshake: Unary<messages.ProviderHandshakeRequest, messages.ProviderHandshakeResponse> = (
        call,
        callback,
    ) => {
        const address = call.request.getEngineAddress();
        if (address !== "") {
            log.connect(address);
        }
        const response = new messages.ProviderHandshakeResponse();
        response.setAcceptSecrets(true);
        response.setAcceptResources(true);
        response.setAcceptOutputs(false);
        response.setSupportsAutonamingConfiguration(provider.supportsAutonaming ?? false);
        callback(null, response);
    };

    const attach: Unary<PluginAttach, Empty> = (call, callback) => {
        log.connect(call.request.getAddress());
        callback(null, new Empty());
    };

    const getPluginInfo: Unary<Empty, PluginInfo> = (_call, callback) => {
        const response = new PluginInfo();
        response.setVersion(provider.version);
        callback(null, response);
    };

    const getSchema: Unary<messages.GetSchemaRequest, messages.GetSchemaResponse> = (_call, callback) => {
        const response = new messages.GetSchemaResponse();
        response.setSchema(provider.schema?.() ?? JSON.stringify({ name: provider.name, version: provider.version }));
        callback(null, response);
    };

    const checkConfig: Unary<messages.CheckRequest, messages.CheckResponse> = (call, callback) =>
        void operations.run(call, callback, resourceOptions(call.request), async (context) => {
            const request = checkRequest(call.request);
            const result = provider.checkConfig
                ? await provider.checkConfig(context, request)
                : { inputs: request.news };
            return checkResponse(result);
        });

    const diffConfig: Unary<messages.DiffRequest, messages.DiffResponse> = (call, callback) =>
        void operations.run(call, callback, resourceOptions(call.request), async (context) => {
            const request = diffRequest(call.request);
            const result = provider.diffConfig
                ? await provider.diffConfig(context, request)
                : structuralDiff(request.oldInputs, request.newInputs);
            return diffResponse(result);
        });

    const configure: Unary<messages.ConfigureRequest, messages.ConfigureResponse> = (call, callback) =>
        void operations.run(
            call,
            callback,
            { urn: call.request.getUrn(), type: call.request.getType(), name: call.request.getName() },
            async (context) => {
                await provider.configure?.(context, decodeProperties(call.request.getArgs()));
                const response = new messages.ConfigureResponse();
                response.setAcceptsecrets(true);
                response.setSupportspreview(true);
                response.setAcceptresources(true);
                response.setAcceptoutputs(false);
                response.setSupportsAutonamingConfiguration(provider.supportsAutonaming ?? false);
                return response;
            },
        );

    const check: Unary<messages.CheckRequest, messages.CheckResponse> = (call, callback) =>
        void operations.run(call, callback, resourceOptions(call.request), async (context) => {
            const handler = handlerOf(context);
            const request = checkRequest(call.request);
            return checkResponse(handler.check ? await handler.check(context, request) : { inputs: request.news });
        });

    const diff: Unary<messages.DiffRequest, messages.DiffResponse> = (call, callback) =>
        void operations.run(call, callback, resourceOptions(call.request), async (context) => {
            const handler = handlerOf(context);
            const request = diffRequest(call.request);
            return diffResponse(
                handler.diff
                    ? await handler.diff(context, request)
                    : structuralDiff(request.oldInputs, request.newInputs),
            );
        });

    const create: Unary<messages.CreateRequest, messages.CreateResponse> = (call, callback) =>
        void operations.run(call, callback, operationOptions(call.request), async (context) => {
            const result = await handlerOf(context).create(context, decodeProperties(call.request.getProperties()));
            const response = new messages.CreateResponse();
            response.setId(result.id);
            response.setProperties(encodeProperties(result.state));
            return response;
        });

    const read: Unary<messages.ReadRequest, messages.ReadResponse> = (call, callback) =>
        void operations.run(
            call,
            callback,
            { ...resourceOptions(call.request), timeout: call.request.getTimeout() },
            async (context) => {
                const handler = handlerOf(context);
                const request = {
                    id: call.request.getId(),
                    state: decodeProperties(call.request.getProperties()),
                    inputs: decodeProperties(call.request.getInputs()),
                };
                const result = handler.read ? await handler.read(context, request) : request;
                const response = new messages.ReadResponse();
                if (result !== undefined) {
                    response.setId(result.id);
                    response.setProperties(encodeProperties(result.state));
                    if (result.inputs !== undefined) {
                        response.setInputs(encodeProperties(result.inputs));
                    }
                }
                return response;
            },
        );

    const update: Unary<messages.UpdateRequest, messages.UpdateResponse> = (call, callback) =>
        void operations.run(call, callback, operationOptions(call.request), async (context) => {
            const handler = handlerOf(context);
            if (handler.update === undefined) {
                throw new ProviderError(`${context.type} can't be updated in place.`, grpc.status.UNIMPLEMENTED);
            }
            const state = await handler.update(context, {
                id: call.request.getId(),
                oldState: decodeProperties(call.request.getOlds()),
                oldInputs: decodeProperties(call.request.getOldInputs()),
                newInputs: decodeProperties(call.request.getNews()),
                ignoreChanges: call.request.getIgnorechangesList(),
            });
            const response = new messages.UpdateResponse();
            response.setProperties(encodeProperties(state));
            return response;
        });

    const remove: Unary<messages.DeleteRequest, Empty> = (call, callback) =>
        void operations.run(
            call,
            callback,
            { ...resourceOptions(call.request), timeout: call.request.getTimeout() },
            async (context) => {
                await handlerOf(context).delete?.(context, {
                    id: call.request.getId(),
                    state: decodeProperties(call.request.getProperties()),
                    oldInputs: decodeProperties(call.request.getOldInputs()),
                });
                return new Empty();
            },
        );

    const invoke: Unary<messages.InvokeRequest, messages.InvokeResponse> = (call, callback) =>
        void operations.run(
            call,
            callback,
            { type: call.request.getTok(), name: call.request.getTok(), preview: call.request.getPreview() },
            async (context) => {
                const handler = provider.function?.(context.type);
                if (handler === undefined) {
                    throw notCovered(provider, `function ${context.type}`);
                }
                const result = await handler(context, decodeProperties(call.request.getArgs()));
                const response = new messages.InvokeResponse();
                if (isFailures(result)) {
                    response.setFailuresList(result.failures.map(failureMessage));
                } else {
                    response.setReturn(encodeProperties(result));
                }
                return response;
            },
        );

    const cancel: Unary<Empty, Empty> = (_call, callback) => {
        operations.cancelRunning("The update was cancelled.");
        callback(null, new Empty());
    };

    const getMapping: Unary<messages.GetMappingRequest, messages.GetMappingResponse> = (_call, callback) =>
        callback(null, new messages.GetMappingResponse());
    const getMappings: Unary<messages.GetMappingsRequest, messages.GetMappingsResponse> = (_call, callback) =>
        callback(null, new messages.GetMappingsResponse());

    const refuse =
        (what: string): Unary<unknown, never> =>
        (_call, callback) =>
            callback({ code: grpc.status.UNIMPLEMENTED, details: `${what} is not covered by this plugin.` });

    return {
        handshake,
        attach,
        getPluginInfo,
        getSchema,
        checkConfig,
        diffConfig,
        configure,
        check,
        diff,
        create,
        read,
        update,
        delete: remove,
        invoke,
        cancel,
        getMapping,
        getMappings,
        parameterize: refuse("Parameterize"),
        call: refuse("Call"),
        construct: refuse("Construct"),
        list: (stream) =>
            stream.destroy(
                Object.assign(new Error("List is not covered by this plugin."), { code: grpc.status.UNIMPLEMENTED }),
            ),
    };
}

function notCovered(provider: Provider, what: string): ProviderError {
    return new ProviderError(
        `The stand-in ${provider.name} plugin does not cover the ${what} (it covers ${provider.covers.join(", ")}). ` +
            `Install the official one: pulumi plugin install resource ${provider.name} ${provider.version}`,
        grpc.status.INVALID_ARGUMENT,
    );
}

function resourceOptions(request: { getUrn(): string; getType(): string; getName(): string }): OperationOptions {
    return { urn: request.getUrn(), type: request.getType(), name: request.getName() };
}

function operationOptions(request: messages.CreateRequest | messages.UpdateRequest): OperationOptions {
    return { ...resourceOptions(request), timeout: request.getTimeout(), preview: request.getPreview() };
}

const AUTONAMING_MODES = {
    [messages.CheckRequest.AutonamingOptions.Mode.PROPOSE]: "propose",
    [messages.CheckRequest.AutonamingOptions.Mode.ENFORCE]: "enforce",
    [messages.CheckRequest.AutonamingOptions.Mode.DISABLE]: "disable",
} as const;

function checkRequest(request: messages.CheckRequest): CheckRequest {
    const autonaming = request.getAutonaming();
    return {
        olds: request.hasOlds() ? decodeProperties(request.getOlds()) : undefined,
        news: decodeProperties(request.getNews()),
        randomSeed: request.getRandomseed_asU8(),
        autonaming:
            autonaming === undefined
                ? undefined
                : { proposedName: autonaming.getProposedName(), mode: AUTONAMING_MODES[autonaming.getMode()] },
    };
}

function checkResponse(result: CheckResult): messages.CheckResponse {
    const response = new messages.CheckResponse();
    response.setInputs(encodeProperties(result.inputs));
    response.setFailuresList((result.failures ?? []).map(failureMessage));
    return response;
}

function failureMessage(failure: { property: string; reason: string }): messages.CheckFailure {
    const message = new messages.CheckFailure();
    message.setProperty(failure.property);
    message.setReason(failure.reason);
    return message;
}

function isFailures(
    result: PropertyMap | { failures: { property: string; reason: string }[] },
): result is { failures: { property: string; reason: string }[] } {
    const failures: unknown = result.failures;
    return Array.isArray(failures) && failures.length > 0 && Object.keys(result).length === 1;
}

function diffRequest(request: messages.DiffRequest): DiffRequest {
    return {
        id: request.getId(),
        oldState: decodeProperties(request.getOlds()),
        oldInputs: decodeProperties(request.getOldInputs()),
        newInputs: decodeProperties(request.getNews()),
        ignoreChanges: request.getIgnorechangesList(),
    };
}

/**
 * The diff of a type whose inputs can all change in place, except those whose names are in `replaceOn`.
 */
export function structuralDiff(
    oldInputs: PropertyMap,
    newInputs: PropertyMap,
    options: { replaceOn?: readonly string[]; deleteBeforeReplace?: boolean } = {},
): DiffResult {
    const replaceOn = new Set(options.replaceOn ?? []);
    const detailed: NonNullable<DiffResult["detailed"]> = {};
    const replaces = new Set<string>();
    for (const difference of differences(oldInputs, newInputs)) {
        const replace = replaceOn.has(difference.property);
        if (replace) {
            replaces.add(difference.property);
        }
        detailed[difference.path] = {
            kind: (replace ? `${difference.kind}-replace` : difference.kind) as DetailedChange,
            inputDiff: true,
        };
    }
    return {
        changes: Object.keys(detailed).length > 0,
        replaces: [...replaces],
        deleteBeforeReplace: options.deleteBeforeReplace,
        detailed,
    };
}

const KINDS: Record<DetailedChange, messages.PropertyDiff.Kind> = {
    add: messages.PropertyDiff.Kind.ADD,
    "add-replace": messages.PropertyDiff.Kind.ADD_REPLACE,
    delete: messages.PropertyDiff.Kind.DELETE,
    "delete-replace": messages.PropertyDiff.Kind.DELETE_REPLACE,
    update: messages.PropertyDiff.Kind.UPDATE,
    "update-replace": messages.PropertyDiff.Kind.UPDATE_REPLACE,
};

function diffResponse(result: DiffResult): messages.DiffResponse {
    const response = new messages.DiffResponse();
    const { DIFF_NONE, DIFF_SOME, DIFF_UNKNOWN } = messages.DiffResponse.DiffChanges;
    response.setChanges(result.changes === "unknown" ? DIFF_UNKNOWN : result.changes ? DIFF_SOME : DIFF_NONE);
    response.setReplacesList(result.replaces ?? []);
    response.setStablesList(result.stables ?? []);
    response.setDeletebeforereplace(result.deleteBeforeReplace ?? false);
    if (result.detailed !== undefined) {
        response.setHasdetaileddiff(true);
        const properties = new Set<string>();
        for (const [path, change] of Object.entries(result.detailed)) {
            const message = new messages.PropertyDiff();
            message.setKind(KINDS[change.kind]);
            message.setInputdiff(change.inputDiff ?? false);
            response.getDetaileddiffMap().set(path, message);
            properties.add(/^[^.[]+/.exec(path)?.[0] ?? path);
        }
        response.setDiffsList([...properties]);
    }
    return response;
}
