import { readFile } from "node:fs/promises";
import { dirname, sep } from "node:path";

import { build, type BuildFailure, type Plugin } from "esbuild";

/** Files of a bundle still know where they stood: programs find their templates and image folders by that. */
function originalPaths(root: string): Plugin {
    return {
        name: "original-paths",
        setup(bundler) {
            bundler.onLoad({ filter: /\.[cm]?[jt]s$/ }, async ({ path }) => {
                if (!path.startsWith(root + sep) || path.includes(`${sep}node_modules${sep}`)) {
                    return undefined;
                }
                const text = (await readFile(path, "utf8")).replace(/^#!.*/, "");
                const names = `const __filename = ${JSON.stringify(path)}, __dirname = ${JSON.stringify(dirname(path))};`;
                return { contents: `${names}${text}`, loader: /ts$/.test(path) ? "ts" : "js" };
            });
        },
    };
}

/**
 * Turns a TypeScript program and its own modules into one JavaScript file: much quicker to make and to load than by
 * compiling each module when it is required.
 *
 * @param external packages that stay outside, where Node finds them from the file's folder; all, unless given
 * @throws Error with the first places that do not compile, in paths relative to `root`
 */
export async function bundle(entryPoint: string, outfile: string, root: string, external?: string[]): Promise<void> {
    try {
        await build({
            entryPoints: [entryPoint],
            outfile,
            absWorkingDir: root,
            bundle: true,
            platform: "node",
            format: "cjs",
            target: "node20",
            ...(external === undefined ? { packages: "external" } : { external }),
            plugins: [originalPaths(root)],
            logLevel: "silent",
        });
    } catch (error) {
        const { errors } = error as BuildFailure;
        if (!Array.isArray(errors)) {
            throw error;
        }
        const lines = errors
            .slice(0, 5)
            .map(({ text, location }) =>
                location === null ? text : `${location.file}:${location.line}:${location.column + 1}: ${text}`,
            );
        throw new Error(lines.join("\n"), { cause: error });
    }
}
