/**
 * The node's root file system, made in containers so that it comes out the same on every host that has a Docker engine:
 *
 *   Debian base → system (Dockerfile: packages, files/) → programs and container images → rootfs.tar.gz
 *
 * It says nothing about what it will run as; docker/Dockerfile makes the Docker image from it.
 */
import { createReadStream, createWriteStream } from "node:fs";
import { join } from "node:path";
import { PassThrough, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { ensureDebianBase, imageExists } from "../images/base/debian-base";
import { command, tryCommand } from "../tools/command";
import { counted, drain, feed } from "../tools/pipe";
import { Problem } from "../tools/problem";
import { imageArchive, nodeImages, tar, withDirectories, type Programs } from "./images";
import type { Architecture } from "./program-set";
import versions from "./versions.json";

export type Progress = (line: string) => void;

/** Label of the containers that work on a root file system, so that an interrupted run's can be found. */
const workLabel = "nta.node-image=work";

/** The Docker engine's architecture. Throws a Problem when no engine answers or it is none that a node is built for. */
export async function engineArchitecture(): Promise<Architecture> {
    const { code, stdout, stderr } = await tryCommand(["docker", "version", "--format", "{{.Server.Arch}}"]);
    const architecture = stdout.trim();
    if (code !== 0) {
        throw new Problem(`no Docker engine answers, and the node image is made with one: ${stderr.trim()}`);
    }
    if (architecture !== "amd64" && architecture !== "arm64") {
        throw new Problem(`there is no node image for the Docker engine's architecture, ${architecture}`);
    }
    return architecture;
}

/** Builds an image from a Dockerfile, telling the steps. */
export async function dockerBuild(args: string[], what: string, progress: Progress): Promise<void> {
    await command(["docker", "build", "--force-rm", ...args], {
        onLine: (line) => {
            const text = line.trim();
            // apt's own lines say best what happens; Docker's hashes and escape sequences say nothing.
            if (/^(#\d+ [\d.]+ )?(Get:|Unpacking|Setting up|Processing|Step |\[)/.test(text)) {
                progress(`${what}: ${text.replace(/^#\d+ [\d.]+ /, "").slice(0, 100)}`);
            }
        },
    });
}

/** Removes containers that an interrupted run left. Only the holder of the lock may call this. */
async function removeWorkContainers(): Promise<void> {
    const { stdout } = await tryCommand(["docker", "ps", "--all", "--quiet", "--filter", `label=${workLabel}`]);
    const ids = stdout.split("\n").filter((id) => id !== "");
    if (ids.length > 0) {
        await tryCommand(["docker", "rm", "--force", "--volumes", ...ids]);
    }
}

/** Where programs go in the node itself; the rest of them is in the container images. */
const nodePrograms: Record<string, string> = {
    kubeadm: "usr/local/bin/kubeadm",
    kubelet: "usr/local/bin/kubelet",
    kubectl: "usr/local/bin/kubectl",
    "cni-flannel": "opt/cni/bin/flannel",
};

/** What makes one root file system. */
export interface RootfsArgs {
    /** Hexadecimal name of the result; images and containers on the way are named after it. */
    hash: string;
    architecture: Architecture;
    programs: Programs;
    /** The container images that lie in containerd's store. */
    images: ReturnType<typeof nodeImages>;
    /** Folder for what is made on the way. */
    work: string;
    /** The file that the root file system goes to, as a gzipped tar. */
    output: string;
    progress: Progress;
}

/** Makes the root file system, and leaves it in the engine as the image `nta-node-rootfs:<hash>` as well. */
export async function makeRootfs(args: RootfsArgs): Promise<void> {
    const { hash, architecture, programs, images, work, output, progress } = args;
    await removeWorkContainers();
    const base = `nta-node-base:${hash}`;
    const system = `nta-node-system:${hash}`;
    await ensureDebianBase({ ...versions.debian, tag: base, architecture, progress });
    if (!(await imageExists(system))) {
        progress("node system: installing Debian packages");
        const context = [
            "--file",
            join(__dirname, "Dockerfile"),
            "--build-arg",
            `BASE=${base}`,
            "--tag",
            system,
            __dirname,
        ];
        await dockerBuild(context, "node system", progress);
    }

    progress("container images: putting them together");
    const iptablesLayer = join(work, "iptables-layer.tar");
    const script = `${join(__dirname, "iptables-layer")}`;
    const { stdout: created } = await command([
        "docker",
        "create",
        "--label",
        workLabel,
        "--network",
        "none",
        system,
        "/tmp/iptables-layer",
    ]);
    await command(["docker", "cp", script, `${created.trim()}:/tmp/iptables-layer`]);
    await drain(["docker", "start", "--attach", created.trim()], (stream) =>
        pipeline(stream, createWriteStream(iptablesLayer)),
    );
    await command(["docker", "rm", created.trim()]);
    const archive = await imageArchive(images, architecture, iptablesLayer);

    // Unpacking layers takes bind mounts. On a plain engine --privileged gives the right to make them; these three
    // options do as well, and also work where the engine itself may not have every capability.
    const rights = [
        "--cap-add",
        "SYS_ADMIN",
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "apparmor=unconfined",
    ];
    const { stdout } = await command([
        "docker",
        "create",
        "--interactive",
        "--label",
        workLabel,
        "--network",
        "none",
        ...rights,
        system,
        "/tmp/bake-images",
        ...archive.layerDigests,
    ]);
    const container = stdout.trim();
    try {
        await command(["docker", "cp", join(__dirname, "bake-images"), `${container}:/tmp/bake-images`]);
        progress("node system: adding kubelet, kubeadm and kubectl");
        const entries = withDirectories(
            Object.entries(nodePrograms).map(([name, path]) => {
                const source = programs[name];
                if (source === undefined) {
                    throw new Error(`node image: no program "${name}"`);
                }
                return { path, mode: 0o755, content: { source } };
            }),
        );
        await feed(["docker", "cp", "-", `${container}:/`], Readable.from(tar(entries)));
        const total = Math.round(archive.size / 1e6);
        await feed(
            ["docker", "start", "--attach", "--interactive", container],
            counted(archive.stream, (megabytes) =>
                progress(`container images: importing, ${megabytes} of ${total} MB`),
            ),
        );
        progress("root file system: exporting");
        const tell = (megabytes: number) => progress(`root file system: packing, ${megabytes} MB so far`);
        await drain(["docker", "export", container], async (stream) => {
            // One pass: into the engine as an image, and packed into the file.
            const image = new PassThrough();
            const packed = new PassThrough();
            const split = async () => {
                for await (const chunk of counted(stream, tell).pipe(new PassThrough())) {
                    for (const target of [image, packed]) {
                        if (!target.write(chunk)) {
                            await new Promise((resolve) => target.once("drain", resolve));
                        }
                    }
                }
                image.end();
                packed.end();
            };
            await Promise.all([
                split(),
                feed(
                    ["docker", "import", "--platform", `linux/${architecture}`, "-", `nta-node-rootfs:${hash}`],
                    image,
                ),
                pipeline(packed, createGzip({ level: 1 }), createWriteStream(output)),
            ]);
        });
    } finally {
        await tryCommand(["docker", "rm", "--force", "--volumes", container]);
    }
    // Untagged only once nothing is missing; an interrupted run goes on from them.
    await tryCommand(["docker", "rmi", system, base]);
}

/** Loads a root file system from its file into the engine, unless it is there. @returns the image */
export async function ensureRootfsImage(
    hash: string,
    architecture: Architecture,
    rootfs: string,
    progress: Progress,
): Promise<string> {
    const image = `nta-node-rootfs:${hash}`;
    if (!(await imageExists(image))) {
        progress("Docker image: loading the root file system");
        const tell = (megabytes: number) =>
            progress(`Docker image: loading the root file system, ${megabytes} MB so far`);
        await feed(
            ["docker", "import", "--platform", `linux/${architecture}`, "-", image],
            counted(createReadStream(rootfs), tell),
        );
    }
    return image;
}

/** Makes the Docker image from a root file system. */
export async function makeDockerImage(
    image: string,
    hash: string,
    architecture: Architecture,
    rootfs: string,
    progress: Progress,
): Promise<void> {
    const source = await ensureRootfsImage(hash, architecture, rootfs, progress);
    progress("Docker image: building");
    await dockerBuild(
        ["--build-arg", `ROOTFS=${source}`, "--tag", image, join(__dirname, "docker")],
        "Docker image",
        progress,
    );
    await tryCommand(["docker", "rmi", source]);
}
