/**
 * Pulumi's `kubernetes` package for any kind of the Kubernetes API: a stand-in for Pulumi's own plugin, with the same
 * inputs, state, replacement rules and waits.
 */
import { OperationCancelledError, ProviderError, ResourceInitError } from "../protocol/errors";
import { containsSecret, PropertyMap, Secret, UNKNOWN } from "../protocol/properties";
import {
    CheckRequest,
    CheckResult,
    DeleteRequest,
    DiffRequest,
    DiffResult,
    OperationContext,
    Provider,
    ReadRequest,
    ReadResult,
    ResourceHandler,
    UpdateRequest,
} from "../protocol/provider";
import { describe, isReadyNow, NotReadyError, untilDeleted, untilReady } from "./await";
import {
    ApiClient,
    ApiError,
    isNotFound,
    NoSuchKindError,
    Query,
    RequestOptions,
    sleep,
    UnreachableError,
} from "./client";
import { compareInputs, isIgnored, parsePath, replaces } from "./diff";
import { diffConfig } from "./diff-config";
import { apiVersionOf, builtinResource, GroupVersionKind, isListType, kindOf, parseType, ResourceType } from "./kinds";
import { inputsOfLive, projectLive, withoutServerFields } from "./live-inputs";
import { adoptManagedFields, createManager } from "./managed-fields";
import { assignName, isAutonamed, isNamed, uniqueName } from "./naming";
import {
    annotationOf,
    asObject,
    asString,
    fromKubernetes,
    hasUnknown,
    idOf,
    isObject,
    Json,
    JsonObject,
    KubernetesObject,
    markSecrets,
    metadataOf,
    nameOf,
    namespaceOf,
    parseId,
    pluck,
    reveal,
    toKubernetes,
    uidOf,
} from "./object";
import { isTrue } from "./pods";
import { parseWaitFor, Readiness, readinessOf, waitForAnnotation } from "./readiness";
import { replacementPaths } from "./replacement-rules";
import { connect, readSettings, Settings } from "./settings";

/** The version of the @pulumi/kubernetes SDK that this stands in for; set when the plugin is built. */
export const version = process.env.PLUGIN_VERSION ?? "4.32.0";

const applyPatch = "application/apply-patch+yaml";
const jsonPatch = "application/json-patch+json";

// Members of the state that are not the object's.
const inputsKey = "__inputs";
const initialApiVersionKey = "__initialApiVersion";
const fieldManagerKey = "__fieldManager";

// Kinds whose deletion is not waited for when they carry the skipAwait annotation.
const skipsDeletion = new Set([
    "/Namespace",
    "/Pod",
    "/ReplicationController",
    "apps/DaemonSet",
    "apps/Deployment",
    "apps/StatefulSet",
    "batch/Job",
]);

/** The provider; one for each process, as the engine starts one for each provider resource. */
export class KubernetesProvider implements Provider, ResourceHandler {
    readonly name = "kubernetes";
    readonly version = version;
    readonly covers = ["kubernetes:<group>/<version>:<Kind> and <Kind>Patch"];
    readonly supportsAutonaming = true;

    private settings: Settings = readSettings({});
    private client: ApiClient | undefined;
    // Why there is no client.
    private unusable = "the provider is not configured";
    private reachable: Promise<string | undefined> | undefined;
    private warned = false;

    resource(): ResourceHandler {
        return this;
    }

    diffConfig(_context: OperationContext, request: DiffRequest): DiffResult {
        const olds = asObject(reveal(Object.keys(request.oldInputs).length > 0 ? request.oldInputs : request.oldState));
        const { changed, replaces: replaced } = diffConfig(olds, asObject(reveal(request.newInputs)));
        const detailed: NonNullable<DiffResult["detailed"]> = {};
        for (const key of changed) {
            const kind = olds[key] === undefined ? "add" : request.newInputs[key] === undefined ? "delete" : "update";
            detailed[key] = { kind: replaced.includes(key) ? `${kind}-replace` : kind, inputDiff: true };
        }
        return { changes: changed.length > 0, replaces: replaced, deleteBeforeReplace: false, detailed };
    }

    /** Reads the configuration; connects to nothing. A kubeconfig that can't be used is an error of what needs it. */
    async configure(_context: OperationContext, config: PropertyMap): Promise<void> {
        this.settings = readSettings(asObject(reveal(config)));
        this.client?.close();
        this.client = undefined;
        this.reachable = undefined;
        try {
            this.client = connect(this.settings);
        } catch (error) {
            this.unusable = (error as Error).message;
        }
        return Promise.resolve();
    }

    async close(): Promise<void> {
        this.client?.close();
        return Promise.resolve();
    }

    /** Undefined when the cluster answers, else why not. Asked once: a plugin lives for one run of the engine. */
    private unreachable(): Promise<string | undefined> {
        this.reachable ??= (async () => {
            if (this.client === undefined) {
                return this.unusable;
            }
            try {
                await this.client.requestText("GET", "/version", { timeout: 10_000 });
            } catch (error) {
                if (!(error instanceof ApiError)) {
                    return (error as Error).message;
                }
                // It answers; what the user may do shows in the requests that need it.
            }
            return undefined;
        })();
        return this.reachable;
    }

    // Once, not for each of the objects in the cluster.
    private warnUnreachable(context: OperationContext, reason: string): void {
        if (!this.warned) {
            this.warned = true;
            context.log.warning(
                `configured Kubernetes cluster is unreachable: ${reason}` +
                    (this.settings.deleteUnreachable
                        ? "; `deleteUnreachable` is set: what was in it is dropped from Pulumi's state"
                        : ""),
            );
        }
    }

    private async usableClient(): Promise<ApiClient> {
        const reason = await this.unreachable();
        if (reason !== undefined || this.client === undefined) {
            throw new ProviderError(`configured Kubernetes cluster is unreachable: ${reason ?? this.unusable}`);
        }
        return this.client;
    }

    async check(context: OperationContext, request: CheckRequest): Promise<CheckResult> {
        const type = parseResource(context);
        if (
            this.settings.skipUpdateUnreachable &&
            request.olds !== undefined &&
            (await this.unreachable()) !== undefined
        ) {
            context.log.warning("the cluster is unreachable and skipUpdateUnreachable is set: left as it is");
            return { inputs: request.olds };
        }
        const inputs = withoutServerFields(toKubernetes(request.news));
        const olds = request.olds === undefined ? undefined : toKubernetes(request.olds);
        inputs.apiVersion ??= apiVersionOf(type);
        inputs.kind ??= type.kind;
        inputs.metadata ??= {};
        if (type.patch) {
            if (!isNamed(inputs)) {
                return {
                    inputs: request.news,
                    failures: [{ property: "metadata.name", reason: "a Patch resource needs the name of its object" }],
                };
            }
        } else {
            try {
                assignName(inputs, {
                    resourceName: context.name,
                    olds: olds !== undefined && Object.keys(olds).length > 0 ? olds : undefined,
                    randomSeed: request.randomSeed,
                    autonaming: request.autonaming,
                });
            } catch (error) {
                const reason = (error as Error).message;
                return { inputs: request.news, failures: [{ property: "metadata.name", reason }] };
            }
        }
        if (
            isObject(inputs.metadata) &&
            (inputs.metadata.namespace ?? "") === "" &&
            this.client !== undefined &&
            (await this.isNamespaced(type))
        ) {
            inputs.metadata.namespace = this.client.namespace;
        }
        const failures = [timeoutSecondsFailure(inputs), waitForFailure(inputs)].filter((item) => item !== undefined);
        const checked = fromKubernetes(inputs);
        markSecrets(checked, request.news);
        return { inputs: checked, failures };
    }

    // Without asking the API server where that can be known; other kinds are looked up, and namespaced when unknown.
    private async isNamespaced(type: GroupVersionKind): Promise<boolean> {
        const builtin = builtinResource(type);
        if (builtin !== undefined) {
            return builtin.namespaced;
        }
        if (this.client === undefined || (await this.unreachable()) !== undefined) {
            return true;
        }
        try {
            return (await this.client.resourceOf(type)).namespaced;
        } catch {
            // Its CustomResourceDefinition may come with this very update.
            return true;
        }
    }

    async diff(context: OperationContext, request: DiffRequest): Promise<DiffResult> {
        const type = parseResource(context);
        const olds = withoutServerFields(toKubernetes(oldInputsOf(request)));
        const news = withoutServerFields(toKubernetes(request.newInputs));
        const namespaced = await this.isNamespaced(kindOf(news));
        for (const inputs of [olds, news]) {
            if (isObject(inputs.metadata)) {
                // The namespace that none stands for, so that writing it down changes nothing.
                inputs.metadata.namespace = namespaced
                    ? inputs.metadata.namespace || parseId(request.id).namespace || this.client?.namespace || "default"
                    : undefined;
            }
        }
        const paths = type.patch
            ? [
                  ["metadata", "name"],
                  ["metadata", "namespace"],
              ]
            : replacementPaths(kindOf(news), {
                  configMapMutable: this.settings.configMapMutable,
                  secretMutable: this.settings.secretMutable,
                  immutable: olds.immutable === true,
              });
        const differences = compareInputs({ olds, news, replacementPaths: paths }).filter(
            ({ path }) => !request.ignoreChanges.some((ignored) => isIgnored(path, ignored)),
        );
        const detailed: NonNullable<DiffResult["detailed"]> = {};
        for (const { path, kind } of differences) {
            detailed[path] = { kind, inputDiff: true };
        }
        const unready = isUnreadyJob(toKubernetes(request.oldState), news);
        if (unready) {
            detailed[replaceUnreadyPath] = { kind: "update-replace", inputDiff: true };
        }
        const sameObject =
            nameOf(news) === parseId(request.id).name && namespaceOf(news) === parseId(request.id).namespace;
        const replaced = Object.keys(detailed).filter((path) => detailed[path]?.kind.endsWith("-replace"));
        return {
            changes: Object.keys(detailed).length > 0,
            replaces: replaced,
            deleteBeforeReplace:
                (unready || replaces(differences)) && isNamed(news) && !isAutonamed(news) && sameObject,
            detailed,
        };
    }

    async create(context: OperationContext, inputs: PropertyMap): Promise<{ id: string; state: PropertyMap }> {
        const type = parseResource(context);
        const object = withoutServerFields(toKubernetes(inputs));
        if (context.preview) {
            return { id: "", state: await this.preview(context, type, inputs, object) };
        }
        const client = await this.usableClient();
        const manager = fieldManager(object, undefined);
        const created = await this.createObject(context, client, type, object, manager, false);
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
        if (!hasUnknown(object) && (await this.unreachable()) === undefined && this.client !== undefined) {
            try {
                planned = await this.createObject(context, this.client, type, object, createManager, true);
            } catch (error) {
                if (!isPreviewGap(error)) {
                    throw error;
                }
            }
        }
        return plannedState(object, planned, inputs);
    }

    private async createObject(
        context: OperationContext,
        client: ApiClient,
        type: ResourceType,
        object: KubernetesObject,
        manager: string,
        dryRun: boolean,
    ): Promise<KubernetesObject> {
        const apply = type.patch || this.settings.upsertExistingObjects;
        const query: Query = { dryRun: dryRun ? "All" : undefined, fieldManager: apply ? manager : createManager };
        // A namespace, or the definition of a custom kind, may be on its way.
        const retryDelays = dryRun ? [] : [1000, 2000, 4000, 8000, 16_000];
        for (let attempt = 0; ; attempt++) {
            try {
                const kind = kindOf(object);
                const path = await client.pathOf(
                    kind,
                    namespaceOf(object),
                    apply ? nameOf(object) : "",
                    context.signal,
                );
                context.signal.throwIfAborted();
                // Not aborted on its way: nobody could tell what became of it.
                const options: RequestOptions = { query, body: object as Json };
                if (apply) {
                    query.force = forced(object, this.settings) || dryRun;
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
        const reason = await this.unreachable();
        if (reason !== undefined || this.client === undefined) {
            this.warnUnreachable(context, reason ?? this.unusable);
            if (this.settings.deleteUnreachable) {
                return undefined;
            }
            if (this.settings.skipUpdateUnreachable) {
                return { id: request.id, state: request.state, inputs: request.inputs };
            }
            throw new ProviderError(
                "failed to read resource state due to unreachable cluster. If the cluster was deleted, you can remove " +
                    "this resource from Pulumi's state by rerunning with PULUMI_K8S_DELETE_UNREACHABLE=true",
            );
        }
        const client = this.client;
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
        const { namespace, name } = parseId(request.id);
        if (context.preview) {
            const { state: oldLive } = parseState(request.oldState);
            let planned = overlay(oldLive, object);
            if (!hasUnknown(object) && (await this.unreachable()) === undefined && this.client !== undefined) {
                try {
                    const update = { object, namespace, name, manager, request };
                    planned = (await this.updateObject(context, this.client, type, update)).live;
                } catch (error) {
                    if (!isPreviewGap(error)) {
                        throw error;
                    }
                }
            }
            return stateOf(object, planned, request.newInputs, manager, request.oldState);
        }
        const client = await this.usableClient();
        const { before, live: updated } = await this.updateObject(context, client, type, {
            object,
            namespace,
            name,
            manager,
            request,
        });
        const state = (live: KubernetesObject): PropertyMap =>
            stateOf(object, live, request.newInputs, manager, request.oldState);
        const oldManager = asString(reveal(request.oldState[fieldManagerKey]));
        if (oldManager !== "" && oldManager !== manager) {
            await this.relinquish(context, client, updated, oldManager);
        }
        try {
            return state(await this.waitUntilReady(context, client, object, updated, before));
        } catch (error) {
            throw initError(error, request.id, state, updated);
        }
    }

    private async updateObject(
        context: OperationContext,
        client: ApiClient,
        type: ResourceType,
        update: { object: KubernetesObject; namespace: string; name: string; manager: string; request: UpdateRequest },
    ): Promise<{ before: KubernetesObject; live: KubernetesObject }> {
        const { object, manager, request } = update;
        const { signal, preview } = context;
        const dryRun = preview ? "All" : undefined;
        for (let attempt = 1; ; attempt++) {
            try {
                const path = await client.pathOf(kindOf(object), update.namespace, update.name, signal);
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
                    forced(object, this.settings) ||
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

    // An apply that names no fields gives up all that the manager owned.
    private async relinquish(
        context: OperationContext,
        client: ApiClient,
        live: KubernetesObject,
        manager: string,
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

    async delete(context: OperationContext, request: DeleteRequest): Promise<void> {
        const type = parseResource(context);
        const reason = await this.unreachable();
        if (reason !== undefined || this.client === undefined) {
            this.warnUnreachable(context, reason ?? this.unusable);
            if (this.settings.deleteUnreachable) {
                return;
            }
            throw new ProviderError(
                "configured Kubernetes cluster is unreachable. If the cluster was deleted, you can remove this resource " +
                    "from Pulumi's state by rerunning with PULUMI_K8S_DELETE_UNREACHABLE=true",
            );
        }
        const client = this.client;
        const { state, inputs } = parseState(request.state);
        const object =
            state.kind === undefined ? { ...inputs, apiVersion: apiVersionOf(type), kind: type.kind } : state;
        const { namespace, name } = parseId(request.id);
        try {
            if (type.patch) {
                const manager = fieldManager(inputs, request.state);
                await this.relinquish(context, client, object, manager);
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
        if (
            annotationOf(inputs, "pulumi.com/skipAwait") === "true" &&
            skipsDeletion.has(`${kind.group}/${kind.kind}`)
        ) {
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

function parseResource(context: OperationContext): ResourceType {
    const type = parseType(context.type);
    if (isListType(type)) {
        throw new ProviderError(
            `${context.type}: lists exist for YAML manifests and can't be created; declare their items instead`,
        );
    }
    return type;
}

// The state of an object: what the API server has, the inputs that made it, and how it was made.
function stateOf(
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

// An object with what the inputs say about it.
function overlay(live: JsonObject, inputs: JsonObject): JsonObject {
    const result: JsonObject = { ...live };
    for (const [key, value] of Object.entries(inputs)) {
        const old = live[key];
        result[key] = isObject(old) && isObject(value) ? overlay(old, value) : value;
    }
    return result;
}

function parseState(properties: PropertyMap): { state: KubernetesObject; inputs: KubernetesObject } {
    const { [inputsKey]: inputs, ...state } = properties;
    const revealed = reveal(inputs);
    return { state: toKubernetes(state), inputs: isObject(revealed) ? toKubernetes(inputs as PropertyMap) : {} };
}

function oldInputsOf(request: DiffRequest): PropertyMap {
    if (Object.keys(request.oldInputs).length > 0) {
        return request.oldInputs;
    }
    const inputs = request.oldState[inputsKey];
    return (inputs instanceof Secret ? inputs.value : inputs) as PropertyMap;
}

function fieldManager(inputs: KubernetesObject, state: PropertyMap | undefined): string {
    return (
        annotationOf(inputs, "pulumi.com/patchFieldManager") ||
        asString(reveal(state?.[fieldManagerKey])) ||
        uniqueName("pulumi-kubernetes-")
    );
}

function forced(inputs: KubernetesObject, settings: Settings): boolean {
    return settings.enablePatchForce || annotationOf(inputs, "pulumi.com/patchForce") === "true";
}

function readinessFor(inputs: KubernetesObject): Readiness | undefined {
    if (annotationOf(inputs, "pulumi.com/skipAwait") === "true") {
        return undefined;
    }
    const waitFor = annotationOf(inputs, waitForAnnotation);
    return waitFor === "" ? readinessOf(kindOf(inputs)) : parseWaitFor(waitFor);
}

const replaceUnreadyPath = 'metadata.annotations["pulumi.com/replaceUnready"]';

// A Job that did not succeed when it was last looked at, and whose annotation asks for another one then.
function isUnreadyJob(state: KubernetesObject, inputs: KubernetesObject): boolean {
    const { group, kind } = kindOf(inputs);
    return (
        group === "batch" &&
        kind === "Job" &&
        annotationOf(inputs, "pulumi.com/replaceUnready") === "true" &&
        !isTrue(state, "Complete")
    );
}

// Milliseconds: customTimeouts, else the annotation, else the default in seconds.
function timeoutOf(context: OperationContext, inputs: KubernetesObject, seconds: number): number {
    const annotated = Number(annotationOf(inputs, "pulumi.com/timeoutSeconds") || "NaN");
    return context.timeout ?? (Number.isInteger(annotated) ? annotated : seconds) * 1000;
}

function timeoutSecondsFailure(inputs: KubernetesObject): { property: string; reason: string } | undefined {
    const text = annotationOf(inputs, "pulumi.com/timeoutSeconds");
    return text === "" || /^\d+$/.test(text)
        ? undefined
        : {
              property: 'metadata.annotations["pulumi.com/timeoutSeconds"]',
              reason: `${JSON.stringify(text)} is not a whole number of seconds`,
          };
}

function waitForFailure(inputs: KubernetesObject): { property: string; reason: string } | undefined {
    const text = annotationOf(inputs, waitForAnnotation);
    try {
        if (text !== "") {
            parseWaitFor(text);
        }
        return undefined;
    } catch (error) {
        return { property: `metadata.annotations["${waitForAnnotation}"]`, reason: (error as Error).message };
    }
}

function propagationPolicy(inputs: KubernetesObject): string {
    switch (annotationOf(inputs, "pulumi.com/deletionPropagationPolicy").toLowerCase()) {
        case "orphan":
            return "Orphan";
        case "background":
            return "Background";
        default:
            return "Foreground";
    }
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

function isApplyConflict(error: ApiError): boolean {
    return error.status === 409 && Array.isArray(error.details.causes);
}

// Reasons for which a dry run can't be had, and that mean nothing for the update itself.
function isPreviewGap(error: unknown): boolean {
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

function refusal(action: string, object: KubernetesObject, error: unknown): Error {
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

// The object exists: what is thrown must keep it in the state.
function initError(
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
