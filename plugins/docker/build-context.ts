/**
 * The build context: which files belong to it, a digest of them, and the tar stream that Docker is given.
 *
 * File modes are normalised to what Git keeps (executable or not), so that neither another umask nor another checkout
 * changes the digest or the image. For a tree of plain 0644 and 0755 files the digest is the one that the official
 * provider computes.
 */
import { createHash } from "node:crypto";
import { createReadStream, readFileSync } from "node:fs";
import { lstat, readFile, readdir, readlink } from "node:fs/promises";
import { join, posix, relative, sep } from "node:path";
import { PassThrough } from "node:stream";
import type { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

import { pack } from "tar-stream";
import type { Pack } from "tar-stream";

import { DockerIgnore } from "./dockerignore";

export interface ContextEntry {
    /** Relative to the context, with "/". */
    path: string;
    kind: "file" | "directory" | "link";
    executable: boolean;
    /** Bytes; 0 for folders and links. */
    size: number;
    modified: Date;
    /** Of links. */
    target: string;
}

export interface BuildContext {
    /** Folder, absolute or relative to the working directory. */
    directory: string;
    /** The Dockerfile's path, absolute or relative to the working directory. */
    dockerfile: string;
    entries: ContextEntry[];
}

/**
 * Lists what belongs to the context in `directory`, sorted, after `<dockerfile>.dockerignore` or else `.dockerignore`.
 * @throws Error when a folder can't be read or an ignore file makes no sense.
 */
export async function readBuildContext(directory: string, dockerfile: string): Promise<BuildContext> {
    const ignore = readIgnoreFile([`${dockerfile}.dockerignore`, join(directory, ".dockerignore")]);
    const entries: ContextEntry[] = [];
    const visit = async (below: string): Promise<void> => {
        const names = (await readdir(join(directory, below))).sort();
        for (const name of names) {
            const path = below === "" ? name : `${below}/${name}`;
            const stats = await lstat(join(directory, path));
            const excluded = ignore?.excludes(path) ?? false;
            if (stats.isDirectory()) {
                if (!excluded) {
                    entries.push(entry(path, "directory", true, 0, stats.mtime, ""));
                }
                if (!excluded || ignore?.hasExceptions) {
                    await visit(path);
                }
            } else if (excluded) {
                continue;
            } else if (stats.isSymbolicLink()) {
                entries.push(entry(path, "link", true, 0, stats.mtime, await readlink(join(directory, path))));
            } else if (stats.isFile()) {
                entries.push(entry(path, "file", (stats.mode & 0o111) !== 0, stats.size, stats.mtime, ""));
            }
            // Sockets, pipes and devices are no part of a context.
        }
    };
    await visit("");
    return { directory, dockerfile, entries };
}

function entry(
    path: string,
    kind: ContextEntry["kind"],
    executable: boolean,
    size: number,
    modified: Date,
    target: string,
): ContextEntry {
    return { path, kind, executable, size, modified, target };
}

function readIgnoreFile(paths: string[]): DockerIgnore | undefined {
    for (const path of paths) {
        let text: string;
        try {
            text = readFileSync(path, "utf8");
        } catch (error) {
            if ((error as NodeJS.ErrnoException).code === "ENOENT") {
                continue;
            }
            throw error;
        }
        try {
            return new DockerIgnore(text);
        } catch (error) {
            throw new Error(`${path}: ${(error as Error).message}`, { cause: error });
        }
    }
    return undefined;
}

/** A SHA-256 in hex over the Dockerfile and every file's and link's path, mode and content. */
export async function contextDigest(context: BuildContext): Promise<string> {
    const digest = createHash("sha256");
    const add = (path: string, mode: string, content: Buffer): void => {
        digest.update(path).update(mode).update(content).update("\0");
    };
    // Under a fixed name: the builder looks at what the Dockerfile says, not at how it is called.
    add("Dockerfile", "----------", await fileDigest(context.dockerfile));
    for (const { path, kind, executable, target } of context.entries) {
        if (kind === "file") {
            const content = await fileDigest(join(context.directory, path));
            add(path, executable ? "-rwxr-xr-x" : "-rw-r--r--", content);
        } else if (kind === "link") {
            add(path, "Lrwxrwxrwx", createHash("sha256").update(posix.normalize(target)).digest());
        }
    }
    return digest.digest("hex");
}

/** Files up to this size are read at once, which is quicker than a stream. */
const SMALL_FILE = 1024 * 1024;

async function fileDigest(path: string): Promise<Buffer> {
    const hash = createHash("sha256");
    const { size } = await lstat(path);
    if (size <= SMALL_FILE) {
        return hash.update(await readFile(path)).digest();
    }
    await pipeline(createReadStream(path), hash);
    return hash.digest();
}

/** What `docker build` is given: the context as a tar stream, and the Dockerfile's path inside it. */
export interface ContextArchive {
    stream: Readable;
    dockerfile: string;
}

/** The context as a tar stream: owner root, normalised modes. An outside Dockerfile is put in under a name of its own. */
export async function contextArchive(context: BuildContext): Promise<ContextArchive> {
    const inside = relative(context.directory, context.dockerfile).split(sep).join("/");
    const outside = inside.startsWith("../") || inside === ".." || posix.isAbsolute(inside);
    const paths = new Set(context.entries.map(({ path }) => path));
    // Docker needs the Dockerfile even where .dockerignore leaves it out.
    const extra = outside || !paths.has(inside);
    const content = extra ? await readFile(context.dockerfile) : Buffer.alloc(0);
    const dockerfile = outside
        ? `.dockerfile.${createHash("sha256").update(content).digest("hex").slice(0, 20)}`
        : inside;
    const archive = pack();
    const fill = async (): Promise<void> => {
        if (extra) {
            archive.entry({ name: dockerfile, mode: 0o644, mtime: new Date(0) }, content);
        }
        for (const contextEntry of context.entries) {
            await addEntry(archive, context.directory, contextEntry);
        }
        archive.finalize();
    };
    const stream = new PassThrough();
    archive.pipe(stream);
    fill().catch((error: unknown) => stream.destroy(error instanceof Error ? error : new Error(String(error))));
    return { stream, dockerfile };
}

async function addEntry(archive: Pack, directory: string, item: ContextEntry): Promise<void> {
    const owner = { uid: 0, gid: 0, mtime: item.modified };
    if (item.kind === "directory") {
        archive.entry({ ...owner, name: `${item.path}/`, type: "directory", mode: 0o755 });
    } else if (item.kind === "link") {
        archive.entry({ ...owner, name: item.path, type: "symlink", linkname: item.target, mode: 0o777 });
    } else {
        const mode = item.executable ? 0o755 : 0o644;
        const path = join(directory, item.path);
        if (item.size <= SMALL_FILE) {
            archive.entry({ ...owner, name: item.path, mode }, await readFile(path));
        } else {
            await pipeline(
                createReadStream(path, { end: item.size - 1 }),
                archive.entry({ ...owner, name: item.path, mode, size: item.size }),
            );
        }
    }
}
