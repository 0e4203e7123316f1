/** The gRPC side of a resource provider: reads requests, calls the {@link Provider}, writes answers. */
import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";
import type { PluginAttach } from "@pulumi/pulumi/proto/plugin_pb";
import type { IResourceProviderServer } from "@pulumi/pulumi/proto/provider_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/provider_pb";

import { structuralDiff } from "./differences";
import type { EngineLog } from "./engine-log";
import { ProviderError } from "./errors";
import { checkRequest, checkResponse, diffRequest, diffResponse, failureMessage } from "./messages";
import type { OperationOptions, Operations } from "./operations";
import { decodeProperties, encodeProperties } from "./properties";
import type { PropertyMap } from "./properties";
import type { CheckFailure, OperationContext, Provider, ResourceHandler } from "./provider";

type Unary<Request, Response> = grpc.handleUnaryCall<Request, Response>;

/** The methods of the provider protocol, answered by `provider`. */
export function providerService(provider: Provider, log: EngineLog, operations: Operations): IResourceProviderServer {
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

function isFailures(result: PropertyMap | { failures: CheckFailure[] }): result is { failures: CheckFailure[] } {
    const failures: unknown = result.failures;
    return Array.isArray(failures) && failures.length > 0 && Object.keys(result).length === 1;
}

function resourceOptions(request: { getUrn(): string; getType(): string; getName(): string }): OperationOptions {
    return { urn: request.getUrn(), type: request.getType(), name: request.getName() };
}

function operationOptions(request: messages.CreateRequest | messages.UpdateRequest): OperationOptions {
    return { ...resourceOptions(request), timeout: request.getTimeout(), preview: request.getPreview() };
}
