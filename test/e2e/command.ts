import { spawn } from "node:child_process";
import * as fs from "node:fs";

/** One line that a command printed. */
export interface OutputLine {
    /** Milliseconds since the command was started. */
    at: number;
    text: string;
}

/** What a finished command did. */
export interface CommandResult {
    /** Exit code; 128 + signal number if a signal ended it, as a shell reports it. */
    code: number;
    stdout: string;
    stderr: string;
    lines: OutputLine[];
    seconds: number;
    /** The longest time without a line of output, in seconds, from the start to the end. */
    longestSilence: number;
}

export interface CommandOptions {
    cwd: string;
    env: NodeJS.ProcessEnv;
    /** Seconds after which the command and all its descendants are killed and the promise rejects. */
    timeout?: number;
    input?: string;
    /** Called for every line; the function can kill the command's whole process tree. */
    onLine?: (line: OutputLine, kill: () => void) => void;
    /** Prefix under which the lines are shown while the command runs; not shown without one. */
    echo?: string;
}

/** The pids below (and with) `root`, children before parents, read from /proc. */
export function processTree(root: number): number[] {
    const children = new Map<number, number[]>();
    for (const entry of fs.readdirSync("/proc")) {
        if (!/^\d+$/.test(entry)) {
            continue;
        }
        try {
            const stat = fs.readFileSync(`/proc/${entry}/stat`, "utf8");
            // "pid (comm) state ppid …"; comm may hold anything, so read from its closing parenthesis on.
            const parent = Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
            children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
        } catch {
            // The process ended while we looked.
        }
    }
    const below = (pid: number): number[] => [...(children.get(pid) ?? []).flatMap(below), pid];
    return below(root);
}

/** SIGKILL to `root` and everything below it, parents first so that none can start another. */
export function killTree(root: number): void {
    for (const pid of processTree(root).reverse()) {
        try {
            process.kill(pid, "SIGKILL");
        } catch {
            // Already gone.
        }
    }
}

/** Runs a command to its end. Rejects only if it can't be started or its time is up. */
export function run(file: string, args: string[], options: CommandOptions): Promise<CommandResult> {
    return new Promise((resolve, reject) => {
        const started = Date.now();
        const child = spawn(file, args, {
            cwd: options.cwd,
            env: options.env,
            stdio: [options.input === undefined ? "ignore" : "pipe", "pipe", "pipe"],
        });
        const lines: OutputLine[] = [];
        const text = { stdout: "", stderr: "" };
        let last = started;
        let longestSilence = 0;
        const heard = () => {
            const now = Date.now();
            longestSilence = Math.max(longestSilence, (now - last) / 1000);
            last = now;
        };
        const kill = () => child.pid !== undefined && killTree(child.pid);
        const timer =
            options.timeout === undefined
                ? undefined
                : setTimeout(() => {
                      kill();
                      const tail = lines.slice(-20).map((line) => line.text);
                      reject(
                          new Error(
                              `${file} ${args.join(" ")}: not done after ${options.timeout} s; its last lines:\n${tail.join("\n")}`,
                          ),
                      );
                  }, options.timeout * 1000);
        for (const stream of ["stdout", "stderr"] as const) {
            let rest = "";
            child[stream]?.setEncoding("utf8").on("data", (chunk: string) => {
                heard();
                text[stream] += chunk;
                const parts = (rest + chunk).split(/\r?\n/);
                rest = parts.pop() ?? "";
                for (const part of parts) {
                    const line = { at: Date.now() - started, text: part };
                    lines.push(line);
                    if (options.echo !== undefined) {
                        console.log(`      ${options.echo} ${part}`);
                    }
                    options.onLine?.(line, kill);
                }
            });
        }
        child.on("error", reject);
        child.on("close", (code, signal) => {
            clearTimeout(timer);
            heard();
            resolve({
                code: code ?? 128 + (signal === "SIGKILL" ? 9 : 15),
                stdout: text.stdout,
                stderr: text.stderr,
                lines,
                seconds: (Date.now() - started) / 1000,
                longestSilence,
            });
        });
        if (options.input !== undefined) {
            child.stdin?.end(options.input);
        }
    });
}
