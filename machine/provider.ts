import * as fs from "node:fs";
import * as path from "node:path";
import { currentFile, defaultKubernetes } from "../node-image/kubernetes-versions";
import { dockerProblem } from "./docker";
import { MachineError } from "./errors";
import { cacheDirectory } from "./folder";
import { kvmProblem, virsh } from "./libvirt";
import { run } from "./process";
import { vagrantHome, vagrantProblem } from "./vagrant";

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

/** The newest box for a provider with a version of Kubernetes. Throws when there is none. */
export function boxOf(provider: VirtualProvider, kubernetes: string): string {
    const box = nodeImage(kubernetes)[`${provider}Box`];
    if (box === undefined || !fs.existsSync(box)) {
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

async function libvirtAbility(): Promise<Ability> {
    if (!onPath("virsh")) {
        return { problem: "libvirt is not installed (no `virsh` command)" };
    }
    const answer = await virsh("version");
    if (answer.code !== 0) {
        return { problem: `libvirt does not answer (${answer.stderr.trim().split("\n")[0]})` };
    }
    const plugins = await run("vagrant", ["plugin", "list"], {
        env: { ...process.env, VAGRANT_HOME: vagrantHome() },
        timeoutMilliseconds: 30_000,
    });
    if (!plugins.stdout.includes("vagrant-libvirt")) {
        return { problem: "Vagrant's libvirt plugin is not installed" };
    }
    const kvm = await kvmProblem();
    return { slow: kvm === undefined ? undefined : `processors are emulated, because ${kvm}` };
}

const abilities: Record<Provider, () => Promise<Ability>> = {
    virtualbox: virtualboxAbility,
    libvirt: libvirtAbility,
    docker: async () => ({ problem: await dockerProblem() }),
};

/** What this machine can do with a provider, whether or not a box has been built for it. */
export async function providerAbility(provider: Provider): Promise<Ability> {
    const vagrant = await vagrantProblem();
    return vagrant === undefined ? abilities[provider]() : { problem: vagrant };
}

/**
 * The provider to use: the one asked for, or the first of virtualbox, libvirt and docker that this machine can really run.
 * One that has to emulate processors is taken only when it is asked for or nothing else works. An error says why not the
 * others.
 */
export async function chooseProvider(
    wanted: "auto" | Provider,
    note: (line: string) => void,
    ability: (provider: Provider) => Promise<Ability> = providerAbility,
): Promise<Provider> {
    if (wanted !== "auto") {
        const { problem, slow } = await ability(wanted);
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
        const { problem, slow } = await ability(provider);
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
