import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { build, version as bundlerVersion } from "esbuild";

import { cacheDirectory } from "../directories";
import { lazyPackages } from "./lazy-packages";

const dayMilliseconds = 24 * 60 * 60 * 1000;
/** Files that were made longer ago go when another one is made. */
const keptDays = 30;

/** What a side's programs are run with. */
export interface Packages {
    /** The `node_modules` folder. */
    folder: string;
    /** Names, versions and digests of all packages in it. */
    locked: string;
}

/**
 * One file with the packages of these names and all that they need: it loads in a third of the time that hundreds of
 * files take. Kept in the cache for each set of packages.
 *
 * @returns undefined where they can't be packed, as packages with native code can't: then they load one by one
 */
export async function packPackages(
    names: readonly string[],
    { folder, locked }: Packages,
): Promise<string | undefined> {
    const sorted = [...new Set(names)].sort();
    const key = createHash("sha256")
        .update([process.version, process.arch, bundlerVersion, ...sorted, locked].join("\n"))
        .digest("hex")
        .slice(0, 16);
    const cache = join(cacheDirectory(), "preview-diff", "packed");
    const file = join(cache, `${key}.js`);
    if (existsSync(file)) {
        return file;
    }
    // Both sides ask at once, and mostly for the same.
    const made = making.get(file) ?? pack(sorted, folder, file).finally(() => making.delete(file));
    making.set(file, made);
    return made;
}

const making = new Map<string, Promise<string | undefined>>();

async function pack(names: readonly string[], folder: string, file: string): Promise<string | undefined> {
    const entries = names.map((name) => `${JSON.stringify(name)}: () => require(${JSON.stringify(name)}),`);
    let text: string;
    try {
        const { outputFiles } = await build({
            stdin: { contents: `module.exports = {\n${entries.join("\n")}\n};`, resolveDir: join(folder, "..") },
            bundle: true,
            write: false,
            platform: "node",
            format: "cjs",
            target: "node20",
            minifyWhitespace: true,
            external: [...lazyPackages],
            logLevel: "silent",
        });
        [{ text }] = outputFiles;
    } catch {
        return undefined;
    }
    mkdirSync(dirname(file), { recursive: true });
    removeOld(dirname(file));
    // Appears whole or not at all: another run may make it at the same time.
    const partial = `${file}.${process.pid}.partial`;
    await writeFile(partial, text);
    renameSync(partial, file);
    return file;
}

/** Removes what was put into a folder of the cache long ago. */
export function removeOld(cache: string): void {
    for (const name of readdirSync(cache)) {
        const file = join(cache, name);
        const made = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Infinity;
        if (Date.now() - made > keptDays * dayMilliseconds) {
            rmSync(file, { force: true });
        }
    }
}
