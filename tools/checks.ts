import { existsSync, readFileSync } from "node:fs";
import { mkdir, readFile, statfs } from "node:fs/promises";
import { freemem, homedir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import type { Settings } from "../components/settings/schema";
import { tryCommand } from "./command";
import { cacheDirectory, root, shortPath, stateDirectory } from "./directories";
import { portHolder } from "../machine/ports";
import { project } from "./stack";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;

/**
 * A stack's configuration as the engine would hand it to the program, from the text of Pulumi.<stack>.yaml. Encrypted
 * values can't be read without the engine: each is `(encrypted)`.
 */
export function rawConfiguration(text: string): { raw: Record<string, string>; secretKeys: string[] } {
    const { config } = (parse(text) ?? {}) as { config?: Record<string, unknown> };
    const raw: Record<string, string> = {};
    const secretKeys: string[] = [];
    for (const [key, value] of Object.entries(config ?? {})) {
        const name = key.includes(":") ? key : `${project}:${key}`;
        let secret = false;
        const open = (part: unknown): unknown => {
            if (Array.isArray(part)) {
                return part.map(open);
            }
            if (typeof part !== "object" || part === null) {
                return part;
            }
            if ("secure" in part && Object.keys(part).length === 1) {
                secret = true;
                return "(encrypted)";
            }
            return Object.fromEntries(Object.entries(part).map(([child, inner]) => [child, open(inner)]));
        };
        const opened = open(value);
        raw[name] = typeof opened === "string" ? opened : JSON.stringify(opened);
        if (secret) {
            secretKeys.push(name);
        }
    }
    return { raw, secretKeys };
}

/** The settings of a stack, or what is wrong with them. */
export async function readSettings(stack: string): Promise<{ settings: Settings } | { problem: string }> {
    const file = join(root, `Pulumi.${stack}.yaml`);
    const text = existsSync(file) ? await readFile(file, "utf8") : "";
    let configuration;
    try {
        configuration = rawConfiguration(text);
    } catch (error) {
        return { problem: `Pulumi.${stack}.yaml is no valid YAML: ${(error as Error).message}` };
    }
    // It brings the Pulumi SDK with it, which takes a second to load.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is needed
    const { parseSettings } = require("../components/settings/parse") as typeof import("../components/settings/parse");
    try {
        const settings = parseSettings(configuration.raw, configuration.secretKeys, {
            project,
            hostMemory: Math.floor(totalmem() / MiB),
            readFile: (path) => readFileSync(resolve(root, path.replace(/^~(?=\/)/, homedir())), "utf8"),
        });
        return { settings };
    } catch (error) {
        return { problem: (error as Error).message.trim() };
    }
}

/** A port that has to be free on this machine. */
export interface WantedPort {
    port: number;
    /** The setting that moves it, without the project's name. */
    setting: string;
}

/** The ports of this machine that a cluster with these settings takes. */
export function wantedPorts(settings: Settings): WantedPort[] {
    const { taurus, support } = settings;
    if (settings.cluster === "existing") {
        return [];
    }
    return [
        { setting: "apiPort", port: settings.apiPort, wanted: true },
        { setting: "registryPort", port: settings.registryPort, wanted: settings.registry === undefined },
        { setting: "taurus.httpsPort", port: taurus.httpsPort, wanted: taurus.expose },
        { setting: "taurus.supervisorPort", port: taurus.supervisorPort, wanted: taurus.expose },
        { setting: "taurus.metricsPort", port: taurus.metricsPort, wanted: taurus.expose },
        { setting: "support.mysql.port", port: support.mysql.port, wanted: support.mysql.expose },
        {
            setting: "support.rabbitmq.managementPort",
            port: support.rabbitmq.managementPort,
            wanted: support.rabbitmq.expose,
        },
        { setting: "support.dynamodb.port", port: support.dynamodb.port, wanted: support.dynamodb.expose },
    ]
        .filter((entry) => entry.wanted)
        .map(({ setting, port }) => ({ setting, port }));
}

/** How to change a setting: by the engine once it is there, and by hand before. */
export function mend(setting: string, value: number, stack: string, hasEngine: boolean): string {
    const path = setting.includes(".") ? "--path " : "";
    return hasEngine
        ? `source env && pulumi config set ${path}${setting} ${value}`
        : `a line \`  ${project}:${setting}: ${value}\` under \`config:\` in Pulumi.${stack}.yaml`;
}

/** What a machine has to spare. */
export interface Room {
    /** MiB that programs can get without anything being swapped out. */
    memory: number;
    /** MiB that the cluster may use; counted only when it does not run yet. */
    neededMemory: number;
    /** Free bytes by file system, and what is needed there. */
    disks: { path: string; free: number; needed: number }[];
}

/** What there is too little of, each with what to do. */
export function roomProblems(room: Room, mendSetting: (setting: string, value: number) => string): string[] {
    const problems: string[] = [];
    if (room.memory < room.neededMemory) {
        const fits = Math.floor((room.memory - 512) / 256) * 256;
        problems.push(
            `Too little memory: ${room.memory} MiB are free, and the node takes up to ${room.neededMemory} MiB. ` +
                (fits >= 2048
                    ? `Close something, or make the node smaller: ${mendSetting("memory", fits)}`
                    : "Close something: a node takes at least 2048 MiB."),
        );
    }
    for (const disk of room.disks.filter(({ free, needed }) => free < needed)) {
        problems.push(
            `Too little disk: ${(disk.free / GiB).toFixed(1)} GiB are free at ${shortPath(disk.path)}, and about ${Math.ceil(disk.needed / GiB)} GiB are needed. ` +
                "Free some (`docker system prune` is one way), or point XDG_CACHE_HOME to another disk.",
        );
    }
    return problems;
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

/** The room that a run needs, by what is still to be made; the same file system is counted once. */
async function measureRoom(memory: number, running: boolean): Promise<Room> {
    await mkdir(cacheDirectory(), { recursive: true });
    const built = existsSync(join(cacheDirectory(), "node-image", "current.json"));
    const info = await tryCommand(["docker", "info", "--format", "{{.DockerRootDir}}"], { timeout: 10000 });
    const dockerRoot = info.code === 0 && existsSync(info.stdout.trim()) ? info.stdout.trim() : "/var/lib/docker";
    // Building Pulumi and Kubernetes from source takes about this much (measured), and the images about that.
    const needs = [
        { path: cacheDirectory(), needed: (built ? 1 : 16) * GiB },
        { path: dockerRoot, needed: (running ? 2 : 8) * GiB },
    ];
    const disks = new Map<string, Room["disks"][number]>();
    for (const { path, needed } of needs) {
        const { free, device } = await freeBytes(path);
        const same = disks.get(device);
        disks.set(device, { path: same?.path ?? path, free, needed: (same?.needed ?? 0) + needed });
    }
    return { memory: await availableMemory(), neededMemory: running ? 0 : memory, disks: [...disks.values()] };
}

/** Everything that would keep this stack's cluster from running here, found before anything is started. */
export async function checkMachine(stack: string): Promise<string[]> {
    const read = await readSettings(stack);
    if ("problem" in read) {
        return [read.problem];
    }
    const { settings } = read;
    const cluster = `${project}-${stack}`;
    const own = await tryCommand(["docker", "ps", "--filter", `name=^${cluster}-[0-9]+$`, "--format", "{{.Names}}"], {
        timeout: 10000,
    });
    const ownContainers = own.stdout.split("\n").filter((name) => name !== "");
    const hasEngine = existsSync(join(cacheDirectory(), "bin", "pulumi"));
    const mendSetting = (setting: string, value: number) => mend(setting, value, stack, hasEngine);
    const problems = roomProblems(await measureRoom(settings.memory, ownContainers.length > 0), mendSetting);
    const ownPorts = await publishedPorts(ownContainers);
    for (const { port, setting } of wantedPorts(settings)) {
        const holder = ownPorts.has(port) ? undefined : await portHolder(settings.hostAddress, port);
        if (holder !== undefined && !isForwarder(holder, cluster)) {
            const other = port < 1024 ? port + 8000 : port < 55000 ? port + 10000 : port - 10000;
            problems.push(
                `Port ${port} (setting ${setting}) is taken by ${holder}. Stop that, or take another port: ` +
                    mendSetting(setting, other),
            );
        }
    }
    return problems;
}

/** The ports of this machine that these containers publish. */
async function publishedPorts(containers: readonly string[]): Promise<Set<number>> {
    if (containers.length === 0) {
        return new Set();
    }
    const format = "{{range $ports := .NetworkSettings.Ports}}{{range $ports}}{{.HostPort}} {{end}}{{end}}";
    const { stdout } = await tryCommand(["docker", "inspect", "--format", format, ...containers], { timeout: 10000 });
    return new Set(stdout.split(/\s+/).filter(Boolean).map(Number));
}

/** Whether it is one of the programs by which Vagrant forwards the ports of virtual machines, for our own machine. */
function isForwarder(holder: string, cluster: string): boolean {
    return (
        /\((\S*\/)?(ssh|VBoxHeadless) /.test(holder) &&
        existsSync(join(stateDirectory(), "machines", cluster, ".vagrant"))
    );
}
