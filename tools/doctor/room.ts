import { existsSync } from "node:fs";
import { mkdir, readFile, statfs } from "node:fs/promises";
import { freemem } from "node:os";
import { join, resolve } from "node:path";
import { memoryOfNodes } from "../../components/settings/node-pools";
import { currentFile } from "../../node-image/kubernetes-versions";
import { tryCommand } from "../command";
import { cacheDirectory, shortPath } from "../directories";
import type { CheckResult, Finding, Subject } from "./check";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/** What is wrong when a node of this size does not fit into the free memory, both MiB. */
export function memoryFinding(free: number, needed: number, mend: Subject["mend"]): Finding | undefined {
    if (free >= needed) {
        return undefined;
    }
    const fits = Math.floor((free - 512) / 256) * 256;
    const wrong = `too little memory: ${free} MiB are free, and the cluster takes up to ${needed} MiB`;
    return fits >= 2048
        ? { wrong: `${wrong}: close something, or make the node smaller`, mend: mend("memory", fits) }
        : { wrong, mend: "close something: a node takes at least 2048 MiB" };
}

/** Free bytes of a file system, and what is needed there. */
export interface DiskRoom {
    path: string;
    free: number;
    needed: number;
}

/** What is wrong when there is too little room on a disk. */
export function diskFinding({ path, free, needed }: DiskRoom): Finding | undefined {
    return free >= needed
        ? undefined
        : {
              wrong:
                  `too little disk: ${(free / GiB).toFixed(1)} GiB are free at ${shortPath(path)}, and about ` +
                  `${Math.ceil(needed / GiB)} GiB are needed: free some, or point XDG_CACHE_HOME to another disk`,
              mend: "docker system prune",
          };
}

async function availableMemory(): Promise<number> {
    const table = await readFile("/proc/meminfo", "utf8").catch(() => "");
    const match = /^MemAvailable:\s+(\d+) kB$/m.exec(table);
    return match === null ? Math.floor(freemem() / MiB) : Math.floor(Number(match[1]) / 1024);
}

async function freeBytes(path: string): Promise<{ free: number; device: string }> {
    let folder = path;
    while (!existsSync(folder) && folder !== "/") {
        folder = resolve(folder, "..");
    }
    const { bavail, bsize, blocks, type } = await statfs(folder);
    return { free: bavail * bsize, device: `${type}:${blocks}:${bavail}` };
}

/** Whether the nodes fit into memory; those that run have theirs already. */
export async function checkMemory({ clusterName, settings, containers, mend }: Subject): Promise<CheckResult> {
    const needed = memoryOfNodes(settings)
        .filter((_, index) => settings.cluster === "vagrant" && !containers.includes(`${clusterName}-${index + 1}`))
        .reduce((sum, memory) => sum + memory, 0);
    const free = await availableMemory();
    const finding = memoryFinding(free, needed, mend);
    return {
        name: "memory",
        found: `${free} MiB free, ${needed} MiB needed`,
        wrong: finding ? [finding] : [],
    };
}

/** Whether there is room for what is still to be made; the same file system is counted once. */
export async function checkDisk({ settings, containers }: Subject): Promise<CheckResult> {
    await mkdir(cacheDirectory(), { recursive: true });
    const ownCluster = settings.cluster === "vagrant";
    const nodeImage = join("node-image", currentFile(settings.kubernetesVersion));
    const built = existsSync(join(cacheDirectory(), ownCluster ? nodeImage : "bin/pulumi"));
    const info = await tryCommand(["docker", "info", "--format", "{{.DockerRootDir}}"], { timeout: 10000 });
    const dockerRoot = info.code === 0 && existsSync(info.stdout.trim()) ? info.stdout.trim() : "/var/lib/docker";
    // Building Pulumi and Kubernetes from source takes about this much (measured), Pulumi alone less, the images that.
    const needs = [
        { path: cacheDirectory(), needed: (built ? 1 : ownCluster ? 16 : 6) * GiB },
        { path: dockerRoot, needed: (containers.length > 0 ? 2 : 8) * GiB },
    ];
    const disks = new Map<string, DiskRoom>();
    for (const { path, needed } of needs) {
        const { free, device } = await freeBytes(path);
        const same = disks.get(device);
        disks.set(device, { path: same?.path ?? path, free, needed: (same?.needed ?? 0) + needed });
    }
    const rooms = [...disks.values()];
    return {
        name: "disk",
        found: rooms
            .map(
                ({ path, free, needed }) =>
                    `${shortPath(path)}: ${Math.floor(free / GiB)} GiB free, ${needed / GiB} needed`,
            )
            .join("; "),
        wrong: rooms.map(diskFinding).filter((finding) => finding !== undefined),
    };
}
