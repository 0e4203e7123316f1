/**
 * Builds the stand-in plugins into a folder, in the layout that Pulumi looks for:
 *
 *     <folder>/pulumi-language-nodejs                              beside the pulumi binary
 *     <folder>/resource-<name>-v<version>/pulumi-resource-<name>   under $PULUMI_HOME/plugins
 *
 * Each plugin is one bundled file with a small launcher: a no-op `pulumi up` starts all of them.
 */
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

import { build } from "esbuild";

/** The provider plugins; each folder's main.ts is the entry point, the version is that of the installed SDK. */
export const PROVIDER_PLUGINS = ["command", "docker", "kubernetes", "random"] as const;
export type ProviderPlugin = (typeof PROVIDER_PLUGINS)[number];

export interface BuildOptions {
    /** Build only these providers; default all whose entry point exists. */
    providers?: readonly ProviderPlugin[];
    /** Whether to build the language host; default true. */
    languageHost?: boolean;
}

/** The version of the installed SDK `@pulumi/<name>`, which is the plugin's version too. */
export async function pluginVersion(name: ProviderPlugin): Promise<string> {
    const manifest = createRequire(__filename).resolve(`@pulumi/${name}/package.json`);
    const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
    return version;
}

/**
 * Builds all plugins into `outDir`, replacing what stands there; each appears whole or not at all.
 * @throws Error when a bundle can't be built.
 */
export async function buildPlugins(outDir: string, options: BuildOptions = {}): Promise<void> {
    await mkdir(outDir, { recursive: true });
    const jobs: Promise<void>[] = [];
    if (options.languageHost ?? true) {
        jobs.push(buildLanguageHost(outDir));
    }
    for (const name of options.providers ?? PROVIDER_PLUGINS) {
        if (existsSync(join(__dirname, name, "main.ts"))) {
            jobs.push(buildProvider(outDir, name));
        } else if (options.providers !== undefined) {
            throw new Error(`There is no plugin ${name} to build.`);
        }
    }
    await Promise.all(jobs);
}

async function buildLanguageHost(outDir: string): Promise<void> {
    const name = "pulumi-language-nodejs";
    await bundle(join(__dirname, "language-nodejs", "main.ts"), join(outDir, `${name}.js`), {});
    await writeLauncher(join(outDir, name), `${name}.js`);
}

async function buildProvider(outDir: string, name: ProviderPlugin): Promise<void> {
    const version = await pluginVersion(name);
    const folder = join(outDir, `resource-${name}-v${version}`);
    const temporary = `${folder}.${process.pid}.partial`;
    await rm(temporary, { recursive: true, force: true });
    await mkdir(temporary, { recursive: true });
    await bundle(join(__dirname, name, "main.ts"), join(temporary, "main.js"), {
        "process.env.PLUGIN_VERSION": JSON.stringify(version),
    });
    await writeLauncher(join(temporary, `pulumi-resource-${name}`), "main.js");
    await rm(folder, { recursive: true, force: true });
    await rename(temporary, folder);
}

async function bundle(entryPoint: string, outfile: string, define: Record<string, string>): Promise<void> {
    const temporary = `${outfile}.${process.pid}.partial`;
    await build({
        entryPoints: [entryPoint],
        outfile: temporary,
        bundle: true,
        platform: "node",
        format: "cjs",
        target: "node20",
        minify: true,
        keepNames: true, // errors are told apart by their names
        legalComments: "none",
        logLevel: "silent",
        define,
    });
    await mkdir(dirname(outfile), { recursive: true });
    await rename(temporary, outfile);
}

/** An executable that runs `script` beside it with the node that built it, or the one on PATH if that is gone. */
async function writeLauncher(path: string, script: string): Promise<void> {
    const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
    const text = [
        "#!/bin/sh",
        `node=${quote(process.execPath)}`,
        '[ -x "$node" ] || node=node',
        `exec "$node" "$(dirname "$(readlink -f "$0")")/${script}" "$@"`,
        "",
    ].join("\n");
    const temporary = `${path}.${process.pid}.partial`;
    await writeFile(temporary, text);
    await chmod(temporary, 0o755);
    await rename(temporary, path);
}
