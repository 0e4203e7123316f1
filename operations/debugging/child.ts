import { spawn } from "node:child_process";

/**
 * Runs a program with this process's terminal to its end. Ctrl-C is the program's: this process waits for what it makes
 * of it.
 *
 * @returns its exit code.
 */
export async function runInTerminal([program, ...args]: readonly [string, ...string[]]): Promise<number> {
    const ignore = () => {};
    process.on("SIGINT", ignore);
    const child = spawn(program, args, { stdio: "inherit" });
    const forward = (signal: NodeJS.Signals) => child.kill(signal);
    process.on("SIGTERM", forward);
    process.on("SIGHUP", forward);
    try {
        return await new Promise<number>((resolve, reject) => {
            child.once("error", reject);
            child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
        });
    } finally {
        process.removeListener("SIGINT", ignore);
        process.removeListener("SIGTERM", forward);
        process.removeListener("SIGHUP", forward);
    }
}
