/** What a node that runs already needs to get another version of Kubernetes: programs and container images. */
import { createWriteStream } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { waitForLock } from "../tools/lock.cjs";
import { drain } from "../tools/pipe";
import { type BoxProvider, ensureBoxes } from "./boxes";
import { ensureNodeImage, type NodeImageOptions } from "./build";
import { imageArchive, nodeImages, tar, type ImageArchive, type ImageSpec, type Programs } from "./images";
import { versionsOf } from "./kubernetes-versions";
import type { Architecture } from "./program-set";
import { ensurePrograms, programSets } from "./programs";
import { engineArchitecture } from "./rootfs";

/** The programs that a node itself runs; the rest of Kubernetes is in container images. */
export const kubernetesPrograms = ["kubeadm", "kubectl", "kubelet"] as const;

/** Programs and container images of one version of Kubernetes, as the node image for it has them. */
export class UpgradeParts {
    private constructor(
        /** What nodes are made from that come later: an image of Docker, or the path of a box. */
        readonly image: string,
        private readonly dockerImage: string,
        private readonly architecture: Architecture,
        private readonly programPaths: Programs,
        private readonly specs: readonly ImageSpec[],
        private readonly work: string,
    ) {}

    /**
     * Finds them in the cache, where what is missing is made first: that takes many minutes.
     *
     * @param options.work a folder for what is needed on the way, of one user at a time; made anew, and removed by `end`
     */
    static async of(
        kubernetes: string,
        provider: "docker" | BoxProvider,
        { work, ...options }: Omit<NodeImageOptions, "kubernetes"> & { work: string },
    ): Promise<UpgradeParts> {
        const { cache, progress, programs: given } = options;
        const dockerImage = await ensureNodeImage({ ...options, kubernetes });
        const boxes = provider === "docker" ? [] : await ensureBoxes([provider], { ...options, kubernetes });
        const architecture = await engineArchitecture();
        const directory = join(cache, "node-image");
        const release = await waitForLock(join(directory, "lock"), "looking for programs", (holder) =>
            progress(`waiting for process ${holder.pid}, which is ${holder.purpose} since ${holder.since}`),
        );
        const versions = versionsOf(kubernetes);
        const sets = programSets(architecture, versions);
        const programs = await ensurePrograms(sets, architecture, { directory, progress, given }).finally(release);
        await rm(work, { recursive: true, force: true });
        await mkdir(work, { recursive: true });
        return new UpgradeParts(
            boxes[0] ?? dockerImage,
            dockerImage,
            architecture,
            programs,
            nodeImages(versions.images, programs),
            work,
        );
    }

    /** kubeadm, kubectl and kubelet, as a tar. */
    programs(): Readable {
        const entries = kubernetesPrograms.map((name) => ({
            name,
            mode: 0o755,
            content: { source: this.programPaths[name] as string },
        }));
        return Readable.from(tar(entries));
    }

    /** Those of the container images that are named, for `ctr images import`. */
    async images(refs: readonly string[]): Promise<ImageArchive> {
        const layer = join(this.work, "iptables-layer.tar");
        const script = await readFile(join(__dirname, "iptables-layer"), "utf8");
        const container = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "/bin/sh"] as const;
        await drain([...container, this.dockerImage, "-c", script], (stream) =>
            pipeline(stream, createWriteStream(layer)),
        );
        const specs = this.specs.filter(({ ref }) => refs.includes(ref));
        return imageArchive(specs, this.architecture, layer);
    }

    async end(): Promise<void> {
        await rm(this.work, { recursive: true, force: true });
    }
}
