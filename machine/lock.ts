import { tryLock } from "../tools/lock.cjs";
import type { MachineFolder } from "./folder";
import { sleep } from "./process";
import type { Progress } from "./progress";

/**
 * Runs `work` as the only one that changes this cluster's machines. Another run is waited for; with `takeOver` it is asked
 * to end first (`destroy` after an engine was killed whose `up` still runs).
 */
export async function locked<T>(
    folder: MachineFolder,
    purpose: "up" | "update" | "stop" | "destroy",
    progress: Progress,
    work: () => Promise<T>,
    takeOver = false,
): Promise<T> {
    let told: number | undefined;
    for (;;) {
        const { release, holder } = tryLock(folder.lockFile, purpose);
        if (release !== undefined) {
            try {
                return await work();
            } finally {
                release();
            }
        }
        if (told !== holder.pid) {
            told = holder.pid;
            const since = `"${holder.purpose}" has been at work on this machine since ${holder.since} (process ${holder.pid})`;
            const ask = takeOver && holder.purpose !== "destroy" && holder.pid > 0;
            progress.step(ask ? `${since}: asking it to end` : `${since}: waiting for it`);
            if (ask) {
                try {
                    process.kill(holder.pid, "SIGTERM");
                } catch {
                    // It has ended, or is another user's: then it is waited for.
                }
            }
        }
        await sleep(250);
    }
}
