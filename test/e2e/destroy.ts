import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { docker, StackUnderTest } from "./stack-under-test";
import { canConnect } from "./workspace";

/** `pulumi destroy`, with a machine and without. The last step: the stack is gone then. */
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

        const destroyed = async (what: string) => {
            const result = stack.succeeded(
                what,
                await stack.shell("pulumi destroy --yes --skip-preview", { timeout: 180 }),
            );
            assert.ok(result.seconds < 60, `it took ${result.seconds.toFixed(0)} s`);
            await nothingIsLeft();
        };

        it("leaves nothing behind", () => destroyed("pulumi destroy"));

        it("makes room for another `up`", async () => {
            const result = stack.succeeded("up after destroy", await stack.up("again"));
            assert.match(result.stdout, /source env/);
            const { status } = await (await stack.taurus()).request("GET", "/_models");
            assert.equal(status, 200);
        });

        it("works when the machine was deleted behind its back", async () => {
            docker("rm", "--force", stack.node);
            await destroyed("pulumi destroy without a machine");
        });
    });
}
