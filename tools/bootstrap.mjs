// Runs a tool written in TypeScript: node tools/bootstrap.mjs <tool> [arguments]. Plain Node without packages, because
// it is what runs first on a fresh clone: it installs the Node packages when they are missing or do not fit the lock file.

/* global console, process, setInterval, clearInterval */

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import lock from "./lock.cjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const oldest = 20;
const bundled = new Set(["preview-diff"]);

/** What keeps the installed packages from fitting the lock file, or undefined when they fit. */
function packagesProblem() {
    // npm writes this file last, so an interrupted installation has none.
    const installedFile = join(root, "node_modules", ".package-lock.json");
    if (!existsSync(installedFile)) {
        return "not installed yet";
    }
    const wanted = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")).packages;
    const installed = JSON.parse(readFileSync(installedFile, "utf8")).packages;
    for (const [name, { version, optional, link }] of Object.entries(wanted)) {
        if (name === "" || link === true) {
            continue;
        }
        if (installed[name] === undefined ? optional !== true : installed[name].version !== version) {
            return `${name.replace(/^node_modules\//, "")} is not at ${version}`;
        }
    }
    return undefined;
}

/** Runs `npm ci`, with a line at least every 5 s. */
async function installPackages(problem) {
    const started = Date.now();
    const seconds = () => `${Math.round((Date.now() - started) / 1000)} s`;
    console.log(`Node packages: ${problem}; npm ci …`);
    const child = spawn("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], {
        cwd: root,
        stdio: ["ignore", "inherit", "inherit"],
    });
    const timer = setInterval(() => console.log(`Node packages: npm ci, ${seconds()}`), 5000);
    const code = await new Promise((settle) => {
        child.once("error", () => settle(127));
        child.once("exit", (exitCode) => settle(exitCode ?? 1));
    });
    clearInterval(timer);
    if (code !== 0) {
        console.error(
            "Node packages: npm ci failed, see above. Run it again, or `npm ci` by hand, when that is solved.",
        );
        process.exit(1);
    }
    console.log(`Node packages: installed (${seconds()})`);
}

/**
 * Runs a tool in this process, as one bundle: it starts in a fifth of the time. For tools that are waited for and that
 * neither download nor start what outlives them.
 */
async function runHere(name, args) {
    const { bundle } = await import("./bundle.cjs");
    const source = join(root, "tools", `${name}.ts`);
    const { text } = await bundle(source, root, ["esbuild"]);
    const file = join(root, "node_modules", ".cache", "tools", `${name}.js`);
    mkdirSync(dirname(file), { recursive: true });
    const partial = `${file}.${process.pid}`;
    writeFileSync(partial, text);
    renameSync(partial, file);
    process.chdir(root);
    process.argv = [process.execPath, source, ...args];
    createRequire(file)(file);
}

/** Runs the tool in place of this process, as far as Node can: same terminal, same exit code. */
async function runTool(name, args) {
    const child = spawn(
        process.execPath,
        ["-r", "ts-node/register/transpile-only", join(root, "tools", `${name}.ts`), ...args],
        {
            stdio: "inherit",
            env: {
                ...process.env,
                NTA_WORKING_DIRECTORY: process.env.INIT_CWD ?? process.cwd(),
                // Newer versions of Node then honour HTTPS_PROXY in their own downloads.
                NODE_USE_ENV_PROXY: process.env.NODE_USE_ENV_PROXY ?? "1",
            },
            cwd: root,
        },
    );
    // Ctrl-C reaches the tool by itself: it is in the same process group. Anything else is handed on.
    process.on("SIGINT", () => {});
    for (const signal of ["SIGTERM", "SIGHUP"]) {
        process.on(signal, () => child.kill(signal));
    }
    const [code, signal] = await new Promise((settle) => child.once("exit", (...result) => settle(result)));
    process.exit(code ?? (signal === "SIGINT" ? 130 : 1));
}

const [tool, ...rest] = process.argv.slice(2);
if (tool === undefined || !/^[a-z-]+$/.test(tool) || !existsSync(join(root, "tools", `${tool}.ts`))) {
    console.error("Usage: node tools/bootstrap.mjs <tool> [arguments]; the tools are package.json's scripts.");
    process.exit(2);
}
if (Number(process.versions.node.split(".")[0]) < oldest) {
    console.error(`Node.js ${process.versions.node} is too old: version ${oldest} or later is needed.`);
    process.exit(1);
}
let problem = packagesProblem();
if (problem !== undefined) {
    const cache = process.env.NTA_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "nta");
    const name = `node-packages-${root.replace(/[^a-zA-Z0-9]+/g, "-")}.lock`;
    const release = await lock.waitForLock(join(cache, "locks", name), "npm ci", (holder) =>
        console.log(`Node packages: waiting for process ${holder.pid}, which installs them …`),
    );
    problem = packagesProblem();
    if (problem !== undefined) {
        await installPackages(problem);
    }
    release();
}
await (bundled.has(tool) ? runHere : runTool)(tool, rest);
