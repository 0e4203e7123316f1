import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { currentFile, defaultKubernetes } from "../node-image/kubernetes-versions";
import { dockerProblem } from "./docker";
import { MachineError } from "./errors";
import { cacheDirectory } from "./folder";
import { kvmProblem, libvirtProblem } from "./libvirt";
import { hasLibvirtPlugin, vagrantProblem } from "./vagrant";

export type Provider = "docker" | "libvirt" | "virtualbox";
export type VirtualProvider = Exclude<Provider, "docker">;

/** A node image in its several shapes, as it is noted in `<cache>/node-image` when it is built. */
export interface NodeImage {
    dockerImage?: string;
    /** Paths of Vagrant boxes. */
    libvirtBox?: string;
    virtualboxBox?: string;
}

/** What there is of the node image for a version of Kubernetes. */
export function nodeImage(kubernetes: string = defaultKubernetes): NodeImage {
    const file = path.join(cacheDirectory(), "node-image", currentFile(kubernetes));
    let image: NodeImage = {};
    if (fs.existsSync(file)) {
        try {
            image = JSON.parse(fs.readFileSync(file, "utf8")) as NodeImage;
        } catch {
            throw new MachineError(`${file} is damaged: remove it and run \`npm run up\``);
        }
    }
    return process.env.NTA_NODE_IMAGE === undefined ? image : { ...image, dockerImage: process.env.NTA_NODE_IMAGE };
}

/**
 * What a provider makes nodes with a version of Kubernetes from: an image's name or a box's path. Undefined before it is
 * made.
 */
export function imageFor(provider: Provider, kubernetes: string): string | undefined {
    const image = nodeImage(kubernetes);
    if (provider === "docker") {
        return image.dockerImage;
    }
    const box = image[`${provider}Box`];
    return box !== undefined && fs.existsSync(box) ? box : undefined;
}

/** The newest box for a provider with a version of Kubernetes. Throws when there is none. */
export function boxOf(provider: VirtualProvider, kubernetes: string): string {
    const box = imageFor(provider, kubernetes);
    if (box === undefined) {
        throw new MachineError(
            `the node image with Kubernetes ${kubernetes} has not been built as a box for ${provider}: run \`npm run box\``,
        );
    }
    return box;
}

function onPath(program: string): boolean {
    return (process.env.PATH ?? "")
        .split(path.delimiter)
        .some((directory) => fs.existsSync(path.join(directory, program)));
}

/** What this machine can do with a provider. */
export interface Ability {
    /** Why it can't run machines at all. */
    problem?: string;
    /** Why they would be many times slower than they should. */
    slow?: string;
}

async function virtualboxAbility(): Promise<Ability> {
    if (!onPath("VBoxManage")) {
        return { problem: "VirtualBox is not installed (no `VBoxManage` command)" };
    }
    if (process.platform === "linux" && !fs.existsSync("/dev/vboxdrv")) {
        return { problem: "VirtualBox's kernel module is not loaded (no /dev/vboxdrv)" };
    }
    return {};
}

/**
 * What to say of several emulated machines on too few processors, if anything. Measured with libvirt's QEMU on two: the
 * first machine's Kubernetes, at rest, takes 1.7 of them, so that a second one could join in some runs only.
 */
export function crowded(nodes: number, processors: number): string | undefined {
    const needed = 2 * nodes;
    return nodes === 1 || processors >= needed
        ? undefined
        : `each machine keeps up to two processors busy, so ${nodes} need ${needed}, and this machine has ${processors}: ` +
              "the cluster may never get healthy";
}

async function libvirtAbility(nodes: number): Promise<Ability> {
    if (!onPath("virsh")) {
        return { problem: "libvirt is not installed (no `virsh` command)" };
    }
    const silent = await libvirtProblem();
    if (silent !== undefined) {
        return { problem: silent };
    }
    if (!(await hasLibvirtPlugin())) {
        return { problem: "Vagrant's libvirt plugin is not installed" };
    }
    const kvm = await kvmProblem();
    if (kvm === undefined) {
        return {};
    }
    const emulated = `processors are emulated, because ${kvm}`;
    return { slow: [emulated, crowded(nodes, os.availableParallelism())].filter((words) => words).join("; ") };
}

const abilities: Record<Provider, (nodes: number) => Promise<Ability>> = {
    virtualbox: virtualboxAbility,
    libvirt: libvirtAbility,
    docker: async () => ({ problem: await dockerProblem() }),
};

/** What this machine can do with a provider for a number of nodes, whether or not a box has been built for it. */
export async function providerAbility(provider: Provider, nodes: number): Promise<Ability> {
    // Each is behind a NAT of its own, with the same address as the others.
    if (provider === "virtualbox" && nodes > 1) {
        return { problem: `VirtualBox's machines can't reach one another, and nodes is ${nodes}` };
    }
    const vagrant = await vagrantProblem();
    return vagrant === undefined ? abilities[provider](nodes) : { problem: vagrant };
}

/**
 * The provider to use for a number of nodes: the one asked for, or the first of virtualbox, libvirt and docker that this
 * machine can really run. One that has to emulate processors is taken only when it is asked for or nothing else works. An
 * error says why not the others.
 */
export async function chooseProvider(
    wanted: "auto" | Provider,
    nodes: number,
    note: (line: string) => void,
    ability: typeof providerAbility = providerAbility,
): Promise<Provider> {
    if (wanted !== "auto") {
        const { problem, slow } = await ability(wanted, nodes);
        if (problem !== undefined) {
            throw new MachineError(
                `the provider ${wanted} can't be used on this machine: ${problem}; ` +
                    "`pulumi config set nta:provider auto` takes one that can",
            );
        }
        if (slow !== undefined) {
            note(`provider ${wanted} is slow here: ${slow}. A cluster takes about ten minutes`);
        }
        return wanted;
    }
    const reasons: string[] = [];
    let slowOne: Provider | undefined;
    for (const provider of ["virtualbox", "libvirt", "docker"] as const) {
        const { problem, slow } = await ability(provider, nodes);
        if (problem === undefined && slow === undefined) {
            note(`provider ${provider}${reasons.length > 0 ? ` (${reasons.join("; ")})` : ""}`);
            return provider;
        }
        if (problem === undefined) {
            slowOne ??= provider;
        }
        reasons.push(`not ${provider}: ${problem ?? slow}`);
    }
    if (slowOne !== undefined) {
        note(`provider ${slowOne}, which is slow here (${reasons.join("; ")})`);
        return slowOne;
    }
    throw new MachineError(`this machine can run none of Vagrant's providers:\n  ${reasons.join("\n  ")}`);
}
