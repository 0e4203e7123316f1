import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { sha256File } from "./download";
import { waitForLock } from "./lock.cjs";

interface Entry {
    size: number;
    modified: number;
    sha256: string;
}

const manifestName = ".manifest.json";

/**
 * A folder of files that took long to make. It appears whole or not at all, and holds a list of what is in it, so that
 * damage is found when it is next used. Of several processes that want it at once, one makes it.
 *
 * @param folder where it stands; its name should change with whatever it is made from
 * @param make fills the empty folder that it is given
 * @param note is told what is wrong with a damaged one before it is made again, and which process is waited for
 * @returns whether it had to be made
 */
export async function ensureArtifact(
    folder: string,
    make: (into: string) => Promise<void>,
    note: (what: string) => void,
): Promise<boolean> {
    if ((await findDamage(folder)) === undefined) {
        return false;
    }
    const release = await waitForLock(`${folder}.lock`, `making ${folder}`, (holder) =>
        note(`waiting for process ${holder.pid}, which is ${holder.purpose} since ${holder.since}`),
    );
    try {
        const damage = await findDamage(folder);
        if (damage === undefined) {
            return false; // The process that was waited for has made it.
        }
        if (damage !== "missing") {
            note(`${damage}; it is made again`);
        }
        await makeWhole(folder, make);
        return true;
    } finally {
        release();
    }
}

async function makeWhole(folder: string, make: (into: string) => Promise<void>): Promise<void> {
    const partial = `${folder}.partial`;
    await rm(partial, { recursive: true, force: true });
    await mkdir(partial, { recursive: true });
    await make(partial);
    const manifest: Record<string, Entry> = {};
    for (const file of await filesBelow(partial)) {
        const { size, mtimeMs } = await stat(join(partial, file));
        manifest[file] = { size, modified: mtimeMs, sha256: await sha256File(join(partial, file)) };
    }
    await writeFile(join(partial, manifestName), `${JSON.stringify(manifest, undefined, 4)}\n`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(dirname(folder), { recursive: true });
    await rename(partial, folder);
}

/** What is wrong with the folder: "missing", a sentence, or undefined when it is whole. */
export async function findDamage(folder: string): Promise<string | undefined> {
    let manifest: Record<string, Entry>;
    try {
        manifest = JSON.parse(await readFile(join(folder, manifestName), "utf8")) as Record<string, Entry>;
    } catch (error) {
        return (error as NodeJS.ErrnoException).code === "ENOENT" ? "missing" : `${folder}: its manifest is damaged`;
    }
    for (const [file, entry] of Object.entries(manifest)) {
        const path = join(folder, file);
        let now;
        try {
            now = await stat(path);
        } catch {
            return `${path} is missing from the cache`;
        }
        // Reading 100 MB at every start would cost more than it finds: an untouched file is taken to be whole.
        const touched = now.size !== entry.size || now.mtimeMs !== entry.modified;
        if (touched && (now.size !== entry.size || (await sha256File(path)) !== entry.sha256)) {
            return `${path} in the cache is corrupt`;
        }
    }
    return undefined;
}

async function filesBelow(folder: string): Promise<string[]> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
        .filter((entry) => entry.isFile())
        .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
        .filter((file) => file !== manifestName)
        .sort();
}
