import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { createServer as createTcpServer, type AddressInfo, type Socket } from "node:net";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";

import { ensureArtifact, findDamage } from "../../tools/artifact";
import { download, reaches } from "../../tools/download";
import { tryLock } from "../../tools/lock.cjs";

const sha256 = (data: Buffer | string) => createHash("sha256").update(data).digest("hex");

describe("tools: files", () => {
    let folder: string;

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "nta-tools-"));
    });

    afterEach(() => {
        rmSync(folder, { recursive: true });
    });

    describe("downloads", () => {
        const content = Buffer.alloc(300_000, "0123456789");
        let server: Server;
        let base: string;
        let requests: string[];
        let breakAfter: number | undefined;

        beforeEach(async () => {
            requests = [];
            breakAfter = undefined;
            server = createServer((request, response) => {
                requests.push(`${request.method} ${request.url} ${request.headers.range ?? ""}`.trim());
                if (request.url === "/missing") {
                    response.writeHead(404).end();
                    return;
                }
                const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
                const body = content.subarray(from);
                response.writeHead(from > 0 ? 206 : 200, { "content-length": body.length });
                if (breakAfter !== undefined) {
                    const part = body.subarray(0, breakAfter);
                    breakAfter = undefined;
                    response.write(part, () => setTimeout(() => response.destroy(), 100));
                    return;
                }
                response.end(body);
            });
            await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
            base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        });

        afterEach(async () => {
            server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        });

        const fetchIt = (file: string, sum = sha256(content), path = "/file") =>
            download({ url: base + path, file, sha256: sum, report: (line) => reports.push(line) });
        let reports: string[] = [];

        it("are checked, and made once", async () => {
            const file = join(folder, "sub", "it");
            await fetchIt(file);
            assert.deepEqual(readFileSync(file), content);
            await fetchIt(file);
            assert.deepEqual(requests, ["GET /file"]);
            assert.deepEqual(readdirSync(join(folder, "sub")), ["it"]);
        });

        it("with a wrong checksum leave nothing and say both", async () => {
            const file = join(folder, "it");
            const wrong = sha256("other");
            await assert.rejects(fetchIt(file, wrong), (error: Error) => {
                assert.ok(error.message.includes(sha256(content)) && error.message.includes(wrong), error.message);
                assert.ok(error.message.includes(`${base}/file`));
                return true;
            });
            assert.deepEqual(readdirSync(folder), []);
        });

        it("that broke off go on where they stopped", async () => {
            const file = join(folder, "it");
            breakAfter = 100_000;
            await assert.rejects(fetchIt(file), /what came so far is kept/);
            assert.equal(existsSync(file), false);
            await fetchIt(file);
            assert.deepEqual(readFileSync(file), content);
            assert.equal(requests[0], "GET /file");
            const from = Number(/bytes=(\d+)-/.exec(requests[1] ?? "")?.[1]);
            assert.ok(from > 0 && from <= 100_000, requests.join(", "));
        });

        it("whose beginning was another file's start anew", async () => {
            const file = join(folder, "it");
            writeFileSync(`${file}.partial`, Buffer.alloc(1000, "x"));
            await fetchIt(file);
            assert.deepEqual(readFileSync(file), content);
            assert.deepEqual(requests, ["GET /file bytes=1000-", "GET /file"]);
        });

        it("that are corrupt on disk are said to be and fetched again", async () => {
            const file = join(folder, "it");
            writeFileSync(file, "damaged");
            reports = [];
            await fetchIt(file);
            assert.deepEqual(readFileSync(file), content);
            assert.match(reports[0] ?? "", /it is corrupt, it is fetched again/);
        });

        it("that the server does not have say what it answered", async () => {
            await assert.rejects(
                fetchIt(join(folder, "it"), sha256(""), "/missing"),
                /\/missing: the server answered 404/,
            );
        });

        it("that stall are given up", async () => {
            const silent = createServer((_request, response) => response.writeHead(200).write("x"));
            await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
            try {
                const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}/x`;
                const attempt = download({ url, file: join(folder, "it"), sha256: "", report: () => {}, stall: 300 });
                await assert.rejects(attempt, /no data for 0\.3 s/);
            } finally {
                silent.closeAllConnections();
                await new Promise((resolve) => silent.close(resolve));
            }
        });

        it("ask a host once whether it answers", async () => {
            assert.equal(await reaches(`${base}/a`), true);
            assert.equal(await reaches(`${base}/b`), true);
            assert.deepEqual(requests, ["HEAD /"]);
            const connections: Socket[] = [];
            const silent = createTcpServer((connection) => connections.push(connection));
            await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
            const started = Date.now();
            try {
                assert.equal(await reaches(`http://127.0.0.1:${(silent.address() as AddressInfo).port}/`, 500), false);
                assert.ok(Date.now() - started < 3000);
            } finally {
                connections.forEach((connection) => connection.destroy());
                await new Promise((resolve) => silent.close(resolve));
            }
        });
    });

    describe("artifacts", () => {
        let made = 0;
        const notes: string[] = [];
        const ensure = () =>
            ensureArtifact(
                join(folder, "it"),
                async (into) => {
                    made++;
                    await mkdir(join(into, "bin"));
                    await writeFile(join(into, "bin", "program"), "content");
                },
                (note) => notes.push(note),
            );

        beforeEach(() => {
            made = 0;
            notes.length = 0;
        });

        it("are made once", async () => {
            assert.equal(await ensure(), true);
            assert.equal(await ensure(), false);
            assert.equal(made, 1);
            assert.equal(await findDamage(join(folder, "it")), undefined);
        });

        it("are made once when two want them at the same time", async () => {
            assert.deepEqual((await Promise.all([ensure(), ensure()])).sort(), [false, true]);
            assert.equal(made, 1);
            assert.match(
                notes.join("\n"),
                new RegExp(`^waiting for process ${process.pid}, which is making .*/it since `),
            );
            assert.deepEqual(readdirSync(folder), ["it"]);
        });

        it("that are damaged in any way are said to be and made again", async () => {
            await ensure();
            const program = join(folder, "it", "bin", "program");
            for (const damage of [
                () => writeFileSync(program, "CONTENT"),
                () => truncateSync(program, 3),
                () => rmSync(program),
                () => writeFileSync(join(folder, "it", ".manifest.json"), "{"),
            ]) {
                notes.length = 0;
                damage();
                assert.equal(await ensure(), true);
                assert.equal(notes.length, 1);
                assert.match(notes[0] ?? "", /it is made again/);
                assert.equal(readFileSync(program, "utf8"), "content");
            }
        });

        it("are not taken for whole when making them failed or was interrupted", async () => {
            const failing = ensureArtifact(
                join(folder, "it"),
                async (into) => {
                    await writeFile(join(into, "half"), "");
                    throw new Error("no space");
                },
                () => {},
            );
            await assert.rejects(failing, /no space/);
            assert.equal(await findDamage(join(folder, "it")), "missing");
            assert.equal(await ensure(), true);
            assert.deepEqual(readdirSync(join(folder, "it")).sort(), [".manifest.json", "bin"]);
        });
    });

    describe("locks", () => {
        const script = `
            const { waitForLock } = require(process.argv[1]);
            const fs = require("node:fs");
            const [, , file, log, hold] = process.argv;
            waitForLock(file, "test", () => {}).then((release) => {
                fs.appendFileSync(log, "in " + process.pid + "\\n");
                setTimeout(() => {
                    fs.appendFileSync(log, "out " + process.pid + "\\n");
                    release();
                }, Number(hold));
            });`;
        const start = (file: string, log: string, hold: number) =>
            spawn(process.execPath, ["-e", script, join(__dirname, "../../tools/lock.cjs"), file, log, String(hold)], {
                stdio: "inherit",
            });
        const exit = (child: ReturnType<typeof spawn>) => new Promise((resolve) => child.once("exit", resolve));
        const lines = (log: string) => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);

        it("let one in at a time", async () => {
            const [file, log] = [join(folder, "lock"), join(folder, "log")];
            await Promise.all(Array.from({ length: 6 }, () => exit(start(file, log, 50))));
            const seen = lines(log);
            assert.equal(seen.length, 12);
            for (let index = 0; index < seen.length; index += 2) {
                assert.equal(seen[index]?.replace("in", "out"), seen[index + 1]);
            }
            assert.equal(existsSync(file), false);
        });

        it("of killed processes are free, also for several at once", async () => {
            const [file, log] = [join(folder, "lock"), join(folder, "log")];
            const holder = start(file, log, 60_000);
            while (lines(log).length === 0) {
                await new Promise((resolve) => setTimeout(resolve, 20));
            }
            const waiting = Array.from({ length: 4 }, () => exit(start(file, log, 20)));
            await new Promise((resolve) => setTimeout(resolve, 500));
            assert.equal(lines(log).length, 1, "nobody came in beside the holder");
            const ended = exit(holder);
            holder.kill("SIGKILL");
            await Promise.all([ended, ...waiting]);
            const seen = lines(log).slice(1);
            assert.equal(seen.length, 8);
            for (let index = 0; index < seen.length; index += 2) {
                assert.equal(seen[index]?.replace("in", "out"), seen[index + 1]);
            }
        });

        it("say who holds them", () => {
            const file = join(folder, "lock");
            const first = tryLock(file, "npm run up");
            const second = tryLock(file, "npm run destroy");
            assert.equal(second.holder?.pid, process.pid);
            assert.equal(second.holder?.purpose, "npm run up");
            first.release?.();
            const third = tryLock(file, "npm run destroy");
            assert.equal(third.holder, undefined);
            third.release?.();
        });

        it("of a process whose number another one has now are free", () => {
            const file = join(folder, "lock");
            const holder = { pid: process.pid, start: "1", hostname: hostname(), purpose: "old", since: "" };
            writeFileSync(file, JSON.stringify(holder));
            const lock = tryLock(file, "new");
            assert.equal(lock.holder, undefined);
            lock.release?.();
        });

        it("of other machines are left alone", () => {
            const file = join(folder, "lock");
            writeFileSync(file, JSON.stringify({ pid: 1, hostname: "another", purpose: "up", since: "" }));
            assert.equal(tryLock(file, "new").holder?.hostname, "another");
        });
    });
});
