import childProcess from "node:child_process";
import fs from "node:fs";
import { resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** What a program looked at beside its own files: what its declaration may depend on. */
export interface Surroundings {
    /** Names of variables of the environment. */
    variables: string[];
    /** Absolute paths of files and folders, whether they exist or not. */
    files: string[];
    /** Those of them whose entries were read. */
    listed: string[];
    /** It ran other programs, and nobody knows what those look at. */
    ranPrograms: boolean;
}

const looking = [
    ...[
        "access",
        "copyFile",
        "cp",
        "exists",
        "lstat",
        "open",
        "opendir",
        "readdir",
        "readFile",
        "readlink",
        "realpath",
    ],
    ...["stat", "createReadStream"],
];
const listing = new Set(["cp", "opendir", "readdir"]);
const running = ["exec", "execFile", "fork", "spawn"];

type Functions = Record<string, ((...args: unknown[]) => unknown) | undefined>;

/** Calls `before` with the first argument of each call of a module's functions, in all their forms. */
function intercept(module: object, names: readonly string[], before: (name: string, first: unknown) => void): void {
    const functions = module as Functions;
    for (const name of names) {
        for (const form of [name, `${name}Sync`]) {
            const original = functions[form];
            if (original !== undefined) {
                functions[form] = Object.assign(function (this: unknown, ...args: unknown[]) {
                    before(name, args[0]);
                    return original.apply(this, args);
                }, original);
            }
        }
    }
}

/**
 * Notes from now on what this process looks at.
 *
 * @param inside folders whose content is known; what the kernel tells of this process never counts
 * @returns what was looked at up to now
 */
export function watchSurroundings(inside: readonly string[]): () => Surroundings {
    const variables = new Set<string>();
    const files = new Set<string>();
    const listed = new Set<string>();
    let ranPrograms = false;
    const look = (name: string, place: unknown): void => {
        if (typeof place !== "string" && !(place instanceof URL) && !Buffer.isBuffer(place)) {
            return;
        }
        const path = resolve(place instanceof URL ? fileURLToPath(place) : String(place));
        if (
            ![...inside, "/proc/self", `/proc/${process.pid}`].some(
                (folder) => path === folder || path.startsWith(folder + sep),
            )
        ) {
            files.add(path);
            if (listing.has(name)) {
                listed.add(path);
            }
        }
    };
    intercept(fs, looking, look);
    intercept(fs.promises, looking, look);
    intercept(childProcess, running, () => (ranPrograms = true));
    process.env = new Proxy(process.env, {
        get(target, name) {
            variables.add(String(name));
            return target[String(name)];
        },
        has(target, name) {
            variables.add(String(name));
            return name in target;
        },
    });
    return () => ({
        variables: [...variables].sort(),
        files: [...files].sort(),
        listed: [...listed].sort(),
        ranPrograms,
    });
}
