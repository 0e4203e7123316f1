/** Child processes that show their output while they run and that end, with all they started, when they are told to. */
import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";
import type { Readable } from "node:stream";

import { OperationCancelledError } from "./errors";

export interface ProcessOptions {
    args: readonly string[];
    cwd?: string;
    env?: NodeJS.ProcessEnv;
    /** Fed to the process; nothing (an empty input) if left out. */
    stdin?: string | Readable;
    /** Ends the process group when aborted: SIGTERM, and SIGKILL after `killAfter` ms (default 10 000). */
    signal?: AbortSignal;
    killAfter?: number;
    /** Called for each line of output as it is complete, without its line break. */
    onLine?: (line: string, stream: "stdout" | "stderr") => void;
}

export interface ProcessResult {
    /** undefined if a signal ended it. */
    exitCode: number | undefined;
    exitSignal: NodeJS.Signals | undefined;
    stdout: string;
    stderr: string;
    /** Both, in the order in which they came. */
    output: string;
}

/** Process groups that run now, so that none outlives this process. */
const groups = new Set<number>();
let exitHandler = false;

function stopGroup(pid: number, signal: NodeJS.Signals): void {
    try {
        process.kill(-pid, signal);
    } catch {
        // The group has ended already.
    }
}

/**
 * Runs `command` in a process group of its own until it has ended and closed its output.
 * @throws OperationCancelledError (or the signal's own reason) when `signal` aborts, once the process has ended.
 * @throws Error when it can't be started.
 */
export async function runProcess(command: string, options: ProcessOptions): Promise<ProcessResult> {
    options.signal?.throwIfAborted();
    if (!exitHandler) {
        exitHandler = true;
        process.on("exit", () => groups.forEach((pid) => stopGroup(pid, "SIGKILL")));
    }
    const child = spawn(command, options.args, {
        cwd: options.cwd,
        env: options.env,
        detached: true,
        stdio: [options.stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"],
    });
    const pid = child.pid;
    if (pid !== undefined) {
        groups.add(pid);
    }

    let killTimer: NodeJS.Timeout | undefined;
    const abort = (): void => {
        if (pid !== undefined) {
            stopGroup(pid, "SIGTERM");
            killTimer = setTimeout(() => stopGroup(pid, "SIGKILL"), options.killAfter ?? 10_000);
        }
    };
    options.signal?.addEventListener("abort", abort, { once: true });

    const texts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
    const both: Buffer[] = [];
    const finishLines: (() => void)[] = [];
    for (const name of ["stdout", "stderr"] as const) {
        const decoder = new StringDecoder("utf8");
        let rest = "";
        child[name]?.on("data", (chunk: Buffer) => {
            texts[name].push(chunk);
            both.push(chunk);
            const lines = (rest + decoder.write(chunk)).split("\n");
            rest = lines.pop() ?? "";
            lines.forEach((line) => options.onLine?.(line.replace(/\r$/, ""), name));
        });
        finishLines.push(() => {
            rest += decoder.end();
            if (rest !== "") {
                options.onLine?.(rest, name);
            }
        });
    }
    if (child.stdin) {
        // A process may end without reading all of its input; its exit code says what that means.
        child.stdin.on("error", () => undefined);
        if (typeof options.stdin === "string") {
            child.stdin.end(options.stdin);
        } else {
            const source = options.stdin;
            source?.on("error", () => child.stdin?.destroy());
            source?.pipe(child.stdin);
        }
    }

    try {
        return await new Promise<ProcessResult>((resolve, reject) => {
            child.on("error", reject);
            child.on("close", (code, exitSignal) => {
                finishLines.forEach((finish) => finish());
                if (options.signal?.aborted) {
                    const reason: unknown = options.signal.reason;
                    reject(reason instanceof Error ? reason : new OperationCancelledError());
                    return;
                }
                resolve({
                    exitCode: code ?? undefined,
                    exitSignal: exitSignal ?? undefined,
                    stdout: Buffer.concat(texts.stdout).toString(),
                    stderr: Buffer.concat(texts.stderr).toString(),
                    output: Buffer.concat(both).toString(),
                });
            });
        });
    } finally {
        clearTimeout(killTimer);
        options.signal?.removeEventListener("abort", abort);
        if (pid !== undefined) {
            groups.delete(pid);
        }
    }
}

/** The end of a long text, cut at a line, with a note of what was left out. */
export function lastPart(text: string, limit = 64 * 1024): string {
    if (text.length <= limit) {
        return text;
    }
    const cut = text.length - limit;
    const start = text.indexOf("\n", cut) + 1 || cut;
    return `[the first ${start} characters are left out]\n${text.slice(start)}`;
}
