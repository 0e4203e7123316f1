/**
 * The node image as boxes for Vagrant's providers of virtual machines: `npm run box`, or `ensureBoxes` from the tools.
 * They stand in the cache beside the root file system that they are made from, and current.json names them.
 */
import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { ensureArtifact } from "../tools/artifact";
import { waitForLock } from "../tools/lock.cjs";
import { Problem } from "../tools/problem";
import { BoxDisk } from "./box-disk";
import { changeCurrent, ensureNodeImage, hashes, readCurrent, type NodeImageOptions } from "./build";
import { digestOfFiles } from "./inputs";
import { defaultKubernetes, kubernetesVersions } from "./kubernetes-versions";
import { engineArchitecture } from "./rootfs";

export const boxProviders = ["libvirt", "virtualbox"] as const;
export type BoxProvider = (typeof boxProviders)[number];

/** What the boxes are made from, as a hexadecimal name. */
function boxHash(rootfs: string): string {
    return createHash("sha256")
        .update(JSON.stringify([rootfs, digestOfFiles(__dirname, ["box", "box-disk.ts", "box-files.ts"])]))
        .digest("hex")
        .slice(0, 12);
}

/**
 * Sees to it that the node image and these providers' boxes are there and whole. Takes about a second when they are. A
 * damaged box is made again; a second run waits for the first.
 *
 * @returns the boxes' paths, in the order of the providers
 */
export async function ensureBoxes(providers: readonly BoxProvider[], options: NodeImageOptions): Promise<string[]> {
    const { cache, progress, kubernetes = defaultKubernetes } = options;
    const architecture = await engineArchitecture();
    if (architecture !== "amd64") {
        throw new Problem(
            `boxes are made for amd64, and this Docker engine is ${architecture}: use the provider docker`,
        );
    }
    await ensureNodeImage(options);
    const directory = join(cache, "node-image");
    const rootfs = hashes(architecture, kubernetes).rootfs;
    const hash = boxHash(rootfs);
    const release = await waitForLock(join(directory, "lock"), "making boxes", (holder) =>
        progress(`waiting for process ${holder.pid}, which is ${holder.purpose} since ${holder.since}`),
    );
    const disk = new BoxDisk({
        hash,
        rootfs: { hash: rootfs, file: join(directory, `rootfs-${rootfs}`, "rootfs.tar.gz") },
        progress,
    });
    try {
        const boxes: string[] = [];
        for (const provider of providers) {
            const name = `box-${provider}-${hash}`;
            // The file's name is the box's in Vagrant, where one name means one content.
            const file = `nta-node-${hash}.box`;
            await ensureArtifact(join(directory, name), (into) => disk.writeBox(provider, join(into, file)), progress);
            const box = join(directory, name, file);
            const key = `${provider}Box` as const;
            if ((await readCurrent(directory, kubernetes))[key] !== box) {
                await changeCurrent(directory, kubernetes, { [key]: box });
            }
            const known = kubernetesVersions.map((version) => boxHash(hashes(architecture, version).rootfs));
            for (const entry of await readdir(directory)) {
                const isKnown = known.some((other) => entry === `box-${provider}-${other}`);
                if (entry.startsWith(`box-${provider}-`) && !isKnown) {
                    await rm(join(directory, entry), { recursive: true, force: true });
                }
            }
            boxes.push(box);
        }
        return boxes;
    } finally {
        await disk.close();
        release();
    }
}
