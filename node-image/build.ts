/**
 * Makes the node image: `ts-node node-image/build.ts [version of Kubernetes]`, or `ensureNodeImage` from the tools.
 *
 * What it is made from is in this folder: versions.json (what), modules/ (pinned Go sources), Dockerfile and files/ (the
 * system), docker/ (what a container needs besides). The cache `<cache>/node-image` holds the programs, the root file
 * system and current.json, which names the result. Other versions of Kubernetes than the default have files of their own
 * beside these (kubernetes-versions.ts), and nothing is made of them before they are asked for.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ensureArtifact } from "../tools/artifact";
import { tryCommand } from "../tools/command";
import { cacheDirectory } from "../tools/directories";
import { waitForLock } from "../tools/lock.cjs";
import { runMain } from "../tools/problem";
import { formatDuration, paced } from "../tools/progress";
import { nodeImages } from "./images";
import { digestOfFiles } from "./inputs";
import { currentFile, defaultKubernetes, kubernetesVersions, versionsOf } from "./kubernetes-versions";
import { setKey, type Architecture } from "./program-set";
import { ensurePrograms, programSets } from "./programs";
import { imageExists } from "../images/base/debian-base";
import { engineArchitecture, makeDockerImage, makeRootfs, type Progress } from "./rootfs";

/** Contents of `<cache>/node-image/current.json`, and of its like for another version of Kubernetes. */
export interface CurrentNodeImage {
    /** Image in the Docker engine. */
    dockerImage: string;
    /** Path of the root file system, a gzipped tar. */
    rootfs: string;
    architecture: Architecture;
    /** Paths of the boxes for virtual machines that were made of this root file system. */
    libvirtBox?: string;
    virtualboxBox?: string;
}

export interface NodeImageOptions {
    /** The cache directory; everything goes below `node-image` in it. */
    cache: string;
    /** Told what is going on, at least every 10 s while something is. */
    progress: Progress;
    /** Version of Kubernetes, one of those that kubernetes-versions.ts knows. */
    kubernetes?: string;
    /** A folder with ready programs to take instead of downloading or building them, where it has all of a set. */
    programs?: string;
}

/** What the root file system and the Docker image are made from, as hexadecimal names. */
export function hashes(
    architecture: Architecture,
    kubernetes: string = defaultKubernetes,
): { rootfs: string; image: string } {
    const versions = versionsOf(kubernetes);
    const sets = programSets(architecture, versions);
    const names = Object.fromEntries(sets.flatMap((set) => Object.keys(set.packages)).map((name) => [name, name]));
    const rootfs = createHash("sha256")
        .update(
            JSON.stringify([
                architecture,
                versions,
                sets.map((set) => setKey(set, architecture)),
                nodeImages(versions.images, names),
                digestOfFiles(__dirname, ["Dockerfile", "bake-images", "files", "iptables-layer"]),
            ]),
        )
        .digest("hex")
        .slice(0, 12);
    const image = createHash("sha256")
        .update(JSON.stringify([rootfs, digestOfFiles(__dirname, ["docker"])]))
        .digest("hex")
        .slice(0, 12);
    return { rootfs, image };
}

/** current.json in the node image's folder; empty when it is missing or damaged, because then it is written anew. */
export async function readCurrent(directory: string, kubernetes: string): Promise<Partial<CurrentNodeImage>> {
    try {
        const text = await readFile(join(directory, currentFile(kubernetes)), "utf8");
        return JSON.parse(text) as Partial<CurrentNodeImage>;
    } catch {
        return {};
    }
}

/** Changes some of current.json, in one step. Only the holder of the lock may call this. */
export async function changeCurrent(
    directory: string,
    kubernetes: string,
    change: Partial<CurrentNodeImage>,
): Promise<void> {
    const file = join(directory, currentFile(kubernetes));
    const next = { ...(await readCurrent(directory, kubernetes)), ...change };
    await writeFile(`${file}.new`, `${JSON.stringify(next, undefined, 4)}\n`);
    await rename(`${file}.new`, file);
}

/**
 * Sees to it that the node image is in the Docker engine, and the root file system in the cache. Takes under a second
 * when they are. Interrupted work is gone on with; a second run waits for the first.
 *
 * @returns the image, `nta-node:<hash of what it is made from>`
 */
export async function ensureNodeImage({
    cache,
    progress,
    kubernetes = defaultKubernetes,
    programs: given,
}: NodeImageOptions): Promise<string> {
    const directory = join(cache, "node-image");
    const architecture = await engineArchitecture();
    const hash = hashes(architecture, kubernetes);
    const dockerImage = `nta-node:${hash.image}`;
    const folder = join(directory, `rootfs-${hash.rootfs}`);
    const rootfs = join(folder, "rootfs.tar.gz");
    const current = await readCurrent(directory, kubernetes);
    if (current.dockerImage === dockerImage && current.rootfs === rootfs && (await imageExists(dockerImage))) {
        return dockerImage;
    }

    await mkdir(directory, { recursive: true });
    const release = await waitForLock(join(directory, "lock"), "making the node image", (holder) =>
        progress(`waiting for process ${holder.pid}, which is ${holder.purpose} since ${holder.since}`),
    );
    try {
        // The root file system alone may be there still when the engine lost its images.
        const work = join(directory, "work");
        await ensureArtifact(
            folder,
            async (into) => {
                const versions = versionsOf(kubernetes);
                const sets = programSets(architecture, versions);
                const programs = await ensurePrograms(sets, architecture, { directory, progress, given });
                await rm(work, { recursive: true, force: true });
                await mkdir(work, { recursive: true });
                await makeRootfs({
                    hash: hash.rootfs,
                    architecture,
                    programs,
                    images: nodeImages(versions.images, programs),
                    work,
                    output: join(into, "rootfs.tar.gz"),
                    progress,
                });
                await rm(work, { recursive: true, force: true });
            },
            (what) => progress(what),
        );
        if (!(await imageExists(dockerImage))) {
            await makeDockerImage(dockerImage, hash.rootfs, architecture, rootfs, progress);
        }
        await tryCommand(["docker", "rmi", `nta-node-rootfs:${hash.rootfs}`]);
        // Boxes made from another root file system are no longer this node image's.
        const boxes = current.rootfs === rootfs ? {} : { libvirtBox: undefined, virtualboxBox: undefined };
        await changeCurrent(directory, kubernetes, { ...boxes, dockerImage, rootfs, architecture });
        const known = kubernetesVersions.map((version) => `rootfs-${hashes(architecture, version).rootfs}`);
        for (const entry of await readdir(directory)) {
            if (/^rootfs-[0-9a-f]{12}(\.partial)?$/.test(entry) && !known.includes(entry)) {
                await rm(join(directory, entry), { recursive: true, force: true });
            }
        }
        return dockerImage;
    } finally {
        release();
    }
}

async function main(): Promise<void> {
    const started = Date.now();
    const progress = paced((line) => console.log(`[${formatDuration(Date.now() - started)}] ${line}`));
    const image = await ensureNodeImage({
        cache: cacheDirectory(),
        progress,
        kubernetes: process.argv[2],
        programs: process.env.NTA_NODE_PROGRAMS,
    });
    console.log(image);
}

if (require.main === module) {
    runMain(main);
}
