/**
 * Measures `preview:diff` on this checkout (`npm run bench:preview-diff`), which needs no stack: against starting Node.js
 * with ts-node on an empty file, and with ever more declared jobs. Medians of runs that alternate, so that a busy machine
 * slows all of them.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { stringify } from "yaml";

import { median, seconds } from "./measure";

const root = path.resolve(__dirname, "..");
const rounds = 5;
const jobCounts = [0, 250, 500];

/** A repository of its own with this checkout's files, so that nothing here is changed. */
function copyOfCheckout(folder: string): string {
    const copy = path.join(folder, "nta");
    const files = execFileSync("git", ["ls-files", "-coz", "--exclude-standard"], { cwd: root, encoding: "utf8" });
    for (const name of files.split("\0").filter((one) => one !== "" && fs.existsSync(path.join(root, one)))) {
        fs.mkdirSync(path.dirname(path.join(copy, name)), { recursive: true });
        fs.copyFileSync(path.join(root, name), path.join(copy, name));
    }
    fs.symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"));
    const git = (...args: string[]) =>
        execFileSync("git", ["-c", "user.name=bench", "-c", "user.email=bench@example.com", ...args], { cwd: copy });
    git("init", "--quiet");
    git("add", "--all", ":!node_modules");
    git("commit", "--quiet", "--message", "base");
    return copy;
}

function jobs(count: number): string {
    const list = Array.from({ length: count }, (_, index) => ({
        name: `job-${index}`,
        kind: "batch",
        image: "htmengine",
        command: ["echo", String(index)],
    }));
    return stringify({ config: { "nta:provider": "auto", "nta:source": "sample", "nta:jobs": list } });
}

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-bench-"));
try {
    const copy = copyOfCheckout(folder);
    fs.writeFileSync(path.join(copy, "empty.ts"), "export {};\n");
    const checked = { extends: "./tsconfig.json", "ts-node": { swc: false, transpileOnly: false } };
    fs.writeFileSync(path.join(copy, "tsconfig.types.json"), JSON.stringify(checked));
    for (const count of jobCounts) {
        fs.writeFileSync(path.join(copy, `Pulumi.jobs${count}.yaml`), jobs(count));
    }
    const previewDiff = "node tools/bootstrap.mjs preview-diff --base HEAD";
    // Its own cache, so that what is kept there can be removed: the base is declared anew, or everything is.
    const env = { ...process.env, NTA_CACHE: path.join(folder, "cache") };
    const newBase = 'rm -rf "$NTA_CACHE/preview-diff/declared"';
    const commands = new Map([
        ["ts-node, an empty file", "node_modules/.bin/ts-node empty.ts"],
        [
            "ts-node with types checked, an empty file",
            "node_modules/.bin/ts-node --project tsconfig.types.json empty.ts",
        ],
        ["preview:diff, nothing in the cache", `rm -rf "$NTA_CACHE"; ${previewDiff}`],
        ["preview:diff, a base for the first time", `${newBase}; ${previewDiff}`],
        ["preview:diff, a base as before", previewDiff],
        ...jobCounts.map((count): [string, string] => [
            `preview:diff, ${count} jobs on both sides, for the first time`,
            `${newBase}; ${previewDiff} --stack jobs${count}`,
        ]),
    ]);
    const times = new Map([...commands.keys()].map((name): [string, number[]] => [name, []]));
    // The base has no such settings file: then the working tree's counts for both sides, and both declare the jobs.
    for (let round = 0; round < rounds; round++) {
        for (const [name, command] of commands) {
            times.get(name)?.push(seconds(command, copy, env));
        }
        process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const empty = median(times.get("ts-node, an empty file") ?? []);
    console.log("| command | s | over ts-node |\n| --- | --- | --- |");
    for (const [name, values] of times) {
        console.log(`| ${name} | ${median(values).toFixed(2)} | ${(median(values) / empty).toFixed(2)} |`);
    }
} finally {
    fs.rmSync(folder, { recursive: true, force: true });
}
