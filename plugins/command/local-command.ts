/**
 * `command:local:Command` and `command:local:run`: commands of this machine as resources.
 *
 * Behaviour as in the official provider 1.2.1: create, update and delete are shell commands; every output depends on
 * every input (one secret input makes the outputs secret, one changed input makes them unknown in a preview); changed
 * `triggers` replace, anything else updates; a failed command leaves no trace in the state.
 */
import { createHash, randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import {
    Archive,
    Asset,
    Secret,
    UNKNOWN,
    Unknown,
    containsSecret,
    containsUnknown,
    lastPart,
    plain,
    runProcess,
    sameValue,
    structuralDiff,
} from "../protocol";
import type {
    CheckFailure,
    CheckResult,
    FunctionHandler,
    OperationContext,
    PlainMap,
    PropertyMap,
    PropertyValue,
    ResourceHandler,
} from "../protocol";
import { matchingFiles } from "./globs";

const LOGGING = ["stdout", "stderr", "stdoutAndStderr", "none"];

/** The outputs that a command makes; the rest of the state are the inputs. */
interface CommandOutputs {
    stdout: string;
    stderr: string;
    assets?: Record<string, Asset>;
    archive?: Archive;
}

/** The resource `command:local:Command`. */
export const localCommand: ResourceHandler = {
    check: (_context, { news }): CheckResult => ({ inputs: news, failures: checkInputs(news) }),

    diff: (_context, { oldInputs, newInputs }) => structuralDiff(oldInputs, newInputs, { replaceOn: ["triggers"] }),

    async create(context, inputs) {
        const id = context.name + randomBytes(4).toString("hex");
        if (context.preview) {
            return { id, state: { ...inputs, stdout: UNKNOWN, stderr: UNKNOWN } };
        }
        const outputs = await execute(context, inputs.create, inputs, { stdout: "", stderr: "" });
        return { id, state: stateOf(inputs, outputs) };
    },

    async update(context, { oldInputs, newInputs, oldState }) {
        const previous = previousOutputs(oldState);
        if (context.preview) {
            // Only called for a difference, but the engine may have found it elsewhere than in the inputs.
            const changed = containsUnknown(newInputs) || !sameValue(oldInputs, newInputs);
            return changed ? { ...newInputs, stdout: UNKNOWN, stderr: UNKNOWN } : stateOf(newInputs, previous);
        }
        const outputs = await execute(context, newInputs.update ?? newInputs.create, newInputs, previous);
        return stateOf(newInputs, outputs);
    },

    async delete(context, { state }) {
        await execute(context, state.delete, state, previousOutputs(state));
    },
};

/** The function `command:local:run`: runs at every execution of the program, in previews too. */
export const runFunction: FunctionHandler = async (context, args) => {
    if (!isPresent(args.command)) {
        return { failures: [{ property: "command", reason: "a command to run is required" }] };
    }
    const failures = checkInputs(args);
    if (failures.length > 0) {
        return { failures };
    }
    return stateOf(args, await execute(context, args.command, args, { stdout: "", stderr: "" }));
};

function isPresent(value: PropertyValue): boolean {
    return value !== undefined && value !== null;
}

/** What is wrong with the inputs' types; unknown values pass. */
function checkInputs(inputs: PropertyMap): CheckFailure[] {
    const failures: CheckFailure[] = [];
    const expect = (property: string, what: string, matches: (value: PropertyValue) => boolean): void => {
        const raw = inputs[property];
        const value = raw instanceof Secret ? raw.value : raw;
        if (isPresent(value) && !(value instanceof Unknown) && !matches(value)) {
            failures.push({ property, reason: `${property} must be ${what}` });
        }
    };
    const isText = (value: PropertyValue): boolean =>
        value instanceof Unknown ||
        typeof (value instanceof Secret ? value.value : value) === "string" ||
        (value instanceof Secret && value.value instanceof Unknown);
    for (const property of ["create", "update", "delete", "command", "stdin", "dir"]) {
        expect(property, "a string", isText);
    }
    expect("logging", `one of ${LOGGING.join(", ")}`, (value) => LOGGING.includes(value as string));
    for (const property of ["interpreter", "assetPaths", "archivePaths"]) {
        expect(property, "a list of strings", (value) => Array.isArray(value) && value.every(isText));
    }
    expect("triggers", "a list", (value) => Array.isArray(value));
    expect("addPreviousOutputInEnv", "true or false", (value) => typeof value === "boolean");
    expect(
        "environment",
        "a map of strings",
        (value) =>
            typeof value === "object" &&
            value !== null &&
            !Array.isArray(value) &&
            Object.values(value as PropertyMap).every(isText),
    );
    return failures;
}

/** What the last command of this resource left in the state. */
function previousOutputs(state: PropertyMap): CommandOutputs {
    const text = (value: PropertyValue): string => {
        const inner = value instanceof Secret ? value.value : value;
        return typeof inner === "string" ? inner : "";
    };
    const open = (value: PropertyValue): PropertyValue => (value instanceof Secret ? value.value : value);
    return {
        stdout: text(state.stdout),
        stderr: text(state.stderr),
        assets: open(state.assets) as Record<string, Asset> | undefined,
        archive: open(state.archive) as Archive | undefined,
    };
}

function stateOf(inputs: PropertyMap, outputs: CommandOutputs): PropertyMap {
    const secret = containsSecret(inputs);
    const mark = (value: PropertyValue): PropertyValue => (secret && value !== undefined ? new Secret(value) : value);
    return {
        ...inputs,
        stdout: mark(outputs.stdout),
        stderr: mark(outputs.stderr),
        assets: mark(outputs.assets),
        archive: mark(outputs.archive),
    };
}

/** Runs one of the commands; without one, the outputs stay what they were. */
async function execute(
    context: OperationContext,
    command: PropertyValue,
    properties: PropertyMap,
    previous: CommandOutputs,
): Promise<CommandOutputs> {
    const text = plain(command);
    if (typeof text !== "string") {
        return previous;
    }
    const { stdout: _stdout, stderr: _stderr, assets: _assets, archive: _archive, ...inputProperties } = properties;
    const inputs = plain(inputProperties as PropertyMap);
    const [program = "/bin/sh", ...programArgs] = interpreterOf(inputs);
    const folder = typeof inputs.dir === "string" && inputs.dir !== "" ? inputs.dir : process.cwd();
    const logging = inputs.logging ?? "stdoutAndStderr";
    let result;
    try {
        result = await runProcess(program, {
            args: [...programArgs, text],
            cwd: folder,
            env: environmentOf(inputs, previous),
            stdin: typeof inputs.stdin === "string" && inputs.stdin !== "" ? inputs.stdin : undefined,
            signal: context.signal,
            onLine: (line, stream) => {
                if (logging === stream || logging === "stdoutAndStderr") {
                    context.log.status(line);
                }
            },
        });
    } catch (error) {
        if (error instanceof Error && "syscall" in error) {
            throw new Error(
                `${program} could not be started in ${folder} (does that folder exist?): ${error.message}: ` +
                    `running ${JSON.stringify(text)}`,
                { cause: error },
            );
        }
        throw error;
    }
    if (result.exitCode !== 0) {
        const status =
            result.exitCode === undefined ? `signal: ${result.exitSignal}` : `exit status ${result.exitCode}`;
        throw new Error(`${status}: running ${JSON.stringify(text)}:\n${lastPart(result.output)}`);
    }
    return {
        ...previous,
        ...(await collectFiles(folder, inputs)),
        stdout: result.stdout.replace(/\n$/, ""),
        stderr: result.stderr.replace(/\n$/, ""),
    };
}

function interpreterOf(inputs: PlainMap): string[] {
    const interpreter = inputs.interpreter;
    return Array.isArray(interpreter) && interpreter.length > 0 ? (interpreter as string[]) : ["/bin/sh", "-c"];
}

function environmentOf(inputs: PlainMap, previous: CommandOutputs): NodeJS.ProcessEnv {
    const env: NodeJS.ProcessEnv = { ...process.env, ...(inputs.environment as Record<string, string> | undefined) };
    if (inputs.addPreviousOutputInEnv !== false) {
        if (previous.stdout !== "") {
            env.PULUMI_COMMAND_STDOUT = previous.stdout;
        }
        if (previous.stderr !== "") {
            env.PULUMI_COMMAND_STDERR = previous.stderr;
        }
    }
    return env;
}

async function collectFiles(folder: string, inputs: PlainMap): Promise<Pick<CommandOutputs, "assets" | "archive">> {
    const read = async (patterns: unknown): Promise<Record<string, Asset> | undefined> => {
        if (!Array.isArray(patterns)) {
            return undefined;
        }
        const assets: Record<string, Asset> = {};
        for (const path of await matchingFiles(folder, patterns as string[])) {
            const file = join(folder, path);
            const hash = createHash("sha256")
                .update(await readFile(file))
                .digest("hex");
            assets[path] = new Asset({ path: file, hash });
        }
        return assets;
    };
    const assets = await read(inputs.assetPaths);
    const archived = await read(inputs.archivePaths);
    return {
        ...(assets === undefined ? {} : { assets }),
        ...(archived === undefined ? {} : { archive: new Archive({ assets: archived }) }),
    };
}
