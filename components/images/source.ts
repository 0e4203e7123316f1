import { execFileSync } from "node:child_process";
import * as crypto from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { imageRecipes } from "./catalog";

/** The public repository of the application. */
export const publicRepository = "https://github.com/numenta/numenta-apps";

/** The application that comes with this program, in the layout of numenta-apps. */
const sampleFolder = path.resolve(__dirname, "../../images/sample");

/** Milliseconds after which an address that does not answer counts as out of reach. */
const reachTimeout = 10_000;
const fetchTimeout = 10 * 60_000;

export interface SourceArgs {
    /** The setting: a path, a git address, `public`, `sample` or `auto`. */
    source: string;
    /** Commit, tag or branch where the source is a git repository. */
    sourceRef: string;
    /** Folder for checkouts, which can be made again. */
    cache: string;
    /** File that remembers what `auto` was settled to, so that a lost network does not change the application. */
    memory: string;
}

export interface Source {
    /** Root folder of a numenta-apps tree. */
    path: string;
    kind: "path" | "repository" | "sample";
}

/** The folders of a tree that images are built from and that are not there. */
export function missingFolders(tree: string): string[] {
    const folders = imageRecipes.flatMap(({ source }) => (source === undefined ? [] : [source]));
    return folders.filter((folder) => !fs.existsSync(path.join(tree, folder, "setup.py")));
}

function checked(tree: string, setting: string, kind: Source["kind"]): Source {
    const missing = fs.existsSync(tree) ? missingFolders(tree) : undefined;
    if (missing?.length === 0) {
        return { path: tree, kind };
    }
    const problem =
        missing === undefined
            ? `there is no folder ${tree}`
            : `${tree} is no numenta-apps tree: it has no ${missing.map((folder) => `${folder}/setup.py`).join(", ")}`;
    throw new pulumi.RunError(
        `nta:source is "${setting}", but ${problem}. Give the path of a checkout of ${publicRepository}, or use the sample ` +
            "application: pulumi config set nta:source sample",
    );
}

function git(args: string[], timeout: number): void {
    execFileSync("git", args, {
        timeout,
        stdio: ["ignore", "ignore", "pipe"],
        env: { ...process.env, GIT_TERMINAL_PROMPT: "0" },
    });
}

/** The checkout of a repository at a ref, fetched once; undefined where it can't be reached. */
function checkout(address: string, ref: string, cache: string): string | undefined {
    const key = crypto.createHash("sha256").update(`${address}\n${ref}`).digest("hex").slice(0, 16);
    const folder = path.join(cache, key);
    const pinned = /^[0-9a-f]{40}$/.test(ref);
    if (fs.existsSync(folder) && pinned) {
        return folder;
    }
    const partial = `${folder}.${process.pid}.partial`;
    try {
        git(["ls-remote", "--heads", address], reachTimeout);
        fs.mkdirSync(partial, { recursive: true });
        git(["-C", partial, "init", "--quiet"], reachTimeout);
        git(["-C", partial, "fetch", "--quiet", "--depth=1", address, ref], fetchTimeout);
        git(["-C", partial, "checkout", "--quiet", "FETCH_HEAD"], fetchTimeout);
        fs.rmSync(folder, { recursive: true, force: true });
        fs.renameSync(partial, folder);
        return folder;
    } catch {
        // A branch that was fetched before is better than none.
        return fs.existsSync(folder) ? folder : undefined;
    } finally {
        fs.rmSync(partial, { recursive: true, force: true });
    }
}

/** What `auto` was settled to before, if it was. */
function remembered(memory: string): string | undefined {
    try {
        return (JSON.parse(fs.readFileSync(memory, "utf8")) as { source?: string }).source;
    } catch {
        return undefined;
    }
}

/**
 * Finds the application's source tree. Throws a RunError that names the setting when there is none.
 * `auto` is settled once per stack: the public repository where it can be reached, else the sample application.
 */
export function resolveSource(args: SourceArgs): Source {
    const { source, sourceRef, cache, memory } = args;
    if (source === "sample") {
        return { path: sampleFolder, kind: "sample" };
    }
    if (source === "auto") {
        const settled = remembered(memory);
        const tree = settled === "sample" ? undefined : checkout(publicRepository, sourceRef, cache);
        if (settled === "public" && tree === undefined) {
            throw new pulumi.RunError(
                `${publicRepository}, which this stack's images were built from, can't be reached and is not in ${cache}. ` +
                    "Try again with a network, or change the application: pulumi config set nta:source sample",
            );
        }
        fs.mkdirSync(path.dirname(memory), { recursive: true });
        fs.writeFileSync(memory, `${JSON.stringify({ source: tree === undefined ? "sample" : "public" })}\n`);
        if (tree !== undefined) {
            return checked(tree, source, "repository");
        }
        void pulumi.log.info(
            `${publicRepository} can't be reached: the images are built from the sample application that comes with this ` +
                "program. To choose another: pulumi config set nta:source <path or git address>",
        );
        return { path: sampleFolder, kind: "sample" };
    }
    const address = source === "public" ? publicRepository : source;
    if (/^[./~]/.test(address)) {
        return checked(path.resolve(address.replace(/^~/, os.homedir())), source, "path");
    }
    const tree = checkout(address, sourceRef, cache);
    if (tree === undefined) {
        throw new pulumi.RunError(
            `nta:source is "${source}", but ${sourceRef} of ${address} can't be fetched. Check the address, nta:sourceRef and ` +
                "the network, or use the sample application: pulumi config set nta:source sample",
        );
    }
    return checked(tree, source, "repository");
}
