import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { ensureArtifact } from "./artifact";
import { cacheDirectory, root, shortPath } from "./directories";
import { reaches } from "./download";
import { Problem } from "./problem";
import type { Report } from "./progress";
import { hasPlugin, installOfficialPlugin, placeLanguageHost, type PulumiEngine } from "./pulumi-engine";
import { pinned } from "./pinned";

/** Whose a plugin is: Pulumi's, or one of those in `plugins/`. */
export type PluginOrigin = "official" | "stand-in";

/** The origin of the language host and of each provider plugin, by name. */
export type PluginOrigins = Record<string, PluginOrigin>;

const marker = ".nta-stand-in";

/**
 * Which plugins have to be had, and how.
 * @param found what stands in the plugin folder now; a stand-in has the hash of the source that it was built from
 * @param online whether Pulumi's own plugins can be downloaded
 * @param source the hash of the stand-ins' present source
 */
export function planPlugins(
    found: Record<string, { origin: PluginOrigin; source?: string } | undefined>,
    online: boolean,
    source: string,
): { install: string[]; build: string[] } {
    const names = Object.keys(found);
    const install = names.filter((name) => found[name]?.origin !== "official" && online);
    const build = names.filter((name) => {
        const plugin = found[name];
        return plugin?.origin !== "official" && !online && plugin?.source !== source;
    });
    return { install, build };
}

/** What differs between two sets of plugins, in words; undefined when nothing does. */
export function originsDifference(before: PluginOrigins, now: PluginOrigins): string | undefined {
    const changed = Object.keys(now).filter((name) => before[name] !== undefined && before[name] !== now[name]);
    return changed.length === 0
        ? undefined
        : changed.map((name) => `${name}: ${before[name]} → ${now[name]}`).join(", ");
}

/**
 * Makes sure that the language host and the provider plugins are where the engine looks for them: Pulumi's own where
 * they are or can be downloaded, otherwise ours, built from `plugins/`.
 */
export async function ensurePlugins(
    engine: PulumiEngine,
    home: string,
    env: NodeJS.ProcessEnv,
    report: Report,
): Promise<PluginOrigins> {
    const source = await hashFolder(join(root, "plugins"));
    const plugins = pinned.plugins as Record<string, string>;
    const found = async () => {
        const result: Parameters<typeof planPlugins>[0] = {};
        for (const [name, version] of Object.entries(plugins)) {
            result[name] = await inspect(home, name, version);
        }
        return result;
    };
    let present = await found();
    let plan = planPlugins(present, await canDownload(present), source);
    for (const name of plan.install) {
        report(`installing Pulumi's ${name} plugin`);
        try {
            await rm(pluginFolder(home, name, plugins[name] ?? ""), { recursive: true, force: true });
            await installOfficialPlugin(engine, name, plugins[name] ?? "", env, report);
        } catch (error) {
            report.note(
                `${name}: ${error instanceof Error ? error.message : String(error)}; ours is used in its place`,
            );
        }
    }
    if (plan.install.length > 0) {
        present = await found();
    }
    plan = planPlugins(present, false, source);
    if (plan.build.length > 0 || !engine.hasLanguageHost) {
        const built = await buildStandIns(source, report);
        if (!engine.hasLanguageHost) {
            await placeLanguageHost(engine, built);
        }
        for (const name of plan.build) {
            await placeStandIn(built, home, name, plugins[name] ?? "", source);
        }
    }
    const origins: PluginOrigins = { "language-nodejs": engine.hasLanguageHost ? "official" : "stand-in" };
    for (const name of Object.keys(plugins)) {
        origins[name] = present[name]?.origin ?? "stand-in";
    }
    return origins;
}

async function canDownload(present: Parameters<typeof planPlugins>[0]): Promise<boolean> {
    const allOfficial = Object.values(present).every((plugin) => plugin?.origin === "official");
    return !allOfficial && (await reaches("https://github.com"));
}

function pluginFolder(home: string, name: string, version: string): string {
    return join(home, "plugins", `resource-${name}-v${version}`);
}

async function inspect(
    home: string,
    name: string,
    version: string,
): Promise<{ origin: PluginOrigin; source?: string } | undefined> {
    if (!hasPlugin(home, name, version)) {
        return undefined;
    }
    const file = join(pluginFolder(home, name, version), marker);
    return existsSync(file)
        ? { origin: "stand-in", source: (await readFile(file, "utf8")).trim() }
        : { origin: "official" };
}

/** Builds the stand-ins once per state of their source; the folder that they are in. */
async function buildStandIns(source: string, report: Report): Promise<string> {
    const folder = join(cacheDirectory(), "plugins", source);
    await ensureArtifact(
        folder,
        async (into) => {
            report("building stand-ins for Pulumi's plugins");
            // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is needed
            const { buildPlugins } = require("../plugins/build") as typeof import("../plugins/build");
            await buildPlugins(into);
        },
        report.note,
    );
    return folder;
}

async function placeStandIn(built: string, home: string, name: string, version: string, source: string): Promise<void> {
    const from = join(built, `resource-${name}-v${version}`);
    if (!existsSync(from)) {
        throw new Problem(
            `There is no stand-in for the plugin ${name} ${version}, and Pulumi's own can't be had here.`,
        );
    }
    const target = pluginFolder(home, name, version);
    // Beside the plugin folder and not in it: the engine takes every folder in there for a plugin.
    const partial = join(home, `resource-${name}.${process.pid}.partial`);
    await rm(partial, { recursive: true, force: true });
    await mkdir(dirname(target), { recursive: true });
    await cp(from, partial, { recursive: true });
    await writeFile(join(partial, marker), `${source}\n`);
    await rm(target, { recursive: true, force: true });
    await rename(partial, target);
}

/** A hash of the names and contents of all source files below a folder, and of the packages they are built with. */
async function hashFolder(folder: string): Promise<string> {
    const hash = createHash("sha256");
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    const files = entries
        .filter((entry) => entry.isFile() && /\.(ts|json|js|proto)$/.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name))
        .sort();
    for (const file of [...files, join(root, "package-lock.json")]) {
        hash.update(`${file.slice(root.length)}\0`);
        hash.update(await readFile(file));
    }
    // The launchers name the Node that runs them.
    hash.update(process.execPath);
    return hash.digest("hex").slice(0, 16);
}

/** Says what to do when a stack was made with other plugins than those that are here now. */
export async function rememberPlugins(
    stackFolder: string,
    stack: string,
    origins: PluginOrigins,
    hasResources: boolean,
): Promise<void> {
    const file = join(stackFolder, "plugins.json");
    if (hasResources && existsSync(file)) {
        const before = JSON.parse(await readFile(file, "utf8")) as PluginOrigins;
        const difference = originsDifference(before, origins);
        if (difference !== undefined && process.env.NTA_ACCEPT_PLUGINS !== "1") {
            throw new Problem(
                `The stack ${stack} was made with other plugins than those found now (${difference}).\n` +
                    "They keep the same kind of state, but may fill in different defaults, so look before you go on:\n" +
                    "  source env && pulumi preview --diff       shows what would change\n" +
                    "  NTA_ACCEPT_PLUGINS=1 npm run up           goes on with the plugins found now\n" +
                    `What the stack was made with stands in ${shortPath(file)}.`,
            );
        }
    }
    await mkdir(stackFolder, { recursive: true });
    await writeFile(`${file}.${process.pid}`, `${JSON.stringify(origins, undefined, 4)}\n`);
    await rename(`${file}.${process.pid}`, file);
}
