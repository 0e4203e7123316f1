/**
 * The container images that a node brings along, written directly as one OCI image layout in a tar stream
 * (https://github.com/opencontainers/image-spec/blob/main/image-layout.md), which `ctr images import` reads.
 *
 * Layers are uncompressed, so a layer's digest is its diff ID and nothing has to be compressed here only to be
 * decompressed on the node. Times and owners are fixed: the same programs give the same digests.
 */
import { createHash } from "node:crypto";
import * as fs from "node:fs";
import { Readable } from "node:stream";

/** One file of an image's own layer. */
export interface ImageFile {
    /** Absolute path in the image. */
    path: string;
    /** Path of the file on this machine. */
    source: string;
}

/** One image: the files of its own layer over an optional base layer. */
export interface ImageSpec {
    /** Full reference, for example `registry.k8s.io/pause:3.10.1`. */
    ref: string;
    /** True: the layer with iptables and nft lies below. */
    iptables: boolean;
    files: ImageFile[];
    entrypoint: string[];
    /** `uid:gid`; root where it is left out. */
    user?: string;
}

/** Names of programs to the paths they were built to. */
export type Programs = Record<string, string>;

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/**
 * The images of a control plane and of flannel, as their upstream counterparts lay them out: kubeadm's static pods and
 * flannel's manifest start the programs by these names.
 *
 * @param refs image references by program, from versions.json
 * @param programs paths of the programs
 */
export function nodeImages(refs: Record<string, string>, programs: Programs): ImageSpec[] {
    const need = (table: Record<string, string>, name: string): string => {
        const value = table[name];
        if (value === undefined) {
            throw new Error(`node image: nothing known about "${name}"`);
        }
        return value;
    };
    const single = (name: string, at = `/usr/local/bin/${name}`, rest: Partial<ImageSpec> = {}): ImageSpec => ({
        ref: need(refs, name),
        iptables: false,
        files: [{ path: at, source: need(programs, name) }],
        entrypoint: [at],
        ...rest,
    });
    return [
        single("kube-apiserver"),
        single("kube-controller-manager"),
        single("kube-scheduler"),
        single("kube-proxy", undefined, { iptables: true }),
        single("etcd"),
        single("coredns", "/coredns"),
        single("pause", "/pause", { user: "65535:65535" }),
        {
            ref: need(refs, "flannel"),
            iptables: true,
            files: [
                { path: "/opt/bin/flanneld", source: need(programs, "flanneld") },
                { path: "/opt/bin/install-conf", source: need(programs, "install-conf") },
            ],
            entrypoint: ["/opt/bin/flanneld"],
        },
    ];
}

/** A tar header (POSIX ustar) of a regular file or, where `size` is undefined, of a directory; owner root, time 0. */
export function tarHeader(name: string, size: number | undefined, mode: number): Buffer {
    if (Buffer.byteLength(name) > 100) {
        throw new Error(`tar: the name "${name}" is longer than 100 bytes`);
    }
    const header = Buffer.alloc(512);
    const octal = (value: number, at: number, length: number): void => {
        header.write(value.toString(8).padStart(length - 1, "0"), at, "ascii");
    };
    header.write(name, 0);
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(size ?? 0, 124, 12);
    octal(0, 136, 12);
    header.fill(" ", 148, 156);
    header.write(size === undefined ? "5" : "0", 156);
    header.write("ustar\u000000", 257);
    header.write(
        `${header
            .reduce((sum, byte) => sum + byte, 0)
            .toString(8)
            .padStart(6, "0")}\0 `,
        148,
    );
    return header;
}

const padding = (size: number): Buffer => Buffer.alloc((512 - (size % 512)) % 512);
const END_OF_ARCHIVE = Buffer.alloc(1024);

/** One entry of a tar archive: a directory without `content`, a file with it (bytes, or a path to read). */
export interface TarEntry {
    name: string;
    mode: number;
    content?: Buffer | { source: string };
}

/** The parts of a tar archive of these entries; file contents are read when their turn comes. */
export async function* tar(entries: Iterable<TarEntry>): AsyncGenerator<Buffer> {
    for (const { name, mode, content } of entries) {
        if (content === undefined) {
            yield tarHeader(name, undefined, mode);
        } else if (Buffer.isBuffer(content)) {
            yield tarHeader(name, content.length, mode);
            yield content;
            yield padding(content.length);
        } else {
            const { size } = await fs.promises.stat(content.source);
            yield tarHeader(name, size, mode);
            let read = 0;
            for await (const chunk of fs.createReadStream(content.source, { highWaterMark: 1 << 20 })) {
                read += (chunk as Buffer).length;
                yield chunk as Buffer;
            }
            if (read !== size) {
                throw new Error(`${content.source} changed while it was read`);
            }
            yield padding(size);
        }
    }
    yield END_OF_ARCHIVE;
}

/** Entries for files with the directories above them, each directory once and before what is in it. */
export function withDirectories(files: { path: string; mode: number; content: TarEntry["content"] }[]): TarEntry[] {
    const entries: TarEntry[] = [];
    const seen = new Set<string>();
    for (const file of files) {
        const parts = file.path.replace(/^\/+/, "").split("/");
        for (let depth = 1; depth < parts.length; depth++) {
            const name = `${parts.slice(0, depth).join("/")}/`;
            if (!seen.has(name)) {
                seen.add(name);
                entries.push({ name, mode: 0o755 });
            }
        }
        entries.push({ name: parts.join("/"), mode: file.mode, content: file.content });
    }
    return entries;
}

const layerEntries = (spec: ImageSpec): TarEntry[] =>
    withDirectories(spec.files.map((file) => ({ path: file.path, mode: 0o755, content: { source: file.source } })));

interface Descriptor {
    mediaType: string;
    digest: string;
    size: number;
}

/** The size that `tar(entries)` will have. */
async function tarSize(entries: TarEntry[]): Promise<number> {
    let total = END_OF_ARCHIVE.length;
    for (const { content } of entries) {
        let size = 0;
        if (Buffer.isBuffer(content)) {
            size = content.length;
        } else if (content !== undefined) {
            size = (await fs.promises.stat(content.source)).size;
        }
        total += 512 + Math.ceil(size / 512) * 512;
    }
    return total;
}

async function digestOf(stream: AsyncIterable<Buffer>): Promise<{ digest: string; size: number }> {
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of stream) {
        hash.update(chunk);
        size += chunk.length;
    }
    return { digest: `sha256:${hash.digest("hex")}`, size };
}

const LAYER = "application/vnd.oci.image.layer.v1.tar";
const MANIFEST = "application/vnd.oci.image.manifest.v1+json";
const CONFIG = "application/vnd.oci.image.config.v1+json";

/** The configuration document of an image: what runs, for which platform, over which layers. */
export function imageConfig(spec: ImageSpec, architecture: string, diffIds: string[]): unknown {
    return {
        architecture,
        os: "linux",
        config: {
            Env: [`PATH=${PATH}`],
            Entrypoint: spec.entrypoint,
            ...(spec.user === undefined ? {} : { User: spec.user }),
        },
        rootfs: { type: "layers", diff_ids: diffIds },
    };
}

/** The layout's index: each image's manifest with the full name that containerd stores it under. */
export function imageIndex(manifests: { ref: string; digest: string; size: number }[], architecture: string): unknown {
    return {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.index.v1+json",
        manifests: manifests.map(({ ref, digest, size }) => ({
            mediaType: MANIFEST,
            digest,
            size,
            platform: { architecture, os: "linux" },
            annotations: { "io.containerd.image.name": ref },
        })),
    };
}

/** The images as one OCI layout in tar form, and the digests of their layers. */
export interface ImageArchive {
    stream: Readable;
    size: number;
    layerDigests: string[];
}

/**
 * Puts the images together.
 *
 * @param architecture `amd64` or `arm64`
 * @param iptablesLayer path of the layer tar with iptables and nft
 */
export async function imageArchive(
    specs: ImageSpec[],
    architecture: string,
    iptablesLayer: string,
): Promise<ImageArchive> {
    const blobs = new Map<string, { content: Buffer | { source: string } | TarEntry[]; size: number }>();
    const json = (mediaType: string, value: unknown): Descriptor => {
        const content = Buffer.from(JSON.stringify(value));
        const digest = `sha256:${createHash("sha256").update(content).digest("hex")}`;
        blobs.set(digest, { content, size: content.length });
        return { mediaType, digest, size: content.length };
    };

    const layerDigests = new Set<string>();
    const layer = async (content: { source: string } | TarEntry[]): Promise<Descriptor> => {
        const stream = Array.isArray(content) ? tar(content) : fs.createReadStream(content.source);
        const { digest, size } = await digestOf(stream as AsyncIterable<Buffer>);
        blobs.set(digest, { content, size });
        layerDigests.add(digest);
        return { mediaType: LAYER, digest, size };
    };

    const base = await layer({ source: iptablesLayer });
    const manifests: { ref: string; digest: string; size: number }[] = [];
    for (const spec of specs) {
        const layers = [...(spec.iptables ? [base] : []), await layer(layerEntries(spec))];
        const config = json(
            CONFIG,
            imageConfig(
                spec,
                architecture,
                layers.map(({ digest }) => digest),
            ),
        );
        const manifest = json(MANIFEST, { schemaVersion: 2, mediaType: MANIFEST, config, layers });
        manifests.push({ ref: spec.ref, digest: manifest.digest, size: manifest.size });
    }

    const head: TarEntry[] = [
        { name: "oci-layout", mode: 0o644, content: Buffer.from(JSON.stringify({ imageLayoutVersion: "1.0.0" })) },
        { name: "index.json", mode: 0o644, content: Buffer.from(JSON.stringify(imageIndex(manifests, architecture))) },
        { name: "blobs/", mode: 0o755 },
        { name: "blobs/sha256/", mode: 0o755 },
    ];
    const blobName = (digest: string): string => `blobs/sha256/${digest.replace("sha256:", "")}`;

    async function* archive(): AsyncGenerator<Buffer> {
        // Each part ends with its own end-of-archive blocks, which may stand only once, at the end.
        const open = async function* (entries: TarEntry[]): AsyncGenerator<Buffer> {
            for await (const chunk of tar(entries)) {
                if (chunk !== END_OF_ARCHIVE) {
                    yield chunk;
                }
            }
        };
        yield* open(head);
        for (const [digest, { content, size }] of blobs) {
            if (Array.isArray(content)) {
                yield tarHeader(blobName(digest), size, 0o644);
                yield* tar(content);
                yield padding(size);
            } else {
                yield* open([{ name: blobName(digest), mode: 0o644, content }]);
            }
        }
        yield END_OF_ARCHIVE;
    }

    let size = await tarSize(head);
    for (const blob of blobs.values()) {
        size += 512 + Math.ceil(blob.size / 512) * 512;
    }
    return { stream: Readable.from(archive()), size, layerDigests: [...layerDigests] };
}
