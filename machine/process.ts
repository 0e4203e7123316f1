import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import type { Readable } from "node:stream";

export interface Result {
    /** Exit code; 127 when the program is missing, 124 when it was stopped for taking too long. */
    code: number;
    stdout: string;
    stderr: string;
}

export interface RunOptions {
    env?: NodeJS.ProcessEnv;
    cwd?: string;
    input?: string | Readable;
    timeoutMilliseconds?: number;
    /** Gets the process id once the program runs. */
    onStart?: (pid: number) => void;
    /** Gets each line of both outputs as it comes. */
    onLine?: (line: string) => void;
}

const running = new Set<ChildProcess>();

/** Stops what this process has started and is still running; for the way out after a signal. */
export function stopChildren(): void {
    for (const child of running) {
        child.kill("SIGTERM");
    }
}

/** Runs a program to its end. Never throws for the program's own failure. */
export function run(program: string, args: string[], options: RunOptions = {}): Promise<Result> {
    return new Promise((resolve) => {
        const child = spawn(program, args, { cwd: options.cwd, env: options.env ?? process.env, stdio: "pipe" });
        running.add(child);
        if (child.pid !== undefined) {
            options.onStart?.(child.pid);
        }
        let timedOut = false;
        const timer =
            options.timeoutMilliseconds === undefined
                ? undefined
                : setTimeout(() => {
                      timedOut = true;
                      child.kill("SIGKILL");
                  }, options.timeoutMilliseconds);
        const output = { stdout: "", stderr: "" };
        let pending = "";
        for (const stream of ["stdout", "stderr"] as const) {
            child[stream].setEncoding("utf8").on("data", (text: string) => {
                output[stream] += text;
                const lines = (pending + text).split("\n");
                pending = lines.pop() ?? "";
                lines.forEach((line) => options.onLine?.(line));
            });
        }
        const finish = (code: number, extra = "") => {
            clearTimeout(timer);
            running.delete(child);
            resolve({ code, stdout: output.stdout, stderr: output.stderr + extra });
        };
        child.on("error", (error) => finish(127, error.message));
        child.on("close", (code, signal) => {
            // One that ended by itself was in time: this process was too busy to hear of it.
            const late = timedOut && signal === "SIGKILL";
            finish(late ? 124 : (code ?? 1), late ? `${program} did not answer in time` : "");
        });
        child.stdin.on("error", () => undefined); // the program may end without reading its input
        const { input = "" } = options;
        if (typeof input === "string") {
            child.stdin.end(input);
        } else {
            input.once("error", (error) => {
                output.stderr += `${error.message}\n`;
                child.kill("SIGKILL");
            });
            input.pipe(child.stdin);
        }
    });
}

export function sleep(milliseconds: number): Promise<void> {
    return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
