/**
 * The node's root file system as the disk of a virtual machine, made in containers and without loop devices or mounts:
 *
 *   rootfs → system (box/system: kernel, network, Vagrant's account) → disk.raw (box/disk) → qcow2, vmdk → boxes
 */
import { join } from "node:path";
import { Readable } from "node:stream";
import { ensureDebianBase } from "../images/base/debian-base";
import { command, tryCommand } from "../tools/command";
import { counted, drain, feed } from "../tools/pipe";
import { boxMetadata, boxOvf, boxVagrantfile, diskGiB, imageName, virtualboxDiskGiB } from "./box-files";
import type { BoxProvider } from "./boxes";
import { tar, type TarEntry } from "./images";
import { dockerBuild, ensureRootfsImage, type Progress } from "./rootfs";
import versions from "./versions.json";

/** Label of the containers that work on a disk, so that an interrupted run's can be found. */
const workLabel = "nta.node-image=box";

/**
 * The public half of the key that Vagrant's boxes are born with, from its repository (keys/vagrant.pub). Not a secret:
 * `vagrant up` replaces it.
 */
const vagrantKey =
    "ssh-rsa AAAAB3NzaC1yc2EAAAABIwAAAQEA6NF8iallvQVp22WDkTkyrtvp9eWW6A8YVr+kz4TjGYe7gHzIw+niNltGEFHzD8+v1I2YJ6oXevct1" +
    "YeS0o9HZyN1Q9qgCgzUFtdOKLv6IedplqoPkcmF0aYet2PkEDo3MlTBckFXPITAMzF8dJSIFo9D8HfdOV0IAdx4O7PtixWKn5y2hMNG0zQPyUecp" +
    "4pzC6kivAIhyfHilFR61RGL+GPXQ2MWZWFYbAGjyiYJnAmCP3NOTd0jMZEnDkbUvxhMmBYSdETk1rRgm+R4LOzFUGaHqHDLKLX+FIPKcF96hrucX" +
    "zcWyLbIbEgE98OHlnVYCzRdK8jlqm8tehUc9c9WhQ== vagrant insecure public key";

/** How the raw disk becomes each provider's image. */
const conversions: Record<BoxProvider, { giB: number; options: string[] }> = {
    libvirt: { giB: diskGiB, options: ["-c", "-O", "qcow2", "-o", "compression_type=zstd"] },
    virtualbox: {
        giB: virtualboxDiskGiB,
        options: ["-O", "vmdk", "-o", "subformat=streamOptimized,adapter_type=ide"],
    },
};

export interface BoxDiskArgs {
    /** Hexadecimal name of what the disk is made from. */
    hash: string;
    rootfs: { hash: string; file: string };
    progress: Progress;
}

/** A workshop for boxes: a container with the node's disk in it, made when the first box is asked for. */
export class BoxDisk {
    private container?: string;

    constructor(private readonly args: BoxDiskArgs) {}

    /** Makes a provider's box, verifies its disk and writes it to a file. */
    async writeBox(provider: BoxProvider, file: string): Promise<void> {
        const { progress } = this.args;
        this.container ??= await this.makeDisk();
        const folder = `/work/${provider}`;
        const image = `${folder}/${imageName[provider]}`;
        const { giB, options } = conversions[provider];
        await this.inside(["mkdir", "-p", folder]);
        await this.inside(["truncate", "-s", `${giB}G`, "/work/disk.raw"]);
        await this.inside(
            ["qemu-img", "convert", "-p", "-m", "8", "-W", "-f", "raw", ...options, "/work/disk.raw", image],
            `${provider} box: compressing the disk`,
        );
        await this.inside(["/usr/lib/nta/verify-disk", image], `${provider} box: verifying the disk`);
        const size = Number(await this.inside(["stat", "-c", "%s", image]));
        const text = (name: string, content: string): TarEntry => ({
            name,
            mode: 0o644,
            content: Buffer.from(content),
        });
        const entries = [
            text("metadata.json", boxMetadata(provider)),
            text("Vagrantfile", boxVagrantfile()),
            ...(provider === "virtualbox" ? [text("box.ovf", boxOvf(size))] : []),
        ];
        await feed(["docker", "cp", "-", `${this.container}:${folder}`], Readable.from(tar(entries)));
        progress(`${provider} box: packing ${Math.round(size / 1e6)} MB`);
        // The image is compressed already. What describes a box comes first in it.
        const names = entries.map(({ name }) => name);
        await this.inside(["tar", "-cf", "/work/box", "-C", folder, ...names, imageName[provider]]);
        await command(["docker", "cp", `${this.container}:/work/box`, file]);
        await this.inside(["rm", "-rf", folder, "/work/box"]);
    }

    /** Removes the container; images stay in Docker's build cache. */
    async close(): Promise<void> {
        if (this.container !== undefined) {
            await tryCommand(["docker", "rm", "--force", "--volumes", this.container]);
            this.container = undefined;
        }
    }

    private async makeDisk(): Promise<string> {
        const { hash, rootfs, progress } = this.args;
        await removeWorkContainers();
        const base = `nta-debian-base:${versions.debian.suite}-amd64`;
        const source = await ensureRootfsImage(rootfs.hash, "amd64", rootfs.file, progress);
        const [system, tools] = [`nta-box-system:${hash}`, `nta-box-tools:${hash}`];
        progress("box: installing kernel, network and Vagrant's account");
        await dockerBuild(
            ["--build-arg", `ROOTFS=${source}`, "--build-arg", `VAGRANT_KEY=${vagrantKey}`, "--tag", system].concat(
                join(__dirname, "box", "system"),
            ),
            "box",
            progress,
        );
        await ensureDebianBase({ ...versions.debian, tag: base, architecture: "amd64", progress });
        progress("disk tools: installing Debian packages");
        await dockerBuild(
            ["--build-arg", `BASE=${base}`, "--tag", tools, join(__dirname, "box", "disk")],
            "disk tools",
            progress,
        );

        const create = async (...args: string[]) =>
            (await command(["docker", "create", "--label", workLabel, "--network", "none", ...args])).stdout.trim();
        const container = await create("--volume", "/work", tools, "sleep", "infinity");
        this.container = container;
        await command(["docker", "start", container]);
        await this.inside(["mkdir", "/work/root"]);
        const copy = await create(system, "true");
        const tell = (megabytes: number) => progress(`disk: copying the root file system, ${megabytes} MB so far`);
        await drain(["docker", "export", copy], (stream) =>
            feed(
                [
                    "docker",
                    "exec",
                    "-i",
                    container,
                    "tar",
                    "-x",
                    "--numeric-owner",
                    "--xattrs",
                    "--xattrs-include=*",
                ].concat("-C", "/work/root") as [string, ...string[]],
                counted(stream, tell),
            ),
        );
        await tryCommand(["docker", "rm", "--force", copy]);
        await this.inside(["/usr/lib/nta/make-disk", "/work"], "disk");
        await this.inside(["rm", "-rf", "/work/root"]);
        for (const image of [system, tools, source]) {
            await tryCommand(["docker", "rmi", image]);
        }
        return container;
    }

    /** Runs a program in the container, telling its lines; gives what it wrote. */
    private async inside(line: string[], what?: string): Promise<string> {
        if (this.container === undefined) {
            throw new Error("no container to make a disk in");
        }
        const onLine = (text: string) =>
            what === undefined ? undefined : this.args.progress(`${what}: ${text.trim()}`);
        return (await command(["docker", "exec", this.container, ...line], { onLine })).stdout;
    }
}

/** Removes containers that an interrupted run left. Only the holder of the lock may come here. */
async function removeWorkContainers(): Promise<void> {
    const { stdout } = await tryCommand(["docker", "ps", "--all", "--quiet", "--filter", `label=${workLabel}`]);
    const ids = stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) {
        await tryCommand(["docker", "rm", "--force", "--volumes", ...ids]);
    }
}
