import { spawn, type ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

/** A program's end and the last lines that it wrote to stderr. */
function ending(child: ChildProcess, what: string): Promise<void> {
    let stderr = "";
    child.stderr?.on("data", (chunk: Buffer) => (stderr = `${stderr}${chunk.toString()}`.slice(-4000)));
    return new Promise((resolve, reject) => {
        child.once("error", (error) => reject(new Error(`${what}: ${error.message}`)));
        child.once("close", (code) =>
            code === 0 ? resolve() : reject(new Error(`${what} ended with code ${code}:\n${stderr.trim()}`)),
        );
    });
}

/** Runs a program with `input` as its stdin. */
export async function feed(line: [string, ...string[]], input: Readable): Promise<void> {
    const [program, ...args] = line;
    const child = spawn(program, args, { stdio: ["pipe", "ignore", "pipe"] });
    const ended = ending(child, line.slice(0, 3).join(" "));
    if (child.stdin === null) {
        throw new Error("no pipe");
    }
    // When the program ends early, its own message says more than the broken pipe does.
    const written = pipeline(input, child.stdin).catch((error: unknown) => ended.then(() => Promise.reject(error)));
    await Promise.all([ended, written]);
}

/** Runs a program whose stdout is `consume`d. */
export async function drain(
    line: [string, ...string[]],
    consume: (output: Readable) => Promise<unknown>,
): Promise<void> {
    const [program, ...args] = line;
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const ended = ending(child, line.slice(0, 3).join(" "));
    if (child.stdout === null) {
        throw new Error("no pipe");
    }
    const consumed = consume(child.stdout).catch((error: unknown) => {
        child.kill();
        throw error;
    });
    await Promise.all([ended, consumed]);
}

/** Bytes gone through a stream, told as they go. */
export function counted(input: Readable, tell: (megabytes: number) => void): Readable {
    let bytes = 0;
    let told = Date.now();
    input.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (Date.now() - told > 2000) {
            told = Date.now();
            tell(Math.round(bytes / 1e6));
        }
    });
    return input;
}
