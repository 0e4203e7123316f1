/** Running a Node.js program under the SDK's own runner (`@pulumi/pulumi/cmd/run`). */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { createRequire } from "node:module";
import { join } from "node:path";

import { INSPECT_GUARD } from "./inspect-guard";

export interface ProgramRun {
    /** Folder to run in and file or folder to run, relative to it. */
    pwd: string;
    entryPoint: string;
    args: string[];
    monitorAddress: string;
    engineAddress: string;
    organization: string;
    project: string;
    stack: string;
    rootDirectory: string;
    config: Record<string, string>;
    configSecretKeys: string[];
    parallel: number;
    dryRun: boolean;
    /** `runtime.options` of Pulumi.yaml. */
    typescript: boolean;
    nodeArgs: string[];
}

export interface ProgramResult {
    /** Why the program failed; "" when it didn't. */
    error: string;
    /** It failed and has already told the user why. */
    bail: boolean;
}

/** What the SDK's runner exits with when it has shown the error itself. */
const EXIT_ALREADY_REPORTED = 32;

/**
 * The command line and environment of a run.
 * @throws Error when the SDK is not installed for the program.
 */
export function commandLine(run: ProgramRun): { args: string[]; env: NodeJS.ProcessEnv } {
    let runner: string;
    try {
        runner = createRequire(join(run.pwd, "package.json")).resolve("@pulumi/pulumi/cmd/run");
    } catch {
        throw new Error(
            `The Pulumi SDK (@pulumi/pulumi) is not installed for the program in ${run.pwd}. Run "npm install" there.`,
        );
    }
    const flags = [`--monitor=${run.monitorAddress}`, `--engine=${run.engineAddress}`];
    const optional: [string, string][] = [
        ["organization", run.organization],
        ["project", run.project],
        ["root-directory", run.rootDirectory],
        ["stack", run.stack],
        ["pwd", run.pwd],
        ["parallel", String(run.parallel)],
    ];
    for (const [flag, value] of optional) {
        if (value !== "") {
            flags.push(`--${flag}=${value}`);
        }
    }
    if (run.dryRun) {
        flags.push("--dry-run");
    }
    return {
        args: [...INSPECT_GUARD, ...run.nodeArgs, runner, ...flags, run.entryPoint, ...run.args],
        env: {
            ...process.env,
            PULUMI_CONFIG: JSON.stringify(run.config),
            PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(run.configSecretKeys),
            PULUMI_NODEJS_TYPESCRIPT: String(run.typescript),
        },
    };
}

/** Starts the program; its output is ours, which the engine shows. `started` is given the process. */
export function runProgram(run: ProgramRun, started: (child: ChildProcess) => void): Promise<ProgramResult> {
    return new Promise((resolve) => {
        const { args, env } = commandLine(run);
        // In our own process group: what stops this plugin stops the program.
        const child = spawn(process.execPath, args, { cwd: run.pwd, env, stdio: ["ignore", "inherit", "inherit"] });
        started(child);
        child.on("error", (error) =>
            resolve({ error: `The program could not be started: ${error.message}`, bail: false }),
        );
        child.on("exit", (code, signal) => {
            if (code === 0) {
                resolve({ error: "", bail: false });
            } else if (code === EXIT_ALREADY_REPORTED) {
                resolve({ error: "", bail: true });
            } else if (code !== null) {
                resolve({ error: `Program exited with non-zero exit code: ${code}`, bail: false });
            } else {
                resolve({ error: `Program was stopped by ${signal}`, bail: false });
            }
        });
    });
}
