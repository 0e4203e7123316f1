import * as fs from "node:fs";
import * as os from "node:os";
import { MachineError } from "./errors";
import { type MachineSpec, nodeSize, type NodeSpec } from "./spec";

/** MiB that programs can still take. */
function availableMemory(): number {
    try {
        const match = /^MemAvailable:\s+(\d+) kB/m.exec(fs.readFileSync("/proc/meminfo", "utf8"));
        if (match !== null) {
            return Math.floor(Number(match[1]) / 1024);
        }
    } catch {
        // No /proc: what follows is the next best figure.
    }
    return Math.floor(os.freemem() / 2 ** 20);
}

/** GiB free in the file system of the folder or of its nearest existing parent. */
function freeDisk(folder: string): number {
    let existing = folder;
    while (!fs.existsSync(existing)) {
        existing = existing.slice(0, existing.lastIndexOf("/")) || "/";
    }
    const { bavail, bsize } = fs.statfsSync(existing);
    return Math.floor((bavail * bsize) / 2 ** 30);
}

/** Throws when new machines of this size do not fit. `storage` is where their disks or volumes will be. */
export function checkCapacity(spec: MachineSpec, newNodes: readonly NodeSpec[], storage: string): void {
    const memory = newNodes.reduce((sum, node) => sum + nodeSize(spec, node).memory, 0);
    const available = availableMemory();
    const problems: string[] = [];
    if (memory > available) {
        problems.push(
            `the cluster ${spec.clusterName} needs ${memory} MiB of memory and ${available} MiB are free: close something, or ` +
                `ask for less with \`pulumi config set nta:memory <MiB>\``,
        );
    }
    const disk = spec.disk * newNodes.length;
    const free = freeDisk(storage);
    if (disk > free) {
        problems.push(
            `the cluster ${spec.clusterName} needs ${disk} GiB of disk and ${free} GiB are free in ${storage}: make room, or ` +
                `ask for less with \`pulumi config set nta:disk <GiB>\``,
        );
    }
    if (problems.length > 0) {
        throw new MachineError(problems.join("\n"));
    }
}
