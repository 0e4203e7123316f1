import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { command, tryCommand } from "../../tools/command";
import { Problem } from "../../tools/problem";
import type { Report } from "../../tools/progress";
import { runInTerminal } from "./child";
import { debugpyRelease, debugpyWheel } from "./debugpy";
import * as python from "./python";

/** A container in which something is debugged. */
export interface DebugTarget {
    /** kubectl's command line with cluster and namespace. */
    kubectl: readonly [string, ...string[]];
    pod: string;
    container: string;
    /** The Python of the container's image, as its command names it. */
    interpreter: string;
}

/** Seconds until debugpy listens, on a busy machine. */
const longestStart = 60;

/** The command line that runs one of our Python texts in the container. */
function inContainer(target: DebugTarget, script: string, ...args: string[]): [string, ...string[]] {
    const { kubectl, pod, container, interpreter } = target;
    return [...kubectl, "exec", "--stdin", pod, "--container", container, "--", interpreter, "-c", script, ...args];
}

/** Asks the container's Python about itself. @throws Problem when there is none. */
export async function askPython(target: DebugTarget): Promise<python.PythonFacts> {
    const { code, stdout, stderr } = await tryCommand(inContainer(target, python.askPython));
    if (code !== 0) {
        throw new Problem(
            `There is no \`${target.interpreter}\` in ${target.pod}, container ${target.container}: ${stderr.trim()}`,
        );
    }
    return JSON.parse(stdout) as python.PythonFacts;
}

/** The command lines of the container's Python processes. */
export async function pythonProcesses(target: DebugTarget): Promise<string[][]> {
    const { stdout } = await command(inContainer(target, python.pythonProcesses));
    return JSON.parse(stdout) as string[][];
}

/** Forwards a port of this machine to one of the pod, and resolves when it does. @throws Problem */
function forwardPort(target: DebugTarget, port: number, podPort: number): Promise<ChildProcess> {
    const [program, ...args] = target.kubectl;
    const child = spawn(
        program,
        [...args, "port-forward", "--address", "127.0.0.1", `pod/${target.pod}`, `${port}:${podPort}`],
        { stdio: ["ignore", "pipe", "pipe"], detached: true },
    );
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    return new Promise((resolve, reject) => {
        createInterface({ input: child.stdout }).on("line", (line) => {
            if (line.startsWith("Forwarding from")) {
                resolve(child);
            }
        });
        child.once("error", reject);
        child.once("exit", () =>
            reject(
                new Problem(`Port ${port} can't be forwarded to the pod: ${said.trim()}\nAnother one: --port PORT.`),
            ),
        );
    });
}

/**
 * Runs a Python command in the container under debugpy, which waits for a debugger at a port of this machine. What runs
 * there already is not touched, and nothing of the session is left but the debugger's files.
 *
 * @param announce Called once a debugger can attach.
 * @returns the command's exit code.
 */
export async function debugSession(
    target: DebugTarget,
    { line, port, facts }: { line: readonly string[]; port: number; facts: python.PythonFacts },
    report: Report,
    announce: () => void,
): Promise<number> {
    // Beside those of other sessions in the same pod.
    const podPort = 20_000 + Math.floor(Math.random() * 10_000);
    const debugged = python.underDebugger(line, podPort);
    if (debugged === undefined) {
        throw new Problem(
            `\`${line.join(" ")}\` is no Python command: python [options] (-m MODULE | FILE) [arguments].`,
        );
    }
    const release = debugpyRelease(facts.version);
    const wheel = await debugpyWheel(release, report);
    const modules = `${facts.folder}/nta-debugpy-${release.version}`;
    report(`putting debugpy ${release.version} into the pod`);
    await put(inContainer(target, python.unpackWheel, modules), wheel);

    const forwarding = await forwardPort(target, port, podPort);
    const pidFile = `${facts.folder}/nta-debug-${podPort}.pid`;
    try {
        const started = inContainer(target, python.becomeDebuggee, pidFile, modules, ...debugged);
        const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
        if (terminal) {
            started.splice(started.indexOf("--stdin"), 0, "--tty");
        }
        const ended = runInTerminal(started);
        const listens = tryCommand(inContainer(target, python.waitForListener, String(podPort), String(longestStart)));
        const early = await Promise.race([ended, listens.then(({ code }) => (code === 0 ? undefined : "late"))]);
        if (early === "late") {
            throw new Problem(`debugpy does not listen in ${target.pod} after ${longestStart} s.`);
        }
        if (early === undefined) {
            announce();
        }
        return await ended;
    } finally {
        forwarding.removeAllListeners("exit");
        forwarding.kill();
        await tryCommand(inContainer(target, python.endDebuggee, pidFile));
    }
}

/** Runs a command with a file as its standard input. @throws Problem with what it said when it fails. */
async function put([program, ...args]: readonly [string, ...string[]], file: string): Promise<void> {
    const child = spawn(program, args, { stdio: ["pipe", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.stdin.on("error", () => {});
    child.stdin.end(readFileSync(file));
    const code = await new Promise<number | null>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", resolve);
    });
    if (code !== 0) {
        throw new Problem(`The debugger can't be put into the pod: ${said.trim()}`);
    }
}
