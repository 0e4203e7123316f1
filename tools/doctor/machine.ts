import { availableParallelism } from "node:os";
import type { CheckResult, Finding, Subject } from "./check";

/** Platforms that the tools are made for. */
export function platformFinding(platform: NodeJS.Platform, arch: string): Finding | undefined {
    return platform === "linux" || platform === "darwin"
        ? undefined
        : {
              wrong: `${platform} on ${arch} is not what this program is made for`,
              mend: "use Linux, for example in WSL",
          };
}

/** What this machine is. */
export function checkPlatform({ settings, mend }: Subject): Promise<CheckResult> {
    const cpus = availableParallelism();
    const wrong = platformFinding(process.platform, process.arch);
    const tooMany = settings.cluster === "vagrant" && settings.cpus > cpus;
    return Promise.resolve({
        name: "machine",
        found:
            `${process.platform} ${process.arch}, ${cpus} CPUs, Node.js ${process.versions.node}` +
            (tooMany ? ` (a node has ${settings.cpus} CPUs: ${mend("cpus", Math.max(2, cpus))} would fit)` : ""),
        wrong: wrong ? [wrong] : [],
    });
}
