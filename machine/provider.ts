import * as fs from "node:fs";
import * as path from "node:path";
import { dockerProblem } from "./docker";
import { MachineError } from "./errors";
import { cacheDirectory } from "./folder";
import { run } from "./process";
import { vagrantProblem } from "./vagrant";

export type Provider = "docker" | "libvirt" | "virtualbox";

/** The node image in its several shapes; `<cache>/node-image/current.json`, written when the image is built. */
export interface NodeImage {
    dockerImage?: string;
    /** Paths of Vagrant boxes. */
    libvirtBox?: string;
    virtualboxBox?: string;
}

export function nodeImage(): NodeImage {
    const file = path.join(cacheDirectory(), "node-image", "current.json");
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

function onPath(program: string): boolean {
    return (process.env.PATH ?? "")
        .split(path.delimiter)
        .some((directory) => fs.existsSync(path.join(directory, program)));
}

function missingBox(box: string | undefined): string | undefined {
    return box !== undefined && fs.existsSync(box) ? undefined : "the node image has not been built as a box for it";
}

async function virtualboxProblem(): Promise<string | undefined> {
    if (!onPath("VBoxManage")) {
        return "VirtualBox is not installed (no `VBoxManage` command)";
    }
    if (process.platform === "linux" && !fs.existsSync("/dev/vboxdrv")) {
        return "VirtualBox's kernel module is not loaded (no /dev/vboxdrv)";
    }
    return missingBox(nodeImage().virtualboxBox);
}

async function libvirtProblem(): Promise<string | undefined> {
    if (!onPath("virsh")) {
        return "libvirt is not installed (no `virsh` command)";
    }
    const answer = await run("virsh", ["--connect", "qemu:///system", "version"], { timeoutMilliseconds: 10_000 });
    if (answer.code !== 0) {
        return `libvirt does not answer (${answer.stderr.trim().split("\n")[0]})`;
    }
    const box = missingBox(nodeImage().libvirtBox);
    if (box !== undefined) {
        return box;
    }
    const plugins = await run("vagrant", ["plugin", "list"], { timeoutMilliseconds: 30_000 });
    return plugins.stdout.includes("vagrant-libvirt") ? undefined : "Vagrant's libvirt plugin is not installed";
}

const problems: Record<Provider, () => Promise<string | undefined>> = {
    virtualbox: virtualboxProblem,
    libvirt: libvirtProblem,
    docker: dockerProblem,
};

/** Why a provider can't run machines here; undefined when it can. */
export async function providerProblem(provider: Provider): Promise<string | undefined> {
    return (await vagrantProblem()) ?? (await problems[provider]());
}

/** The first provider that this machine can really run, or the one asked for; an error says why not the others. */
export async function chooseProvider(wanted: "auto" | Provider, note: (line: string) => void): Promise<Provider> {
    if (wanted !== "auto") {
        const problem = await providerProblem(wanted);
        if (problem !== undefined) {
            throw new MachineError(
                `the provider ${wanted} can't be used on this machine: ${problem}; ` +
                    "`pulumi config set nta:provider auto` takes one that can",
            );
        }
        return wanted;
    }
    const reasons: string[] = [];
    for (const provider of ["virtualbox", "libvirt", "docker"] as const) {
        const problem = await providerProblem(provider);
        if (problem === undefined) {
            note(`provider ${provider}${reasons.length > 0 ? ` (${reasons.join("; ")})` : ""}`);
            return provider;
        }
        reasons.push(`not ${provider}: ${problem}`);
    }
    throw new MachineError(`this machine can run none of Vagrant's providers:\n  ${reasons.join("\n  ")}`);
}
