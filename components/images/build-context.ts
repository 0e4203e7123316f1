import * as fs from "node:fs";
import * as path from "node:path";

import { alone } from "../../tools/lock.cjs";

/** What stands in a context under one name: a folder of this machine, a file's content, or a folder of such parts. */
export type ContextPart = string | Buffer | ContextParts;
export interface ContextParts {
    readonly [name: string]: ContextPart;
}

/**
 * What never belongs into an image: version control, leavings of Python and editors, and `external/`, where numenta-apps
 * keeps an old DynamoDB, which has an image of its own.
 */
const ignored = /^(\.git|\.gitignore|__pycache__|\.pytest_cache|\.DS_Store|external)$|\.(py[co]|egg-info)$|~$/;

/** Docker's digest of a context takes whole modes: they must be the same whatever the user's umask. */
const directoryMode = 0o755;
const fileMode = 0o644;
const modeOf = (stat: fs.Stats) => (stat.mode & 0o100 ? 0o755 : fileMode);

const present = (file: string) => fs.lstatSync(file, { throwIfNoEntry: false });

/** Puts what `write` makes into its place at once: another run may be reading the context. */
type Place = (to: string, write: (partial: string) => void) => void;

function placing(partial: string): Place {
    return (to, write) => {
        fs.rmSync(partial, { force: true });
        write(partial);
        if (present(to)?.isDirectory()) {
            fs.rmSync(to, { recursive: true });
        }
        fs.renameSync(partial, to);
    };
}

function copyFile(from: string, to: string, stat: fs.Stats, place: Place): void {
    const copy = present(to);
    // Copies carry the original's time, to the millisecond, so an unchanged file is neither read nor written again.
    if (
        copy?.isFile() &&
        copy.size === stat.size &&
        Math.abs(copy.mtimeMs - stat.mtimeMs) < 1 &&
        (copy.mode & 0o7777) === modeOf(stat)
    ) {
        return;
    }
    place(to, (partial) => {
        fs.copyFileSync(from, partial);
        fs.chmodSync(partial, modeOf(stat));
        fs.utimesSync(partial, stat.atime, stat.mtime);
    });
}

function copyLink(from: string, to: string, place: Place): void {
    const target = fs.readlinkSync(from);
    if (!present(to)?.isSymbolicLink() || fs.readlinkSync(to) !== target) {
        place(to, (partial) => fs.symlinkSync(target, partial));
    }
}

function writeContent(content: Buffer, to: string, place: Place): void {
    const stat = present(to);
    if (!stat?.isFile() || (stat.mode & 0o7777) !== fileMode || !fs.readFileSync(to).equals(content)) {
        place(to, (partial) => {
            fs.writeFileSync(partial, content);
            fs.chmodSync(partial, fileMode);
        });
    }
}

/** Makes a folder that has nothing but these names. */
function makeFolder(to: string, names: readonly string[]): void {
    if (!present(to)?.isDirectory()) {
        fs.rmSync(to, { force: true });
        fs.mkdirSync(to, { recursive: true });
    }
    fs.chmodSync(to, directoryMode);
    for (const stale of fs.readdirSync(to).filter((name) => !names.includes(name))) {
        fs.rmSync(path.join(to, stale), { recursive: true, force: true });
    }
}

function mirror(from: string, to: string, ignores: (name: string) => boolean, place: Place): void {
    const names = fs.readdirSync(from).filter((name) => !ignores(name));
    makeFolder(to, names);
    for (const name of names) {
        const source = path.join(from, name);
        const target = path.join(to, name);
        const stat = fs.lstatSync(source);
        if (stat.isDirectory()) {
            mirror(source, target, ignores, place);
        } else if (stat.isSymbolicLink()) {
            copyLink(source, target, place);
        } else if (stat.isFile()) {
            copyFile(source, target, stat, place);
        }
    }
}

function layOut(to: string, parts: ContextParts, ignores: (name: string) => boolean, place: Place): void {
    makeFolder(to, Object.keys(parts));
    for (const [name, part] of Object.entries(parts)) {
        const target = path.join(to, name);
        if (typeof part === "string") {
            mirror(part, target, ignores, place);
        } else if (Buffer.isBuffer(part)) {
            writeContent(part, target, place);
        } else {
            layOut(target, part, ignores, place);
        }
    }
}

/**
 * Lays a build context out of folders that stand in different places: Docker takes only one folder. What has not changed
 * since the last time is left alone, and what has is put into its place whole. So two runs of a stack, such as a preview
 * beside an update, may lay out the same context at once, and one may read it while the other does.
 *
 * @param context The folder to make. Beside it, `<context>.lock` and `<context>.partial` are used meanwhile.
 * @param ignores Whether a file or folder of that name is left out where a folder is copied.
 */
export function layOutContext(
    context: string,
    parts: ContextParts,
    ignores = (name: string) => ignored.test(name),
): void {
    alone(`${context}.lock`, "laying out a build context", () =>
        layOut(context, parts, ignores, placing(`${context}.partial`)),
    );
}
