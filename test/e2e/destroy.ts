import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { docker, StackUnderTest, upTimeout } from "./stack-under-test";
import { canConnect } from "./workspace";

/** `pulumi destroy`, without a machine (by `npm run up -- --rebuild`) and with one. The last step: the stack is gone then. */
export function destroy(stack: StackUnderTest): void {
    describe("destroy", () => {
        const nothingIsLeft = async () => {
            assert.deepEqual(
                {
                    containers: stack.machineContainers(),
                    volumes: stack.machineVolumes(),
                    networks: stack.machineNetworks(),
                },
                { containers: [], volumes: [], networks: [] },
            );
            for (const [name, port] of Object.entries(stack.ports)) {
                assert.equal(await canConnect(port), false, `port ${port} (${name}) is still open`);
            }
            assert.equal(fs.existsSync(path.join(stack.root, "state/nta/machines", stack.cluster)), false);
        };

        it("is not needed to make anew what was deleted behind its back: `npm run up` says what is lost, and how", async () => {
            docker("rm", "--force", stack.node);
            docker("volume", "rm", ...stack.machineVolumes());
            const result = await stack.up("lost");
            assert.notEqual(result.code, 0);
            const said = result.stdout + result.stderr;
            assert.match(said, /Lost with them are.*all data in its volumes/s);
            assert.match(said, /npm run up -- --rebuild/);
            assert.deepEqual(stack.machineContainers(), []);
        });

        it("is a part of `npm run up -- --rebuild`, after which Taurus answers", async () => {
            const rebuild = await stack.run("npm", ["run", "up", "--", "--rebuild"], { timeout: upTimeout });
            assert.match(stack.succeeded("up --rebuild", rebuild).stdout, /source env/);
            const { status } = await (await stack.taurus()).request("GET", "/_models");
            assert.equal(status, 200);
        });

        it("leaves nothing behind", async () => {
            const result = stack.succeeded(
                "pulumi destroy",
                await stack.shell("pulumi destroy --yes --skip-preview", { timeout: 180 }),
            );
            assert.ok(result.seconds < 60, `it took ${result.seconds.toFixed(0)} s`);
            await nothingIsLeft();
        });
    });
}
