import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { command, tryCommand } from "../command";
import { cacheDirectory } from "../directories";
import { Problem } from "../problem";
import { Progress } from "../progress";
import type { Packages } from "./packed-packages";

/** A commit, and where the project stands in its tree. */
export interface BaseCommit {
    ref: string;
    commit: string;
    /** Folder of the project inside the repository: "" for its root, else with a slash at its end. */
    prefix: string;
}

/**
 * Finds the commit that a branch, tag or commit names.
 *
 * @throws Problem if there is none, or no git repository
 */
export async function findBase(root: string, ref: string): Promise<BaseCommit> {
    // Separated from options, so that a name that begins with a dash is no option.
    const resolving = ["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`];
    const [inside, found] = await Promise.all([
        tryCommand(["git", "rev-parse", "--show-prefix"], { cwd: root }),
        tryCommand(["git", ...resolving], { cwd: root }),
    ]);
    if (inside.code !== 0) {
        throw new Problem(`${root} is no git repository, so there is nothing to compare with: ${inside.stderr.trim()}`);
    }
    if (found.code !== 0) {
        throw new Problem(
            `--base "${ref}" is no commit, branch or tag of this repository. If it is one of the remote's, get it first, ` +
                `for example: git fetch origin ${/^\w[\w./-]*$/.test(ref) ? ref.replace(/^origin\//, "") : "<branch>"}`,
        );
    }
    return { ref, commit: found.stdout.trim(), prefix: inside.stdout.trim() };
}

/** Writes the project as it is at a commit into a new folder. */
export async function extractBase(root: string, { commit, prefix }: BaseCommit, folder: string): Promise<void> {
    mkdirSync(folder, { recursive: true });
    const archive = join(folder, "..", "base.tar");
    await command(["git", "archive", "--format=tar", `--output=${archive}`, `${commit}:${prefix}`], { cwd: root });
    await command(["tar", "-xf", archive, "-C", folder]);
    rmSync(archive);
}

interface LockFile {
    packages?: Record<string, { version?: string; integrity?: string; dev?: boolean; devOptional?: boolean }>;
}

/** The packages that a program runs with, as one text: equal for lock files that differ in development tools alone. */
export function lockedPackages(folder: string): string {
    const { packages = {} } = JSON.parse(readFileSync(join(folder, "package-lock.json"), "utf8")) as LockFile;
    const entries = Object.entries(packages).filter(([path, entry]) => path !== "" && entry.dev !== true);
    return entries.map(([path, { version, integrity }]) => `${path} ${version} ${integrity}`).join("\n");
}

/**
 * The packages for the program in `folder`: the working tree's own where both lock files ask for the same
 * packages, else one that is installed once for each set of packages and kept in the cache.
 *
 * @throws Error if there is no lock file, or the packages can't be installed
 */
export async function packagesFor(folder: string, root: string): Promise<Packages> {
    if (!existsSync(join(folder, "package-lock.json"))) {
        throw new Error("there is no package-lock.json");
    }
    const locked = lockedPackages(folder);
    if (locked === lockedPackages(root)) {
        return { folder: join(root, "node_modules"), locked };
    }
    const key = createHash("sha256")
        .update(`${process.version.split(".")[0]}\n${locked}`)
        .digest("hex")
        .slice(0, 16);
    const installed = join(cacheDirectory(), "preview-diff", key);
    if (!existsSync(installed)) {
        await new Progress(1, process.stderr).step("Node packages of the base", (report) =>
            install(folder, installed, report),
        );
    }
    return { folder: join(installed, "node_modules"), locked };
}

/** Appears whole or not at all; two runs at once install twice, and the first one's stays. */
async function install(folder: string, target: string, report: (activity: string) => void): Promise<void> {
    const partial = `${target}.${process.pid}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial, { recursive: true });
    try {
        for (const file of ["package.json", "package-lock.json", ".npmrc"].filter((name) =>
            existsSync(join(folder, name)),
        )) {
            cpSync(join(folder, file), join(partial, file));
        }
        report("npm ci");
        const line = [
            "npm",
            "ci",
            "--omit=dev",
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel=error",
        ] as const;
        await command(line, { cwd: partial, onLine: report });
        if (!existsSync(target)) {
            renameSync(partial, target);
        }
    } finally {
        rmSync(partial, { recursive: true, force: true });
    }
}
