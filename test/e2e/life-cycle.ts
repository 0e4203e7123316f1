import assert from "node:assert/strict";

import { StackUnderTest } from "./stack-under-test";
import { canConnect } from "./workspace";

/** Stopped and started by the commands for it: what it was is what it is again. */
export function lifeCycle(stack: StackUnderTest): void {
    describe("stop and start", () => {
        const cluster = async () => {
            const listed = await stack.output("npm run -s clusters");
            return listed.split("\n").find((line) => line.startsWith(`${stack.stack} `)) ?? `not among:\n${listed}`;
        };

        it("is listed with its addresses", async () => {
            const line = await cluster();
            assert.match(line, / docker +1 +running +\S+ /);
            for (const [name, port] of Object.entries({ api: stack.ports.api, "taurus-https": stack.ports.https })) {
                assert.ok(line.includes(`${name} 127.0.0.1:${port}`), line);
            }
        });

        it("is stopped by `npm run stop`", async () => {
            stack.succeeded("npm run stop", await stack.run("npm", ["run", "stop"], { timeout: 120 }));
            assert.match(await cluster(), / docker +1 +exited /);
            assert.equal(await canConnect(stack.ports.https), false);
        });

        it("is as it was after `npm run start`, and `up` changes nothing", async () => {
            stack.succeeded("npm run start", await stack.run("npm", ["run", "start"], { timeout: 300 }));
            await stack.taurusAnswers(300);
            await stack.allPodsReady(240);
            await stack.upChangesNothing("pulumi up after the start");
        });
    });
}
