"use strict";

/* global require, module */

// Plain JavaScript, because bootstrap.mjs needs it before anything can run TypeScript. Types: bundle.d.cts.

/* eslint-disable @typescript-eslint/no-require-imports -- a CommonJS file */
const { readdirSync, readFileSync } = require("node:fs");
const { builtinModules } = require("node:module");
const { dirname, join } = require("node:path");

const { build } = require("esbuild");

/** The project's own modules that ask where they stand, with their texts. */
function modulesWithPaths(folder, found = new Map()) {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
        const path = join(folder, entry.name);
        if (entry.isDirectory() && entry.name !== "node_modules" && !entry.name.startsWith(".")) {
            modulesWithPaths(path, found);
        } else if (entry.isFile() && /\.[cm]?[jt]s$/.test(entry.name)) {
            const text = readFileSync(path, "utf8");
            if (/__(filename|dirname)/.test(text)) {
                found.set(path, text);
            }
        }
    }
    return found;
}

/** Files of a bundle still know where they stood: programs find their templates and image folders by that. */
function originalPaths(root) {
    return {
        name: "original-paths",
        setup(bundler) {
            const modules = modulesWithPaths(root);
            // The bundler is much quicker with files that it does not ask us for.
            const paths = [...modules.keys()].map((path) => path.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
            bundler.onLoad({ filter: new RegExp(`^(${paths.join("|")})$`) }, ({ path }) => {
                const text = modules.get(path).replace(/^#!.*/, "");
                const names = `const __filename = ${JSON.stringify(path)}, __dirname = ${JSON.stringify(dirname(path))};`;
                return { contents: `${names}${text}`, loader: /ts$/.test(path) ? "ts" : "js" };
            });
        },
    };
}

function isPackage(name) {
    return !name.startsWith("node:") && !builtinModules.includes(name);
}

async function bundle(entryPoint, root, external) {
    try {
        const { outputFiles, metafile } = await build({
            entryPoints: [entryPoint],
            outfile: "bundle.js",
            write: false,
            metafile: true,
            absWorkingDir: root,
            bundle: true,
            platform: "node",
            format: "cjs",
            target: "node20",
            ...(external === undefined ? { packages: "external" } : { external }),
            plugins: [originalPaths(root)],
            logLevel: "silent",
        });
        const imports = Object.values(metafile.outputs).flatMap((output) => output.imports);
        const packages = imports.filter(({ external, path }) => external && isPackage(path)).map(({ path }) => path);
        return { text: outputFiles[0].text, packages: [...new Set(packages)] };
    } catch (error) {
        const { errors } = error;
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

module.exports = { bundle };
