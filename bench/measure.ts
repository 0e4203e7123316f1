import { execFileSync } from "node:child_process";

/** Seconds that a shell command takes; what it prints is dropped. @throws Error when it fails. */
export function seconds(command: string, cwd: string, env: NodeJS.ProcessEnv): number {
    const started = process.hrtime.bigint();
    execFileSync("bash", ["-c", command], { cwd, env, stdio: ["ignore", "ignore", "inherit"] });
    return Number(process.hrtime.bigint() - started) / 1e9;
}

/** The middle one; the upper of two middles. */
export function median(values: number[]): number {
    return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}
