import { createHash } from "node:crypto";
import * as fs from "node:fs";
import * as path from "node:path";

/** A folder's files at one moment, and those of its earlier versions that are still served. */
export interface Publication {
    /** Twelve hexadecimal digits of a digest of what is in it. */
    version: string;
    /** Folders of the versions by their names, this one's first. */
    folders: Record<string, string>;
}

/**
 * The files below a folder that are published, as sorted paths relative to it: all but those that begin with a dot, or
 * stand in a folder that does.
 *
 * @throws Error for a link or another thing that is no file: what it means would not be the same in the cluster.
 */
export function publishedFiles(folder: string, below = ""): string[] {
    return fs
        .readdirSync(path.join(folder, below), { withFileTypes: true })
        .filter((entry) => !entry.name.startsWith("."))
        .flatMap((entry) => {
            const file = path.join(below, entry.name);
            if (entry.isDirectory()) {
                return publishedFiles(folder, file);
            }
            if (!entry.isFile()) {
                throw new Error(`${path.join(folder, file)} can't be published: it is neither a file nor a folder`);
            }
            return [file];
        })
        .sort();
}

function digestOf(folder: string, files: readonly string[]): string {
    const digest = createHash("sha256");
    for (const file of files) {
        const content = fs.readFileSync(path.join(folder, file));
        digest.update(`${file.length}:${file}${content.length}:`).update(content);
    }
    return digest.digest("hex").slice(0, 12);
}

const historyOf = (store: string) => path.join(store, "history.json");

function readHistory(store: string): string[] {
    const file = historyOf(store);
    const names = fs.existsSync(file) ? (JSON.parse(fs.readFileSync(file, "utf8")) as string[]) : [];
    return names.filter((name) => fs.existsSync(path.join(store, name)));
}

/**
 * Takes a copy of a folder as it is now into a store that holds its latest versions.
 *
 * @param store A folder that can be lost: the earlier versions are lost with it.
 * @param keep How many earlier versions stay.
 * @param forGood False in a preview: what was only looked at is not served later as an earlier version.
 */
export function publish(folder: string, store: string, keep: number, forGood: boolean): Publication {
    const files = publishedFiles(folder);
    const version = digestOf(folder, files);
    const copy = path.join(store, version);
    if (!fs.existsSync(copy)) {
        const partial = `${copy}.${process.pid}`;
        fs.rmSync(partial, { recursive: true, force: true });
        fs.mkdirSync(partial, { recursive: true });
        const now = new Date();
        for (const file of files) {
            const target = path.join(partial, file);
            fs.mkdirSync(path.dirname(target), { recursive: true });
            fs.copyFileSync(path.join(folder, file), target);
            // A file's time becomes its ETag, which another version's file of the same size must not have.
            fs.utimesSync(target, now, now);
        }
        fs.renameSync(partial, copy);
    }
    const history = [version, ...readHistory(store).filter((name) => name !== version)].slice(0, keep + 1);
    if (forGood) {
        fs.writeFileSync(historyOf(store), JSON.stringify(history));
        for (const name of fs.readdirSync(store).filter((entry) => /^[0-9a-f]{12}/.test(entry))) {
            if (!history.includes(name)) {
                fs.rmSync(path.join(store, name), { recursive: true, force: true });
            }
        }
    }
    return { version, folders: Object.fromEntries(history.map((name) => [name, path.join(store, name)])) };
}
