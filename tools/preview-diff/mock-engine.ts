import * as pulumi from "@pulumi/pulumi";
import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";

/** The mark by which secret values travel between programs and the engine. */
const secretMark = "4dabf18193072939515e22adb298388d";
const secretSignature = "1b47061264138c4ac30d75fd1eb44270";
const unknownValues = new Set(["04da6b54-80e4-46f7-96ec-b56ff0331ba9", "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7"]);

/** A value that the program marked as secret. */
export class SecretValue {
    constructor(readonly value: unknown) {}
}

/** What a program asked the engine for: one resource. */
export interface Registration {
    urn: string;
    type: string;
    name: string;
    /** Inputs, with secrets wrapped in SecretValue and unknown values as the text "<unknown>". */
    inputs: Record<string, unknown>;
    custom: boolean;
    parent: string;
    provider: string;
    /** URNs of what it waits for, by inputs or by dependsOn. */
    dependencies: string[];
    deletedWith: string;
    deleteBeforeReplace: boolean;
    replaceOnChanges: string[];
    ignoreChanges: string[];
    protect: boolean;
    /** Names and types that the resource had before; what an alias leaves out is as it is now. */
    aliases: { name?: string; type?: string }[];
    /** Order in which the request came and in which it was answered. */
    began: number;
    ended: number;
}

export interface MockRun {
    registrations: Registration[];
    /** The stack's outputs: secrets and unknown values as in inputs. */
    outputs: Record<string, unknown>;
    find(type: string, name: string): Registration;
    all(type: string): Registration[];
}

/** Makes a resource's outputs from its inputs; may take its time. */
export type MockProvider = (
    registration: Registration,
) => Record<string, unknown> | undefined | Promise<Record<string, unknown> | undefined>;

interface RegisterRequest {
    getType(): string;
    getName(): string;
    getObject(): { toJavaScript(): Record<string, unknown> };
    getCustom(): boolean;
    getParent(): string;
    getProvider(): string;
    getDependenciesList(): string[];
    getDeletedwith(): string;
    getDeletebeforereplace(): boolean;
    getReplaceonchangesList(): string[];
    getIgnorechangesList(): string[];
    getProtect(): boolean;
    getAliasesList(): AliasMessage[];
}

interface AliasMessage {
    getUrn(): string;
    getSpec(): { getName(): string; getType(): string } | undefined;
}

interface RegisterOutputsRequest {
    getUrn(): string;
    getOutputs(): { toJavaScript(): Record<string, unknown> };
}

function aliasOf(message: AliasMessage): Registration["aliases"][number] {
    const spec = message.getSpec();
    if (spec !== undefined) {
        return { name: spec.getName() || undefined, type: spec.getType() || undefined };
    }
    const [, , qualifiedType, name] = message.getUrn().split("::");
    return { name, type: qualifiedType?.split("$").at(-1) };
}

function readable(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(readable);
    }
    if (typeof value === "string") {
        return unknownValues.has(value) ? "<unknown>" : value;
    }
    if (typeof value !== "object" || value === null) {
        return value;
    }
    const object = value as Record<string, unknown>;
    if (object[secretMark] === secretSignature) {
        return new SecretValue(readable(object["value"]));
    }
    return Object.fromEntries(Object.entries(object).map(([key, child]) => [key, readable(child)]));
}

/** Makes recorded values fit for the engine's answer. */
function answerable(value: unknown): unknown {
    if (value instanceof SecretValue) {
        return pulumi.secret(answerable(value.value));
    }
    if (Array.isArray(value)) {
        return value.map(answerable);
    }
    if (typeof value !== "object" || value === null || pulumi.Output.isInstance(value) || value instanceof Promise) {
        return value;
    }
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, answerable(child)]));
}

/** Texts that stand in a value outside of secrets. */
export function plainTexts(value: unknown): string[] {
    if (value instanceof SecretValue || value === null || value === undefined) {
        return [];
    }
    if (typeof value === "object") {
        return Object.values(value).flatMap(plainTexts);
    }
    return [String(value)];
}

/**
 * Runs a program with Pulumi's own SDK against a mock of the engine that records what it is asked for.
 *
 * @param provide Outputs of a resource; those of undefined are its inputs.
 */
export async function runProgram(
    program: () => unknown,
    options: {
        preview?: boolean;
        project?: string;
        stack?: string;
        config?: Record<string, string>;
        secretKeys?: string[];
        provide?: MockProvider;
        /** Result of a provider's function; its arguments if not given. */
        call?: pulumi.runtime.Mocks["call"];
    } = {},
): Promise<MockRun> {
    const registrations: Registration[] = [];
    let clock = 0;
    const original = MockMonitor.prototype.registerResource;
    const pending = new Map<string, Registration>();
    const keyOf = ({ type, name }: { type: string; name: string }) => `${type}::${name}`;

    MockMonitor.prototype.registerResource = async function (
        this: MockMonitor,
        request: RegisterRequest,
        callback: (error: unknown, response: unknown) => void,
    ) {
        const registration: Registration = {
            urn: (this as unknown as { newUrn(...parts: string[]): string }).newUrn(
                request.getParent(),
                request.getType(),
                request.getName(),
            ),
            type: request.getType(),
            name: request.getName(),
            inputs: readable(request.getObject().toJavaScript()) as Record<string, unknown>,
            custom: request.getCustom(),
            parent: request.getParent(),
            provider: request.getProvider(),
            dependencies: request.getDependenciesList(),
            deletedWith: request.getDeletedwith(),
            deleteBeforeReplace: request.getDeletebeforereplace(),
            replaceOnChanges: request.getReplaceonchangesList(),
            ignoreChanges: request.getIgnorechangesList(),
            protect: request.getProtect(),
            aliases: request.getAliasesList().map(aliasOf),
            began: clock++,
            ended: -1,
        };
        registrations.push(registration);
        pending.set(keyOf(registration), registration);
        return original.call(this, request, callback);
    } as typeof original;

    const originalOutputs = MockMonitor.prototype.registerResourceOutputs;
    let outputs: Record<string, unknown> = {};
    MockMonitor.prototype.registerResourceOutputs = function (
        this: MockMonitor,
        request: RegisterOutputsRequest,
        callback: (error: unknown, response: unknown) => void,
    ) {
        if (request.getUrn().includes("pulumi:pulumi:Stack::")) {
            outputs = readable(request.getOutputs().toJavaScript()) as Record<string, unknown>;
        }
        return originalOutputs.call(this, request, callback);
    } as typeof originalOutputs;

    try {
        await pulumi.runtime.setMocks(
            {
                async newResource(args) {
                    const registration = pending.get(keyOf(args)) as Registration;
                    pending.delete(keyOf(args));
                    const provided = await options.provide?.(registration);
                    const state = (provided === undefined ? args.inputs : answerable(provided)) as object;
                    registration.ended = clock++;
                    return { id: options.preview || !args.custom ? undefined : `${args.name}-id`, state };
                },
                call: options.call ?? ((args) => args.inputs as Record<string, unknown>),
            },
            options.project ?? "nta",
            options.stack ?? "test",
            options.preview ?? false,
        );
        pulumi.runtime.setAllConfig(options.config ?? {}, options.secretKeys);
        try {
            await pulumi.runtime.runInPulumiStack(async () => program());
        } finally {
            // What a failed program asked for before it failed is still under way.
            await pulumi.runtime.disconnect();
        }
        return {
            registrations,
            outputs,
            find(type, name) {
                const found = registrations.find((candidate) => candidate.type === type && candidate.name === name);
                if (!found) {
                    const names = registrations.map((candidate) => `${candidate.type} ${candidate.name}`);
                    throw new Error(`no ${type} named ${name} among:\n${names.join("\n")}`);
                }
                return found;
            },
            all: (type) => registrations.filter((candidate) => candidate.type === type),
        };
    } finally {
        MockMonitor.prototype.registerResource = original;
        MockMonitor.prototype.registerResourceOutputs = originalOutputs;
    }
}
