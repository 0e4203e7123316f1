import * as assert from "node:assert/strict";
import * as net from "node:net";
import * as path from "node:path";

import { command } from "../../tools/command";
import { freePort } from "../free-port";

describe("a free port", () => {
    const several = (count: number) => Promise.all(Array.from({ length: count }, freePort));

    it("is given to one test alone, of all processes that run tests", async () => {
        const own = await several(150);
        const module = JSON.stringify(path.join(__dirname, "../free-port"));
        const script = `Promise.all(Array.from({ length: 150 }, require(${module}).freePort)).then((ports) => console.log(ports.join()))`;
        const line = [process.execPath, "--require", "ts-node/register/transpile-only", "--eval", script] as const;
        const others = await Promise.all([command(line), command(line)]);
        const all = [own, ...others.map(({ stdout }) => stdout.trim().split(",").map(Number))].flat();
        assert.equal(new Set(all).size, 450);
        assert.ok(all.every((port) => port >= 20_000 && port < 29_000));
    });

    it("is none that something listens on", async () => {
        // Ports of a block follow each other: the next one is taken.
        const [port] = await several(1);
        const server = net.createServer();
        await new Promise<void>((resolve) => server.listen(port - 1, "127.0.0.1", resolve));
        try {
            const [next] = await several(1);
            assert.notEqual(next, port - 1);
        } finally {
            await new Promise((resolve) => server.close(resolve));
        }
    });
});
