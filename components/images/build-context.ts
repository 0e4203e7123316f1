import * as fs from "node:fs";
import * as path from "node:path";

/**
 * What never belongs into an image: version control, leavings of Python and editors, and `external/`, where numenta-apps
 * keeps an old DynamoDB, which has an image of its own.
 */
const ignored = /^(\.git|\.gitignore|__pycache__|\.pytest_cache|\.DS_Store|external)$|\.(py[co]|egg-info)$|~$/;

/** Docker's digest of a context takes whole modes: they must be the same whatever the user's umask. */
const directoryMode = 0o755;
const modeOf = (stat: fs.Stats) => (stat.mode & 0o100 ? 0o755 : 0o644);

function copyFile(from: string, to: string, stat: fs.Stats): void {
    const present = fs.statSync(to, { throwIfNoEntry: false });
    // Copies carry the original's time, to the millisecond, so an unchanged file is neither read nor written again.
    if (
        present?.isFile() &&
        present.size === stat.size &&
        Math.abs(present.mtimeMs - stat.mtimeMs) < 1 &&
        (present.mode & 0o7777) === modeOf(stat)
    ) {
        return;
    }
    fs.rmSync(to, { recursive: true, force: true });
    fs.copyFileSync(from, to);
    fs.chmodSync(to, modeOf(stat));
    fs.utimesSync(to, stat.atime, stat.mtime);
}

function mirror(from: string, to: string, ignores: (name: string) => boolean): void {
    const names = fs.readdirSync(from).filter((name) => !ignores(name));
    if (!fs.lstatSync(to, { throwIfNoEntry: false })?.isDirectory()) {
        fs.rmSync(to, { force: true });
        fs.mkdirSync(to, { recursive: true });
    }
    fs.chmodSync(to, directoryMode);
    for (const stale of fs.readdirSync(to).filter((name) => !names.includes(name))) {
        fs.rmSync(path.join(to, stale), { recursive: true, force: true });
    }
    for (const name of names) {
        const source = path.join(from, name);
        const target = path.join(to, name);
        const stat = fs.lstatSync(source);
        if (stat.isDirectory()) {
            mirror(source, target, ignores);
        } else if (stat.isSymbolicLink()) {
            fs.rmSync(target, { recursive: true, force: true });
            fs.symlinkSync(fs.readlinkSync(source), target);
        } else if (stat.isFile()) {
            copyFile(source, target, stat);
        }
    }
}

/**
 * Lays a build context out of folders that stand in different places: Docker takes only one folder. What has not changed
 * since the last time is left alone.
 *
 * @param context the folder to make
 * @param parts its subfolders' names, and where each comes from
 * @param ignores whether a file or folder of that name is left out
 */
export function layOutContext(
    context: string,
    parts: Record<string, string>,
    ignores = (name: string) => ignored.test(name),
): void {
    fs.mkdirSync(context, { recursive: true });
    fs.chmodSync(context, directoryMode);
    for (const stale of fs.readdirSync(context).filter((name) => !(name in parts))) {
        fs.rmSync(path.join(context, stale), { recursive: true, force: true });
    }
    for (const [name, from] of Object.entries(parts)) {
        mirror(from, path.join(context, name), ignores);
    }
}
