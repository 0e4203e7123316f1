/**
 * Fails a file of tests that leaves something open: a socket, a child, a timer. In mocha's own process such a thing keeps
 * Node.js from ending, which tools/test.ts sees; a worker of `--parallel` is ended by its pool, and nobody would see it.
 */
import * as assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** How long something may stay open after the last test, in ms: as long as tools/test.ts waits for mocha to end. */
const lingering = 60_000;

// Both are opened by the first line that is written.
void [process.stdout, process.stderr];
/**
 * Kinds of what is open that is not the tests': the channel to the pool, mocha's timer for the hook below, and what an
 * earlier file was failed for.
 */
const known = [...process.getActiveResourcesInfo(), "Timeout"];

/** Kinds of what keeps this process running and is not known. */
export function leftOpen(): string[] {
    const rest = [...known];
    return process.getActiveResourcesInfo().filter((kind) => {
        const index = rest.indexOf(kind);
        return index === -1 || rest.splice(index, 1).length === 0;
    });
}

export const mochaHooks: Mocha.RootHookObject = {
    async afterAll(this: Mocha.Context) {
        const titles = this.test?.parent?.suites.map(({ title }) => `"${title}"`).join(", ");
        const deadline = Date.now() + lingering;
        let left: string[];
        do {
            // Mocha starts its timer once a hook waits.
            await sleep(100);
            left = leftOpen();
        } while (left.length > 0 && Date.now() < deadline);
        known.push(...left);
        assert.deepEqual(left, [], `the tests of ${titles} left something open that would keep Node.js running`);
    },
};
