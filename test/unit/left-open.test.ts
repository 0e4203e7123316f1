/** What fails a file of integration tests that leaves something open. */
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { leftOpen } from "../integration/left-open";

describe("what tests leave open", () => {
    /** How many of a kind are open; other tests of this process may have left some. */
    async function count(kind: string): Promise<number> {
        // Mocha starts the test's own timer once the test waits.
        await sleep(10);
        return leftOpen().filter((one) => one === kind).length;
    }

    /** Checks that it is found while it is open, and not any more when it is closed. */
    async function isFound(kind: string, open: () => () => unknown): Promise<void> {
        const before = await count(kind);
        const close = open();
        assert.equal(await count(kind), before + 1, kind);
        await close();
        assert.equal(await count(kind), before, kind);
    }

    it("is found: a timer", () =>
        isFound("Timeout", () => {
            const timer = setTimeout(() => undefined, 60_000);
            return () => clearTimeout(timer);
        }));

    it("is found: a socket", () =>
        isFound("TCPServerWrap", () => {
            const server = net.createServer().listen(0, "127.0.0.1");
            return () => new Promise((resolve) => server.close(resolve));
        }));

    it("is found: a child", () =>
        isFound("ProcessWrap", () => {
            const child = spawn("sleep", ["60"], { stdio: "ignore" });
            return () => {
                const ended = new Promise((resolve) => child.once("close", resolve));
                child.kill();
                return ended;
            };
        }));

    it("is not looked for where it keeps nothing running", async () => {
        const before = await count("Timeout");
        const timer = setTimeout(() => undefined, 60_000).unref();
        assert.equal(await count("Timeout"), before);
        clearTimeout(timer);
    });
});
