import type { CommitLookup } from "../workloads/ci-build/git";

/** What parsing needs to know beside the configuration itself. */
export interface SettingsContext {
    /** The project's name: the namespace of its settings, `nta`. */
    project: string;
    /** Memory of this machine in MiB, if known: a node can't have more. */
    hostMemory?: number;
    /** Reads a text file, for settings that may name one; relative paths are the project folder's. Throws if it can't. */
    readFile: (path: string) => string;
    /** Whether there is such a folder, if that can be found out; relative paths are the project folder's. */
    isFolder?: (path: string) => boolean;
    /** Looks a commit up in a git checkout, if that can be done; relative paths are the project folder's. */
    findCommit?: (checkout: string, ref: string) => CommitLookup;
}
