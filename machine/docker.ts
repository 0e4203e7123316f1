import * as crypto from "node:crypto";
import * as fs from "node:fs";
import { MachineError } from "./errors";
import type { ExecuteOptions } from "./nodes";
import { type Result, run, RunOptions } from "./process";
import { ForwardedPort, MachineSpec } from "./spec";

/** On everything that belongs to a cluster, so that it is found without any record of it. */
export const clusterLabel = "nta.cluster";
const configLabel = "nta.config";

/** What outlives a container: name of the volume after the node's, and where it is mounted. */
const volumes: Record<string, string> = {
    containerd: "/var/lib/containerd",
    etcd: "/var/lib/etcd",
    kubelet: "/var/lib/kubelet",
    kubernetes: "/etc/kubernetes",
    nta: "/var/lib/nta",
};

export interface Container {
    id: string;
    name: string;
    cluster?: string;
    /** Docker's own word: created, running, paused, restarting, exited, dead. */
    status: string;
    startedAt: string;
    exitCode: number;
    config?: string;
    cpus: number;
    /** MiB */
    memory: number;
    hostPorts: number[];
}

interface Inspected {
    Id: string;
    Name: string;
    Config: { Labels: Record<string, string> | null };
    State: { Status: string; StartedAt: string; ExitCode: number };
    HostConfig: {
        NanoCpus: number;
        Memory: number;
        PortBindings: Record<string, { HostPort: string }[] | null> | null;
    };
}

export async function docker(args: string[], options: RunOptions = {}): Promise<Result> {
    return run("docker", args, { timeoutMilliseconds: 120_000, ...options });
}

/** Runs docker and gives its standard output; a failure is an error in docker's own words. */
export async function need(args: string[], options: RunOptions = {}): Promise<string> {
    const result = await docker(args, options);
    if (result.code !== 0) {
        throw new MachineError(
            `docker ${args.slice(0, 2).join(" ")} failed: ${result.stderr.trim() || `exit code ${result.code}`}`,
        );
    }
    return result.stdout.trim();
}

/** Why the Docker engine can't be used; undefined when it can. */
export async function dockerProblem(): Promise<string | undefined> {
    // One that is not there refuses at once; one that is there may take many seconds on a machine under load.
    const result = await docker(["version", "--format", "{{.Server.Version}}"], { timeoutMilliseconds: 30_000 });
    if (result.code === 127) {
        return "there is no `docker` command";
    }
    if (result.code !== 0) {
        return `the Docker engine does not answer (${result.stderr.trim().split("\n").pop() ?? ""})`;
    }
    return undefined;
}

/** Processors, memory (MiB) and storage folder of the engine's machine. */
export async function dockerCapacity(): Promise<{ cpus: number; memory: number; root: string }> {
    const text = await need(["info", "--format", "{{.NCPU}} {{.MemTotal}} {{.DockerRootDir}}"]);
    const [cpus, memory, ...root] = text.split(" ");
    return { cpus: Number(cpus), memory: Math.floor(Number(memory) / 2 ** 20), root: root.join(" ") };
}

export async function imageExists(image: string): Promise<boolean> {
    return (await docker(["image", "inspect", "--format", "{{.Id}}", image])).code === 0;
}

/** Whether this machine lets a container have all rights; asked by starting one, because nothing else tells. */
export async function privilegedAllowed(image: string, cluster: string): Promise<boolean> {
    const label = `${clusterLabel}=${cluster}`;
    const result = await docker([
        "run",
        "--rm",
        "--privileged",
        "--label",
        label,
        "--network",
        "none",
        "--entrypoint",
        "/bin/true",
        image,
    ]);
    return result.code === 0;
}

/** The container of that name, whoever it belongs to. */
export async function container(name: string): Promise<Container | undefined> {
    const result = await docker(["container", "inspect", name]);
    if (result.code !== 0) {
        if (/no such container/i.test(result.stderr)) {
            return undefined;
        }
        throw new MachineError(`docker container inspect ${name} failed: ${result.stderr.trim()}`);
    }
    const [it] = JSON.parse(result.stdout) as Inspected[];
    const bindings = Object.values(it.HostConfig.PortBindings ?? {}).flatMap((binding) => binding ?? []);
    return {
        id: it.Id,
        name: it.Name.replace(/^\//, ""),
        cluster: it.Config.Labels?.[clusterLabel],
        status: it.State.Status,
        startedAt: it.State.StartedAt,
        exitCode: it.State.ExitCode,
        config: it.Config.Labels?.[configLabel],
        cpus: it.HostConfig.NanoCpus / 1e9,
        memory: it.HostConfig.Memory / 2 ** 20,
        hostPorts: bindings.map((binding) => Number(binding.HostPort)),
    };
}

function volumeNames(node: string): string[] {
    return Object.keys(volumes).map((name) => `${node}-${name}`);
}

/** Which of a node's volumes exist. */
export async function existingVolumes(node: string): Promise<string[]> {
    const names = (await need(["volume", "ls", "--quiet", "--filter", `name=${node}-`])).split("\n");
    return volumeNames(node).filter((name) => names.includes(name));
}

export async function createVolumes(cluster: string, node: string): Promise<void> {
    const existing = await existingVolumes(node);
    for (const name of volumeNames(node).filter((candidate) => !existing.includes(candidate))) {
        await need(["volume", "create", "--label", `${clusterLabel}=${cluster}`, name]);
    }
}

export interface ContainerArgs {
    cluster: string;
    name: string;
    image: string;
    address: string;
    privileged: boolean;
    cpus: number;
    memory: number;
    seed: string;
    ports: ForwardedPort[];
    hostAddress: string;
}

/** What Vagrant's docker provider hands to `docker run` for one node. */
export interface ContainerPlan {
    name: string;
    image: string;
    createArgs: string[];
    volumes: string[];
    /** `<host address>:<host port>:<port>` */
    ports: string[];
    /** Stands for everything that can't be changed in an existing container. */
    config: string;
}

// All that a node needs where `--privileged` itself is refused because the machine lacks CAP_SYS_RESOURCE.
const rightsWithoutPrivileged = [
    ["--cap-add", "ALL"],
    ["--cap-drop", "SYS_RESOURCE"],
    ["--security-opt", "seccomp=unconfined"],
    ["--security-opt", "apparmor=unconfined"],
    ["--security-opt", "systempaths=unconfined"],
    ["--device-cgroup-rule", "a *:* rwm"],
].flat();

export function containerPlan(args: ContainerArgs): ContainerPlan {
    const mounts = Object.entries(volumes).map(([name, path]) => `${args.name}-${name}:${path}`);
    mounts.push(`${args.seed}:/var/lib/cloud/seed/nocloud-net:ro`);
    if (fs.existsSync("/lib/modules")) {
        mounts.push("/lib/modules:/lib/modules:ro");
    }
    const fixed = [
        ...["--network", args.cluster, "--ip", args.address],
        ...["--label", `${clusterLabel}=${args.cluster}`],
        ...["--restart", "unless-stopped", "--cgroupns", "private", "--env", "container=docker"],
        ...["--tmpfs", "/run", "--tmpfs", "/tmp:exec"],
        ...(args.privileged ? ["--privileged"] : rightsWithoutPrivileged),
    ];
    const ports = args.ports.map(({ host, guest }) => `${args.hostAddress}:${host}:${guest}`).sort();
    const config = crypto
        .createHash("sha256")
        .update(JSON.stringify([fixed, mounts, ports]))
        .digest("hex")
        .slice(0, 16);
    const limits = ["--cpus", String(args.cpus), ...memoryArgs(args.memory)];
    const { name, image } = args;
    return {
        name,
        image,
        createArgs: [...fixed, "--label", `${configLabel}=${config}`, ...limits],
        volumes: mounts,
        ports,
        config,
    };
}

/** Makes a node's container as Vagrant's docker provider would, and gives its id. */
export async function createContainer({
    name,
    image,
    createArgs,
    volumes: mounts,
    ports,
}: ContainerPlan): Promise<string> {
    const options = [...mounts.flatMap((it) => ["--volume", it]), ...ports.flatMap((it) => ["--publish", it])];
    return need(["create", "--name", name, "--hostname", name, ...options, ...createArgs, image]);
}

export async function start(name: string): Promise<void> {
    await need(["start", name]);
}

function memoryArgs(memory: number): string[] {
    // The same figure for memory and swap together: a node never swaps.
    return ["--memory", `${memory}m`, "--memory-swap", `${memory}m`];
}

export async function updateLimits(name: string, cpus: number, memory: number): Promise<void> {
    await need(["update", "--cpus", String(cpus), ...memoryArgs(memory), name]);
}

/** Runs a shell command in a node. */
export async function execute(name: string, script: string, options: ExecuteOptions = {}): Promise<Result> {
    const { input, timeoutSeconds = 20, onLine } = options;
    const interactive = input === undefined ? [] : ["--interactive"];
    return docker(["exec", ...interactive, name, "sh", "-c", script], {
        input,
        timeoutMilliseconds: timeoutSeconds * 1000,
        onLine,
    });
}

export async function stop(name: string): Promise<void> {
    await need(["stop", "--time", "60", name], { timeoutMilliseconds: 90_000 });
}

export async function removeContainer(name: string): Promise<void> {
    await need(["rm", "--force", "--volumes", name]);
}

export async function unpause(name: string): Promise<void> {
    await need(["unpause", name]);
}

export async function removeVolumes(names: string[]): Promise<void> {
    if (names.length > 0) {
        await need(["volume", "rm", "--force", ...names]);
    }
}

/** The state of each container of a cluster in Docker's own word, by name. */
export async function clusterStates(cluster: string): Promise<Map<string, string>> {
    const filter = `label=${clusterLabel}=${cluster}`;
    const lines = (await need(["ps", "--all", "--filter", filter, "--format", "{{.Names}} {{.State}}"])).split("\n");
    return new Map(lines.filter((line) => line !== "").map((line) => line.split(" ") as [string, string]));
}

/** Names of all clusters that have containers. */
export async function allClusters(): Promise<string[]> {
    const format = `{{.Label "${clusterLabel}"}}`;
    const lines = (await need(["ps", "--all", "--filter", `label=${clusterLabel}`, "--format", format])).split("\n");
    return [...new Set(lines.filter((line) => line !== ""))];
}

/** The cluster's containers, volumes and network, found by their label. */
export async function belongings(
    cluster: string,
): Promise<{ containers: string[]; volumes: string[]; networks: string[] }> {
    const filter = ["--quiet", "--filter", `label=${clusterLabel}=${cluster}`];
    const list = async (args: string[]) => (await need(args)).split("\n").filter((line) => line !== "");
    // By name as well: Docker makes a missing volume itself, without a label, when a container asks for it.
    const named = new RegExp(`^${cluster}-[0-9]+-(${Object.keys(volumes).join("|")})$`);
    const allVolumes = await list(["volume", "ls", "--quiet"]);
    const labelled = await list(["volume", "ls", ...filter]);
    return {
        containers: await list(["ps", "--all", "--no-trunc", ...filter]),
        volumes: allVolumes.filter((name) => labelled.includes(name) || named.test(name)),
        networks: await list(["network", "ls", "--no-trunc", ...filter]),
    };
}

/** Removes everything that {@link belongings} finds, whatever state it is in; gives the number of removed things. */
export async function removeBelongings(cluster: string): Promise<number> {
    const { containers, volumes: volumeList, networks } = await belongings(cluster);
    const steps: [string[], string[]][] = [
        [["rm", "--force", "--volumes"], containers],
        [["volume", "rm", "--force"], volumeList],
        [["network", "rm"], networks],
    ];
    for (const [command, names] of steps) {
        if (names.length > 0) {
            const result = await docker([...command, ...names]);
            if (result.code !== 0 && !/no such|not found|already in progress/i.test(result.stderr)) {
                throw new MachineError(`docker ${command.join(" ")} failed: ${result.stderr.trim()}`);
            }
        }
    }
    return containers.length + volumeList.length + networks.length;
}

/** Where a running container's ports are published: `<port> <address>:<host port>` each. */
export async function publishedPorts(name: string): Promise<string[]> {
    const { stdout } = await docker(["port", name]);
    return [...stdout.matchAll(/^(\d+)\/tcp -> (\S+)$/gm)].map(([, port, address]) => `${port} ${address}`);
}

/** Which container publishes a port of the host. */
export async function containerPublishing(port: number): Promise<string | undefined> {
    const result = await docker(["ps", "--filter", `publish=${port}`, "--format", "{{.Names}}"], {
        timeoutMilliseconds: 5000,
    });
    return result.code === 0 ? result.stdout.trim().split("\n")[0] || undefined : undefined;
}

/** What a machine specification asks of one node's ports: all of them lead to the first node. */
export function portsOf(spec: MachineSpec, index: number): ForwardedPort[] {
    return index === 0 ? spec.ports : [];
}
