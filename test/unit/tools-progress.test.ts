import assert from "node:assert/strict";

import { fitLine, formatDuration, Progress } from "../../tools/progress";
import { countMocha, countSuite } from "../../tools/test-results";

describe("tools: progress", () => {
    class Stream {
        text = "";
        columns = 60;
        constructor(readonly isTTY: boolean) {}
        write(text: string) {
            this.text += text;
        }
    }

    it("writes durations as people say them", () => {
        assert.equal(formatDuration(999), "0s");
        assert.equal(formatDuration(59_999), "59s");
        assert.equal(formatDuration(125_000), "2m 05s");
        assert.equal(formatDuration(3_725_000), "1h 02m");
    });

    it("keeps a line one line", () => {
        assert.equal(fitLine("a\u001b[31mb\tc\r\n", 10), "ab c ");
        assert.equal(fitLine("abcdefgh", 5), "abcd…");
    });

    it("numbers steps and says what came of them", async () => {
        const stream = new Stream(false);
        const progress = new Progress(2, stream);
        await progress.step("One", (report) => {
            report("at it");
            report("still at it");
            report.note("a fact");
            return Promise.resolve();
        });
        await assert.rejects(progress.step("Two", () => Promise.reject(new Error("no"))));
        assert.equal(stream.text, "[1/2] One: at it (0s)\n[1/2] One: a fact\n[1/2] One: ready\n[2/2] Two: failed\n");
    });

    it("is not silent for 10 s where there is no terminal", async () => {
        const stream = new Stream(false);
        let now = 0;
        const times: number[] = [];
        const progress = new Progress(1, { write: (text: string) => (times.push(now), stream.write(text)) }, () => now);
        const realSetInterval = globalThis.setInterval;
        let tick: () => void = () => {};
        globalThis.setInterval = ((callback: () => void) => {
            tick = callback;
            return realSetInterval(() => {}, 1 << 30);
        }) as typeof setInterval;
        try {
            await progress.step("Slow", async (report) => {
                report("compiling");
                for (let second = 0; second < 60; second++) {
                    now += 1000;
                    tick();
                }
            });
        } finally {
            globalThis.setInterval = realSetInterval;
        }
        const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
        assert.ok(times.length >= 6, stream.text);
        assert.ok(Math.max(...gaps) < 10_000, gaps.join(" "));
    });

    it("redraws one line on a terminal", async () => {
        const stream = new Stream(true);
        const progress = new Progress(1, stream);
        await progress.step("Step", async (report) => {
            report("x".repeat(100));
            await new Promise((resolve) => setTimeout(resolve, 600));
        });
        const drawn = stream.text.split("\r\u001b[K").slice(1);
        assert.ok(drawn.length >= 3, JSON.stringify(stream.text));
        assert.ok(drawn.every((line) => line.length < stream.columns));
        assert.equal(stream.text.split("\n").length, 2);
        assert.ok(stream.text.endsWith("[1/1] Step: ready\n"));
    });
});

describe("tools: test results", () => {
    it("reads mocha's summary", () => {
        assert.deepEqual(countMocha("\n  12 passing (3s)\n  1 pending\n  2 failing\n"), { passed: 12, failed: 2 });
        assert.deepEqual(countMocha("  3 passing (10ms)\n"), { passed: 3, failed: 0 });
        assert.equal(countMocha("TypeError: …"), undefined);
    });

    it("does not take a crash for a success", () => {
        assert.deepEqual(countSuite(1, "SyntaxError", true), { passed: 0, failed: 1 });
        assert.deepEqual(countSuite(1, "  3 passing (1s)\n", true), { passed: 3, failed: 1 });
        assert.deepEqual(countSuite(0, "", true), { passed: 0, failed: 1 });
        assert.deepEqual(countSuite(0, "fine", false), { passed: 1, failed: 0 });
        assert.deepEqual(countSuite(2, "lint errors", false), { passed: 0, failed: 1 });
    });
});
