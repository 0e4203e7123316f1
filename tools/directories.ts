import { homedir } from "node:os";
import { join, resolve } from "node:path";

/** The folder that this file's checkout stands in. */
export const root = resolve(__dirname, "..");

/** Where everything that can be made again is kept: downloads, builds. `NTA_CACHE`, or by the XDG convention. */
export function cacheDirectory(environment: NodeJS.ProcessEnv = process.env): string {
    return environment.NTA_CACHE || join(environment.XDG_CACHE_HOME || join(homedir(), ".cache"), "nta");
}

/** Where what must not be lost is kept: Pulumi's state, the passphrase, machines. `NTA_STATE`, or by XDG. */
export function stateDirectory(environment: NodeJS.ProcessEnv = process.env): string {
    return environment.NTA_STATE || join(environment.XDG_STATE_HOME || join(homedir(), ".local", "state"), "nta");
}

/** `path` with the home folder as `~`, for messages. */
export function shortPath(path: string): string {
    const home = homedir();
    return path === home || path.startsWith(`${home}/`) ? `~${path.slice(home.length)}` : path;
}
