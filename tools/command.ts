import { spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import { delimiter, join } from "node:path";
import { createInterface } from "node:readline";

export interface CommandOptions {
    cwd?: string;
    env?: NodeJS.ProcessEnv;
    /** Called with each line of stdout and stderr as it comes. */
    onLine?: (line: string) => void;
    /** Milliseconds after which the command is stopped and counts as failed. */
    timeout?: number;
    /** What the command reads from stdin; nothing otherwise. */
    input?: string;
}

export interface CommandResult {
    /** Exit code; 127 when there is no such program, 124 when it took too long, 128 and more for signals. */
    code: number;
    stdout: string;
    stderr: string;
}

/** A command that ended with something other than 0. */
export class CommandError extends Error {
    override name = "CommandError";

    constructor(
        command: readonly string[],
        readonly result: CommandResult,
    ) {
        const output = `${result.stderr}\n${result.stdout}`.trim().split("\n").slice(-15).join("\n");
        super(`\`${command.join(" ")}\` ended with code ${result.code}${output === "" ? "" : `:\n${output}`}`);
    }
}

/** Runs a program to its end, whatever that is; stdin is empty. */
export async function tryCommand(
    command: readonly [string, ...string[]],
    options: CommandOptions = {},
): Promise<CommandResult> {
    const [program, ...args] = command;
    const child = spawn(program, args, {
        cwd: options.cwd,
        env: options.env ?? process.env,
        stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    let stdout = "";
    let stderr = "";
    let late = false;
    const timer =
        options.timeout === undefined
            ? undefined
            : setTimeout(() => {
                  late = true;
                  child.kill("SIGKILL");
              }, options.timeout);
    const read = async (stream: NodeJS.ReadableStream, keep: (line: string) => void) => {
        for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
            keep(`${line}\n`);
            // apt and git redraw a line: what matters is its last state.
            options.onLine?.(line.split("\r").at(-1) ?? line);
        }
    };
    const ended = new Promise<number>((settle) => {
        child.once("error", (error: NodeJS.ErrnoException) => {
            stderr += `${error.message}\n`;
            settle(error.code === "ENOENT" ? 127 : 126);
        });
        child.once("exit", (code, signal) => {
            const killed = signal === "SIGKILL";
            // One that ended by itself was in time: this process was too busy to hear of it.
            settle(late && killed ? 124 : (code ?? (killed ? 137 : 143)));
        });
    });
    if (options.input !== undefined) {
        child.stdin?.on("error", () => {});
        child.stdin?.end(options.input);
    }
    if (child.stdout === null || child.stderr === null) {
        throw new Error(`${program}: no pipes`);
    }
    const reading = [read(child.stdout, (line) => (stdout += line)), read(child.stderr, (line) => (stderr += line))];
    const code = await ended;
    // A grandchild may keep the pipes open for ever: what the program itself wrote is there soon after its end.
    await Promise.race([Promise.all(reading), new Promise((settle) => setTimeout(settle, 1000).unref())]);
    clearTimeout(timer);
    return { code, stdout, stderr };
}

/** Runs a program that must succeed. Throws CommandError. */
export async function command(
    line: readonly [string, ...string[]],
    options: CommandOptions = {},
): Promise<CommandResult> {
    const result = await tryCommand(line, options);
    if (result.code !== 0) {
        throw new CommandError(line, result);
    }
    return result;
}

/** The first executable called `name` on the path, leaving out folders below `without`. */
export function findProgram(name: string, path: string = process.env.PATH ?? "", without?: string): string | undefined {
    for (const folder of path.split(delimiter)) {
        if (folder === "" || (without !== undefined && (folder === without || folder.startsWith(`${without}/`)))) {
            continue;
        }
        const file = join(folder, name);
        try {
            accessSync(file, constants.X_OK);
            if (statSync(file).isFile()) {
                return file;
            }
        } catch {
            // Not here.
        }
    }
    return undefined;
}
