import { spawn } from "node:child_process";
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { tryCommand } from "./command";
import { root, stateDirectory } from "./directories";
import { formatDuration } from "./progress";
import { project, type StackSession } from "./stack";

/** What the engine is at work on, read from the lines that it prints where there is no terminal. */
export class Activity {
    private readonly active = new Map<string, string>();

    /**
     * Takes in one line, such as ` +  docker:index:Image taurus creating (3s)` or `… created (12s)`.
     * @returns whether the line is worth showing
     */
    take(line: string): boolean {
        const match = /^\s*(?:[+~\-<>@]|\+\+|--|\+-|<<?|>>?)*\s+(\S+:\S+:\S+) (\S+) (\w+)/.exec(line);
        if (match !== null) {
            const [, type = "", name = "", verb = ""] = match;
            const key = `${type} ${name}`;
            if (/^(creating|updating|deleting|replacing|reading|refreshing|importing)$/.test(verb)) {
                this.active.set(key, verb);
            } else {
                this.active.delete(key);
            }
        }
        return line.trim() !== "" && !/^@ (updating|destroying|previewing|refreshing)\.*$/.test(line.trim());
    }

    /** `creating docker:index:Image taurus (and 2 more)`, or an empty string. */
    describe(): string {
        const [first] = this.active;
        if (first === undefined) {
            return "";
        }
        const more = this.active.size - 1;
        return `${first[1]} ${first[0]}${more === 0 ? "" : ` and ${more} more`}`;
    }
}

/**
 * Runs `pulumi` on the stack. On a terminal it has the terminal; elsewhere its lines are passed on, and when there was
 * none for 8 s one says what it is at.
 * @returns its exit code
 */
export async function runPulumi(program: string, session: StackSession, args: readonly string[]): Promise<number> {
    const terminal = process.stdout.isTTY === true && process.stdin.isTTY === true && process.env.CI === undefined;
    const all = [...args, "--stack", session.name, ...(terminal ? [] : ["--non-interactive", "--color", "never"])];
    const child = spawn(program, all, {
        cwd: root,
        env: session.env,
        stdio: terminal ? "inherit" : ["ignore", "pipe", "pipe"],
    });
    // The engine has its own way to end: it finishes what it is doing. It gets the terminal's Ctrl-C by itself.
    const ignore = () => {};
    const forward = (signal: NodeJS.Signals) => child.kill(signal === "SIGHUP" ? "SIGINT" : signal);
    process.on("SIGINT", ignore);
    process.on("SIGTERM", forward);
    process.on("SIGHUP", forward);
    const started = Date.now();
    let last = Date.now();
    const activity = new Activity();
    const show = (line: string) => {
        process.stdout.write(`${line}\n`);
        last = Date.now();
    };
    const timer = setInterval(() => {
        if (!terminal && Date.now() - last >= 8000) {
            const what = activity.describe();
            show(`… ${formatDuration(Date.now() - started)}${what === "" ? "" : `: ${what}`}`);
        }
    }, 500);
    const reading = [child.stdout, child.stderr].map(async (stream) => {
        if (stream !== null) {
            for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
                if (activity.take(line)) {
                    show(line);
                }
            }
        }
    });
    const code = await new Promise<number>((settle) => {
        child.once("error", () => settle(127));
        child.once("exit", (exitCode, signal) => settle(exitCode ?? (signal === "SIGKILL" ? 137 : 130)));
    });
    await Promise.race([Promise.all(reading), new Promise((settle) => setTimeout(settle, 2000).unref())]);
    clearInterval(timer);
    process.removeListener("SIGINT", ignore);
    process.removeListener("SIGTERM", forward);
    process.removeListener("SIGHUP", forward);
    return code;
}

/** The stack's outputs that a user is told. */
export interface StackOutputs {
    registry?: string;
    /** What is reached where. */
    addresses?: Record<string, string>;
}

/** Reads the stack's outputs, secret ones masked; none of them if the engine does not give them. */
export async function readOutputs(program: string, session: StackSession): Promise<StackOutputs> {
    const result = await tryCommand(
        [program, "stack", "output", "--json", "--stack", session.name, "--non-interactive"],
        { cwd: root, env: session.env },
    );
    return result.code === 0 ? (JSON.parse(result.stdout) as StackOutputs) : {};
}

/** The file that `env` makes KUBECONFIG. */
export function kubeconfigFile(stack: string): string {
    return join(stateDirectory(), "machines", `${project}-${stack}`, "kubeconfig");
}

/** Writes the stack's kubeconfig, which is one of its secret outputs, to where `env` points; false if there is none. */
export async function writeKubeconfig(program: string, session: StackSession): Promise<boolean> {
    const result = await tryCommand(
        [program, "stack", "output", "kubeconfig", "--show-secrets", "--stack", session.name, "--non-interactive"],
        { cwd: root, env: session.env },
    );
    const file = kubeconfigFile(session.name);
    if (result.code !== 0 || result.stdout.trim() === "") {
        await rm(file, { force: true });
        return false;
    }
    await mkdir(join(file, ".."), { recursive: true, mode: 0o700 });
    await writeFile(`${file}.${process.pid}`, result.stdout, { mode: 0o600 });
    await chmod(`${file}.${process.pid}`, 0o600);
    await rename(`${file}.${process.pid}`, file);
    return true;
}
