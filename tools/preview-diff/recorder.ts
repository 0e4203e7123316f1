/**
 * Runs one side's program and answers with what it declares. A process of its own: started by `runRecorder`, it is
 * bundled with the newer side's code and runs either side's program with that side's packages.
 */
import "./package-loading";

import { createHash } from "node:crypto";

import {
    type DeclaredResource,
    type Declaration,
    type ImageBuild,
    type Json,
    maskedSecret,
    type RecorderAnswer,
    type RecorderTask,
} from "./declaration";
import { isolate } from "./isolation";
import { type MockRun, type Registration, runProgram, SecretValue } from "./mock-engine";
import { imageBuild, standInOutputs } from "./stand-ins";
import { watchSurroundings } from "./surroundings";

const stackType = "pulumi:pulumi:Stack";

/** Makes recorded values fit for JSON: masks secrets, and writes placeholders for folders of this run. */
function publisher(folders: RecorderTask["folders"]): (value: unknown) => Json {
    const publish = (value: unknown): Json => {
        if (typeof value === "string") {
            return folders.reduce((text, { path, placeholder }) => text.replaceAll(path, placeholder), value);
        }
        if (value instanceof SecretValue) {
            return mask(value.value);
        }
        if (Array.isArray(value)) {
            return value.map(publish);
        }
        if (typeof value === "object" && value !== null) {
            return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, publish(child)]));
        }
        return typeof value === "number" || typeof value === "boolean" ? value : null;
    };
    const mask = (value: unknown) => {
        const text = JSON.stringify(publish(value));
        return maskedSecret(createHash("sha256").update(text).digest("hex"));
    };
    return publish;
}

/** What a Kubernetes Secret holds is secret also where the program does not say so. */
function withSecretData({ type, inputs }: Registration): Record<string, unknown> {
    if (type !== "kubernetes:core/v1:Secret") {
        return inputs;
    }
    const hidden = (data: unknown) =>
        data instanceof SecretValue || data === undefined
            ? data
            : Object.fromEntries(
                  Object.entries(data as Record<string, unknown>).map(([key, value]) => [
                      key,
                      value instanceof SecretValue ? value : new SecretValue(value),
                  ]),
              );
    return {
        ...inputs,
        ...("data" in inputs ? { data: hidden(inputs["data"]) } : {}),
        ...("stringData" in inputs ? { stringData: hidden(inputs["stringData"]) } : {}),
    };
}

function declarationOf(run: MockRun, images: Map<Registration, ImageBuild>, task: RecorderTask): Declaration {
    const publish = publisher(task.folders);
    const byMockUrn = new Map(run.registrations.map((one) => [one.urn, one]));
    const qualifiedTypes = new Map<string, string>();
    // The mock's URNs name the parent's type alone; the engine's name the types of all ancestors.
    const qualifiedType = (one: Registration): string => {
        const known = qualifiedTypes.get(one.urn);
        if (known !== undefined) {
            return known;
        }
        const parent = byMockUrn.get(one.parent);
        const type =
            parent === undefined || parent.type === stackType ? one.type : `${qualifiedType(parent)}$${one.type}`;
        qualifiedTypes.set(one.urn, type);
        return type;
    };
    const urnOf = (one: Registration) =>
        ["urn:pulumi:" + task.stack, task.project, qualifiedType(one), one.name].join("::");
    const declared = run.registrations
        .filter(({ type }) => type !== stackType)
        .map((one): DeclaredResource => {
            const parent = byMockUrn.get(one.parent);
            // `<urn>::<id>`
            const provider = byMockUrn.get(one.provider.split("::").slice(0, -1).join("::"));
            const { deleteBeforeReplace, ignoreChanges, protect, replaceOnChanges } = one;
            return {
                urn: urnOf(one),
                type: one.type,
                name: one.name,
                parent: parent === undefined || parent.type === stackType ? "" : urnOf(parent),
                inputs: publish(withSecretData(one)) as Record<string, Json>,
                provider: provider === undefined ? "" : urnOf(provider),
                options: { deleteBeforeReplace, ignoreChanges, protect, replaceOnChanges },
                aliases: one.aliases,
                image: images.get(one),
            };
        });
    declared.sort((a, b) => (a.urn < b.urn ? -1 : a.urn > b.urn ? 1 : 0));
    return { resources: declared, outputs: publish(run.outputs) as Record<string, Json> };
}

async function record(task: RecorderTask): Promise<RecorderAnswer> {
    process.env.PULUMI_CONFIG = JSON.stringify(task.config);
    process.env.PULUMI_CONFIG_SECRET_KEYS = JSON.stringify(task.secretKeys);
    isolate();
    const surroundings = watchSurroundings(task.known);
    // Pulumi's SDK notes one at each promise, for programs that never end. Answers have messages only.
    Error.stackTraceLimit = 0;
    const images = new Map<Registration, ImageBuild>();
    const run = await runProgram(
        // eslint-disable-next-line @typescript-eslint/no-require-imports -- which program it is, the task says
        () => require(task.program) as object,
        {
            preview: true,
            project: task.project,
            stack: task.stack,
            config: task.config,
            secretKeys: task.secretKeys,
            async provide(registration) {
                const image = await imageBuild(registration);
                if (image !== undefined) {
                    images.set(registration, image);
                }
                return standInOutputs(registration, image);
            },
        },
    );
    return { declaration: declarationOf(run, images, task), surroundings: surroundings() };
}

function answer(result: RecorderAnswer): void {
    process.send?.(result, () => process.exit(0));
}

function fail(error: unknown): void {
    answer({ error: error instanceof Error ? error.message : String(error) });
}

process.once("message", (task: RecorderTask) => {
    process.on("uncaughtException", fail);
    process.on("unhandledRejection", fail);
    record(task).then(answer, fail);
});
