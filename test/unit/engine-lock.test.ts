import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";

import { Problem } from "../../tools/problem";
import type { Report } from "../../tools/progress";
import { isLockLive, isPulumiProcess, StackSession } from "../../tools/stack";

/** Waits for something that happens in milliseconds. */
async function eventually(condition: () => boolean): Promise<void> {
    for (const deadline = Date.now() + 10_000; !condition();) {
        assert.ok(Date.now() < deadline, `not so after 10 s: ${condition}`);
        await setTimeout(20);
    }
}

const stateOf = (pid: number) => /\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1];
const nameOf = (pid: number) => readFileSync(`/proc/${pid}/comm`, "utf8").trim();

// A name that nobody's stack has: the settings of this checkout's own stacks are looked at too.
const name = `lock-${process.pid}`;

describe("the engine's lock on a stack", () => {
    let folder: string;
    let engine: string;
    const started: ChildProcess[] = [];

    before(() => {
        folder = mkdtempSync(join(tmpdir(), "nta-engine-lock-"));
        // What sleeps under the engine's name.
        engine = join(folder, "pulumi");
        copyFileSync("/bin/sleep", engine);
        chmodSync(engine, 0o755);
    });

    afterEach(() => started.splice(0).forEach((child) => child.kill("SIGKILL")));

    after(() => rmSync(folder, { recursive: true }));

    it("is stale only if its process can't be at work", () => {
        const lock = { pid: 7, hostname: "here", timestamp: "" };
        assert.equal(
            isLockLive(lock, "here", () => true),
            true,
        );
        assert.equal(
            isLockLive(lock, "here", () => false),
            false,
        );
        assert.equal(
            isLockLive(lock, "elsewhere", () => false),
            true,
        );
    });

    it("is not held by a process that has the number now", () => {
        assert.equal(isPulumiProcess(process.pid), false);
    });

    it("is not held by an engine that was killed, even before its parent has asked for its end", async function () {
        if (process.platform !== "linux") {
            this.skip();
        }
        // A parent that never asks: the shell has become a program that knows of no children.
        const parent = spawn("sh", ["-c", '"$0" 300 & echo $!; exec sleep 300', engine], {
            stdio: ["ignore", "pipe", "ignore"],
        });
        started.push(parent);
        const pid = await new Promise<number>((resolve) =>
            parent.stdout.once("data", (text: Buffer) => resolve(Number(text.toString()))),
        );
        await eventually(() => nameOf(pid) === "pulumi" && nameOf(parent.pid ?? 0) === "sleep");
        assert.equal(isPulumiProcess(pid), true);
        process.kill(pid, "SIGKILL");
        await eventually(() => stateOf(pid) === "Z");
        assert.ok(process.kill(pid, 0), "a zombie still has its number");
        assert.equal(isPulumiProcess(pid), false);
    });

    describe("when a stack is prepared", () => {
        /** A stack on which an engine is at work for so long; what is called in place of `pulumi` writes down with what. */
        function busyStack(seconds: number) {
            const backendFolder = mkdtempSync(join(folder, "backend-"));
            const locks = join(backendFolder, ".pulumi", "locks", "organization", "nta", name);
            const calls = join(backendFolder, "calls");
            const program = join(backendFolder, "program");
            writeFileSync(program, `#!/bin/sh\necho "$1" >>'${calls}'\n`, { mode: 0o755 });
            const update = spawn(engine, [String(seconds)], { stdio: "ignore" });
            started.push(update);
            mkdirSync(locks, { recursive: true });
            writeFileSync(
                join(locks, "1.json"),
                JSON.stringify({ pid: update.pid, hostname: hostname(), timestamp: "2026-01-01T00:00:00Z" }),
            );
            const variables = {
                PULUMI_BACKEND_URL: `file://${backendFolder}`,
                PULUMI_CONFIG_PASSPHRASE: "x",
                PULUMI_CONFIG_PASSPHRASE_FILE: "",
            };
            const session = new StackSession(program, { home: folder, isUsers: false, variables, backendFolder }, name);
            const lines = new Set<string>();
            const report: Report = Object.assign((line: string) => void lines.add(line), {
                note: (line: string) => void lines.add(line),
            });
            return {
                pid: update.pid,
                lines,
                prepare: () => session.prepare(report),
                calls: () => readFileSync(calls, "utf8").trim().split("\n"),
            };
        }

        it("waits for an update that is about to end", async () => {
            const stack = busyStack(1);
            await stack.prepare();
            assert.deepEqual(
                [...stack.lines],
                [
                    `another update is running (process ${stack.pid}): waiting 5 s for its end`,
                    "the last update was killed; its lock is removed (pulumi cancel)",
                ],
            );
            assert.deepEqual(stack.calls(), ["cancel", "stack"]);
        });

        it("says so if it goes on", async () => {
            const stack = busyStack(300);
            await assert.rejects(
                stack.prepare(),
                new Problem(
                    `Another update of the stack ${name} is running (process ${stack.pid}, since 2026-01-01T00:00:00Z).\n` +
                        "Wait for its end.",
                ),
            );
        });
    });
});
