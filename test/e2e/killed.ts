import assert from "node:assert/strict";

import { StackUnderTest } from "./stack-under-test";

/** `npm run up` killed in the middle, again and again, and then run to its end. */
export function killed(stack: StackUnderTest): void {
    /** Runs `npm run up`, kills it and everything below it when `when` matches a line, and checks that it was killed there. */
    async function upKilledAt(what: string, when: RegExp): Promise<void> {
        let killed = false;
        const result = await stack.up(what, (text, kill) => {
            if (!killed && when.test(text)) {
                killed = true;
                // A moment later, so that the step is under way and not just announced.
                setTimeout(kill, 1500);
            }
        });
        const lines = result.lines.slice(-40).map((line) => line.text);
        assert.ok(killed, `no line matched ${when}; the last lines:\n${lines.join("\n")}`);
        assert.equal(result.code, 137, `the run ended before it could be killed`);
    }

    describe("killed three times", () => {
        it("is killed while it makes the machine", () => upKilledAt("up, killed 1", /cluster-machine creating/));

        it("is killed while it builds an image", () => upKilledAt("up, killed 2", /images-htmengine creating/));

        it("is killed while it rolls out", () => upKilledAt("up, killed 3", /taurus-schema-job creating/));

        it("converges when it is run again", async () => {
            const result = stack.succeeded("up after three kills", await stack.up("up"));
            assert.match(result.stdout, /source env/);
        });
    });
}
