/**
 * Measures the stack that is up (`source env` first, or `npm run bench`) against an empty TypeScript program on the same
 * engine: medians of runs that alternate, so that a busy machine slows both.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { median, seconds } from "./measure";

const root = path.resolve(__dirname, "..");
const rounds = 5;

/** A project with a state of its own whose program is an empty file. */
function emptyProject(): { folder: string; env: NodeJS.ProcessEnv } {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-bench-"));
    fs.writeFileSync(path.join(folder, "Pulumi.yaml"), "name: empty\nruntime: nodejs\n");
    fs.writeFileSync(path.join(folder, "package.json"), '{ "main": "index.ts" }\n');
    fs.writeFileSync(path.join(folder, "index.ts"), "export {};\n");
    // As `pulumi new typescript` makes it.
    const compilerOptions = { strict: true, target: "es2020", module: "commonjs", moduleResolution: "node" };
    fs.writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["index.ts"] }));
    fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
    fs.mkdirSync(path.join(folder, "state"));
    const env = {
        ...process.env,
        PULUMI_BACKEND_URL: `file://${folder}/state`,
        PULUMI_CONFIG_PASSPHRASE: "bench",
        PULUMI_CONFIG_PASSPHRASE_FILE: undefined,
        PULUMI_STACK: "bench",
    };
    execFileSync("pulumi", ["stack", "init", "bench", "--non-interactive"], { cwd: folder, env, stdio: "ignore" });
    return { folder, env };
}

const empty = emptyProject();
try {
    console.log(`| command | this stack, s | empty program, s | ratio |\n| --- | --- | --- | --- |`);
    for (const command of [
        "pulumi up --yes --skip-preview --expect-no-changes --non-interactive",
        "pulumi preview --expect-no-changes --non-interactive",
    ]) {
        const ours: number[] = [];
        const theirs: number[] = [];
        // The empty program's first update makes its stack resource.
        seconds("pulumi up --yes --skip-preview --non-interactive", empty.folder, empty.env);
        for (let round = 0; round < rounds; round++) {
            theirs.push(seconds(command, empty.folder, empty.env));
            ours.push(seconds(command, root, process.env));
            process.stderr.write(`${command}: round ${round + 1} of ${rounds}\n`);
        }
        const [a, b] = [median(ours), median(theirs)];
        const name = command.split(" ").slice(0, 2).join(" ");
        console.log(`| ${name}, nothing changed | ${a.toFixed(2)} | ${b.toFixed(2)} | ${(a / b).toFixed(2)} |`);
    }
    const stack = execFileSync("pulumi", ["stack", "--show-name"], { cwd: root, encoding: "utf8" }).trim();
    const node = `nta-${stack}-1`;
    const pods = execFileSync("docker", ["exec", node, "sh", "-c", "ps -eo rss=,comm="], { encoding: "utf8" });
    const programs = /^(etcd|kube-|kubelet|flanneld|coredns|containerd|docker-registr|systemd)/;
    const kib = pods
        .split("\n")
        .map((line) => line.trim().split(/\s+/))
        .filter(([, name]) => name !== undefined && programs.test(name))
        .reduce((sum, [rss]) => sum + Number(rss), 0);
    console.log(`\nControl plane, node and registry programs: ${(kib / 1024).toFixed(0)} MiB resident`);
} finally {
    fs.rmSync(empty.folder, { recursive: true, force: true });
}
