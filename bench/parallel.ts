/**
 * Measures parallel jobs on this machine (`npm run bench:parallel`): tasks a second of four workers over those of four bare
 * AMQP clients that run the same commands from the same kind of queue, and what is lost or recorded twice when the broker
 * and workers are killed. It needs Docker and Go, and no cluster.
 */
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { BrokerContainer, parallelProgram, ParallelRun } from "../test/integration/parallel-run";
import { command } from "../tools/command";
import { median } from "./measure";

const count = 10_000;
const workers = 4;
const rounds = 3;
const kills = 10;
const tasks = Array.from({ length: count }, () => "true");
const say = (line: string) => process.stderr.write(`${line}\n`);

/** Seconds from the clients' start to their last acknowledgement. */
async function bareSeconds(program: string, broker: BrokerContainer): Promise<number> {
    const url = `amqp://taurus:${broker.password}@127.0.0.1:${broker.port}/`;
    await command([program, "fill", url, "bare", String(count), "true"]);
    const started = Date.now();
    const ends = Array.from({ length: workers }, async () => {
        const child = spawn(program, ["work", url, "bare", "/bin/sh", "-c"], { stdio: ["ignore", "pipe", "inherit"] });
        let last = "";
        for await (const text of child.stdout) {
            last += String(text);
        }
        return Number(last);
    });
    return (Math.max(...(await Promise.all(ends))) - started) / 1000;
}

/** Seconds from the start of master and workers to the master's end. */
async function ourSeconds(program: string, broker: BrokerContainer): Promise<number> {
    const started = Date.now();
    const run = new ParallelRun(program, broker, { tasks, workers });
    try {
        const code = await run.master.ended;
        if (code !== 0) {
            throw new Error(`the master ended with ${code}:\n${run.master.log}`);
        }
        return (Date.now() - started) / 1000;
    } finally {
        await run.remove();
    }
}

/** Kills the broker and a worker again and again, and tells how many outcomes are missing, and how many are there twice. */
async function killed(program: string, broker: BrokerContainer): Promise<{ lost: number; twice: number }> {
    const run = new ParallelRun(program, broker, { tasks, workers });
    try {
        for (let kill = 0; kill < kills; kill++) {
            await run.recorded(Math.round(((kill + 0.5) * count) / kills));
            run.workers[kill % workers].kill();
            await broker.kill();
            say(`killed the broker and a worker: ${kill + 1} of ${kills} times`);
        }
        await run.master.ended;
        const results = run.results();
        const distinct = new Set(results.map(({ task }) => task)).size;
        return { lost: count - distinct, twice: results.length - distinct };
    } finally {
        await run.remove();
    }
}

async function main(): Promise<void> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-bench-"));
    const bare = path.join(folder, "bare-worker");
    await command(["go", "build", "-o", bare, "."], {
        cwd: path.join(__dirname, "bare-worker"),
        env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly -trimpath", GOWORK: "off" },
    });
    const program = await parallelProgram(say);
    const broker = await BrokerContainer.start();
    try {
        const [ours, theirs]: [number[], number[]] = [[], []];
        for (let round = 0; round < rounds; round++) {
            theirs.push(count / (await bareSeconds(bare, broker)));
            ours.push(count / (await ourSeconds(program, broker)));
            say(
                `round ${round + 1} of ${rounds}: ${ours[round].toFixed(0)} and ${theirs[round].toFixed(0)} tasks a second`,
            );
        }
        const [a, b] = [median(ours), median(theirs)];
        console.log("| tasks a second, parallel job | bare AMQP clients | ratio |\n| --- | --- | --- |");
        console.log(`| ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)} |`);
        const { lost, twice } = await killed(program, broker);
        console.log(`\nBroker and worker killed ${kills} times: ${lost} tasks lost, ${twice} recorded twice`);
    } finally {
        await broker.remove();
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

main().catch((error: Error) => {
    say(`error: ${error.message}`);
    process.exitCode = 1;
});
