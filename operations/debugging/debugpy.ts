import { existsSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { command, findProgram } from "../../tools/command";
import { cacheDirectory } from "../../tools/directories";
import { download, reaches, sha256File } from "../../tools/download";
import { atLeast, expand, pinned } from "../../tools/pinned";
import type { Report } from "../../tools/progress";
import { firstThatWorks, Unavailable } from "../../tools/sources";

export type DebugpyRelease = typeof pinned.debugpy.python3;

/** The version of debugpy for a Python: 1.5.1 is the last one for 2.7, later ones begin with 3.8. */
export function debugpyRelease(python: string): DebugpyRelease {
    return atLeast(python, "3.8") ? pinned.debugpy.python3 : pinned.debugpy.python2;
}

/**
 * The wheel of debugpy, which is pure Python, in the cache: from the package index that this machine's pip uses, else from
 * PyPI itself.
 *
 * @returns the file's path.
 * @throws Problem when it can't be had.
 */
export async function debugpyWheel({ version, python, sha256 }: DebugpyRelease, report: Report): Promise<string> {
    const file = join(cacheDirectory(), "debugpy", expand(pinned.debugpy.wheel, { version }));
    if (existsSync(file) && (await sha256File(file)) === sha256) {
        return file;
    }
    await mkdir(dirname(file), { recursive: true });
    await firstThatWorks(
        `debugpy ${version}`,
        [
            {
                name: "package index",
                get: async () => {
                    if (findProgram("python3") === undefined) {
                        return new Unavailable("there is no python3 with pip here");
                    }
                    report(`debugpy ${version}: pip download`);
                    const options = ["--quiet", "--no-deps", "--only-binary=:all:", "--python-version", python];
                    const wanted = `debugpy==${version}`;
                    await command(["python3", "-m", "pip", "download", ...options, "--dest", dirname(file), wanted], {
                        timeout: 120_000,
                    });
                    if ((await sha256File(file)) !== sha256) {
                        await rm(file);
                        throw new Error(`the package index gave another file than debugpy ${version}'s wheel`);
                    }
                    return file;
                },
            },
            {
                name: "official download",
                get: async () => {
                    const url = expand(pinned.debugpy.archive, { version });
                    if (!(await reaches(url))) {
                        return new Unavailable(`${new URL(url).host} can't be reached`);
                    }
                    await download({ url, file, sha256, report });
                    return file;
                },
            },
        ],
        report,
    );
    return file;
}
