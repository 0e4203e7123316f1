import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { type MockProvider, type MockRun, type Registration, runProgram } from "../../tools/preview-diff/mock-engine";
import { withVariables } from "../environment";
import { imageType, pushed } from "./pushed-image";

const program = "../../index";

export const commandType = "command:local:Command";
const passwordType = "random:index/randomPassword:RandomPassword";

/** Outputs that providers would add; they may not look like any input. */
export function provided(registration: Registration): Record<string, unknown> {
    switch (registration.type) {
        case passwordType:
            return { ...registration.inputs, result: pulumi.secret(`pw-${registration.name}`) };
        case commandType:
            return { ...registration.inputs, stdout: `stdout-of-${registration.name}`, stderr: "" };
        case imageType:
            return pushed(registration);
        default:
            return registration.inputs;
    }
}

/** Where the program lays out build contexts, instead of the user's cache. */
const cache = fs.mkdtempSync(path.join(os.tmpdir(), "nta-program-"));
process.once("exit", () => fs.rmSync(cache, { recursive: true }));

/**
 * The whole program from the start: modules of ours are loaded anew, as by each run of the engine. Its source is the
 * sample, so that no network is asked and this machine's state stays as it is.
 */
export function runWholeProgram(
    options: { preview?: boolean; config?: Record<string, string>; provide?: MockProvider; cache?: string } = {},
): Promise<MockRun> {
    return withVariables({ NTA_CACHE: options.cache ?? cache }, () =>
        runProgram(
            () => {
                delete require.cache[require.resolve(program)];
                // eslint-disable-next-line @typescript-eslint/no-require-imports -- as Pulumi's own runner loads it
                return require(program) as object;
            },
            {
                stack: "test",
                provide: options.preview ? undefined : provided,
                ...options,
                config: { "nta:source": "sample", ...options.config },
            },
        ),
    );
}

/** The resource that is the machine: the cluster's own command that others wait for. */
export function machineOf(registrations: readonly Registration[]): Registration {
    const machine = registrations.find(({ type, name }) => type === commandType && name === "cluster-machine");
    assert.ok(machine, "there is a machine");
    return machine;
}

/** Types and names, in alphabetical order. */
export function inventory(registrations: readonly Registration[], types: RegExp): string[] {
    return registrations
        .filter(({ type }) => types.test(type))
        .map(({ type, name }) => `${type} ${name}`)
        .sort();
}
