/** What a Node.js program depends on, read from its package.json and node_modules. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface Dependency {
    name: string;
    version: string;
}

/** A provider plugin that an installed SDK asks for. */
export interface RequiredPlugin {
    name: string;
    version: string;
    /** Where the plugin can be downloaded, where the SDK names a place. */
    server: string;
}

interface Manifest {
    version?: string;
    dependencies?: Record<string, string>;
    devDependencies?: Record<string, string>;
    /** What Pulumi's SDKs say of themselves. */
    pulumi?: { resource?: boolean; name?: string; version?: string; server?: string };
}

/** The program's direct dependencies in their installed versions; with `transitive`, all that the lock file names. */
export function programDependencies(programDirectory: string, transitive: boolean): Dependency[] {
    const root = packageRoot(programDirectory);
    if (root === undefined) {
        return [];
    }
    const lockFile = join(root, "package-lock.json");
    if (transitive && existsSync(lockFile)) {
        const lock = JSON.parse(readFileSync(lockFile, "utf8")) as { packages?: Record<string, { version?: string }> };
        return Object.entries(lock.packages ?? {})
            .filter(([path, entry]) => path !== "" && entry.version !== undefined)
            .map(([path, entry]) => ({
                name: path.split("node_modules/").pop() ?? path,
                version: entry.version ?? "",
            }));
    }
    return installed(root).map(({ name, manifest }) => ({ name, version: manifest.version ?? "" }));
}

/** The plugins of the program's direct dependencies that are Pulumi SDKs. */
export function requiredPlugins(programDirectory: string): RequiredPlugin[] {
    const root = packageRoot(programDirectory);
    if (root === undefined) {
        return [];
    }
    return installed(root)
        .filter(({ manifest }) => manifest.pulumi?.resource === true)
        .map(({ name, manifest }) => ({
            name: manifest.pulumi?.name ?? name.replace(/^@pulumi\//, ""),
            version: (manifest.pulumi?.version ?? manifest.version ?? "").replace(/^v/, ""),
            server: manifest.pulumi?.server ?? "",
        }));
}

/** The nearest folder at or above `directory` that holds a package.json. */
export function packageRoot(directory: string): string | undefined {
    for (let folder = directory; ; folder = dirname(folder)) {
        if (existsSync(join(folder, "package.json"))) {
            return folder;
        }
        if (folder === dirname(folder)) {
            return undefined;
        }
    }
}

function installed(root: string): { name: string; manifest: Manifest }[] {
    const own = readManifest(join(root, "package.json"));
    const names = Object.keys({ ...own?.devDependencies, ...own?.dependencies });
    const lookup = createRequire(join(root, "package.json")).resolve.paths("x") ?? [];
    const result: { name: string; manifest: Manifest }[] = [];
    for (const name of names.sort()) {
        for (const folder of lookup) {
            const manifest = readManifest(join(folder, name, "package.json"));
            if (manifest !== undefined) {
                result.push({ name, manifest });
                break;
            }
        }
    }
    return result;
}

function readManifest(path: string): Manifest | undefined {
    try {
        return JSON.parse(readFileSync(path, "utf8")) as Manifest;
    } catch {
        return undefined; // not installed: npm's business, and the program will say what it misses
    }
}
