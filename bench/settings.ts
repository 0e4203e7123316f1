/**
 * Measures the check of the whole configuration (`npm run bench:settings`), which needs no stack: the first check of a new
 * process each time, as every `pulumi up` makes it, against starting Node.js with an empty program. Medians of runs that
 * alternate, so that a busy machine slows both.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

import { stringify } from "yaml";

import { parseSettings } from "../components/settings/parse";
import { readConfiguration } from "../tools/preview-diff/configuration";
import { median, seconds } from "./measure";

const root = path.resolve(__dirname, "..");
const rounds = 9;
const jobCounts = [0, 100, 500];

function jobs(count: number): string {
    const list = Array.from({ length: count }, (_, index) => ({
        name: `job-${index}`,
        kind: "batch",
        image: "htmengine",
        command: ["echo", String(index)],
    }));
    return stringify({ config: { "nta:jobs": list } });
}

/** Milliseconds of the first check in this process. */
function firstCheck(count: number): number {
    const projectFile = fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8");
    const { project, values, secretKeys } = readConfiguration(projectFile, jobs(count));
    const began = process.hrtime.bigint();
    const settings = parseSettings(values, secretKeys, {
        project,
        hostMemory: 65_536,
        readFile: (file) => fs.readFileSync(file, "utf8"),
        isFolder: (folder) => fs.existsSync(folder),
    });
    const milliseconds = Number(process.hrtime.bigint() - began) / 1e6;
    if (settings.jobs.length !== count) {
        throw new Error(`${settings.jobs.length} jobs were read, and not ${count}`);
    }
    return milliseconds;
}

const [, , asked] = process.argv;
if (asked !== undefined) {
    console.log(firstCheck(Number(asked)));
} else {
    const starts: number[] = [];
    const checks = new Map(jobCounts.map((count): [number, number[]] => [count, []]));
    for (let round = 0; round < rounds; round++) {
        starts.push(seconds("node -e 0", root, process.env) * 1000);
        for (const [count, times] of checks) {
            const options = ["-r", "ts-node/register/transpile-only", __filename, String(count)];
            times.push(Number(execFileSync(process.execPath, options, { cwd: root, encoding: "utf8" })));
        }
        process.stderr.write(`round ${round + 1} of ${rounds}\n`);
    }
    const start = median(starts);
    console.log("| checked | ms | over starting Node.js |\n| --- | --- | --- |");
    console.log(`| nothing: starting Node.js | ${start.toFixed(1)} | 1.00 |`);
    for (const [count, times] of checks) {
        const ms = median(times);
        console.log(`| all settings, ${count} jobs | ${ms.toFixed(1)} | ${(ms / start).toFixed(2)} |`);
    }
}
