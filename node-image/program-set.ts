/** What a set of programs is, and where it stands in the cache. */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { join, parse } from "node:path";

import { digestOfFiles } from "./inputs";

/** Architecture names as Go, Docker and Debian have them. */
export type Architecture = "amd64" | "arm64";

/** An official release file. */
export interface Release {
    url: string;
    /** Where its publisher puts the SHA-256. */
    checksums: string;
    /** The program's path in the archive; left out when the file is the program itself. */
    member?: string;
}

/** Programs that come from one place, in one version. */
export interface ProgramSet {
    name: string;
    /** For messages. */
    title: string;
    /** Folder with the module file and its checksums that pin the sources, and with sources of our own. */
    module: string;
    /** Another module file than go.mod, for another version of the set: `<version>.mod`, with `<version>.sum`. */
    modFile?: string;
    /** Program names to Go packages. */
    packages: Record<string, string>;
    /** For Go's linker, besides leaving out symbol tables. */
    variables: Record<string, string>;
    /** Official releases, by program; empty where the publisher has none with checksums. */
    releases: Record<string, Release>;
}

/** Go's linker flags for a set. */
export function linkerFlags(set: ProgramSet): string {
    return ["-s", "-w", ...Object.entries(set.variables).map(([name, value]) => `-X ${name}=${value}`)].join(" ");
}

/** What a set's own version is made from in its module's folder, where other versions may have module files too. */
function moduleFiles({ module, modFile = "go.mod" }: ProgramSet): string[] {
    const isModuleFile = (name: string) => /\.(mod|sum)$/.test(name);
    return readdirSync(module)
        .sort()
        .filter((name) => !isModuleFile(name) || parse(name).name === parse(modFile).name);
}

/** What a set is made from, as a short hexadecimal key. The same for downloads and builds: both are that version. */
export function setKey(set: ProgramSet, architecture: Architecture): string {
    const sources = digestOfFiles(set.module, moduleFiles(set));
    return createHash("sha256")
        .update(JSON.stringify([architecture, set.packages, linkerFlags(set), set.releases, sources]))
        .digest("hex")
        .slice(0, 12);
}

/** Where a set stands once it is in the cache. */
export function setFolder(set: ProgramSet, architecture: Architecture, directory: string): string {
    return join(directory, "programs", `${set.name}-${setKey(set, architecture)}`);
}
