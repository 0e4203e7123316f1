/** A plugin ends with the engine that started it, even when that was killed. */
import { fstatSync } from "node:fs";

/**
 * Calls `gone` when the process that started this one has ended. The engine holds the other end of our standard input
 * for as long as it lives, even if it is killed.
 */
export function onEngineGone(gone: () => void): void {
    const stdin = fstatSync(0);
    if (stdin.isFIFO() || stdin.isSocket()) {
        process.stdin.on("end", gone);
        process.stdin.on("error", gone);
        process.stdin.resume();
    }
}
