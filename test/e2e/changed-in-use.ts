import assert from "node:assert/strict";

import { SteadyCalls } from "./http-client";
import { Pod } from "./kubernetes-objects";
import { NodeRelay } from "./node-relay";
import { surveyHasWorkers, surveyRun } from "./parallel-job";
import { Reader } from "./published-site";
import type { StackUnderTest } from "./stack-under-test";
import { sitePods } from "./static-files";
import { eventually } from "./taurus-client";

/** Requests a second that the service answers meanwhile, and after how many it is enough. */
const rate = 50;
const callLimit = rate * 400;

/**
 * A service, a published folder and a parallel job that are changed by one `pulumi up` while they are used.
 *
 * @param declare Declares the second release of the first two, and four workers of the survey.
 */
export function changedInUse(stack: StackUnderTest, declare: () => void): void {
    describe("changed by one `pulumi up` while they are used", () => {
        let relays: NodeRelay[] = [];
        let calls: SteadyCalls;
        let reader: Reader;
        let run: string;

        before(async () => {
            relays = [await NodeRelay.open(stack, "web"), await NodeRelay.open(stack, "site")];
            const earlier = (await sitePods(stack)).map(({ metadata }) => metadata.name);
            run = await surveyRun(stack);
            calls = new SteadyCalls(relays[0].url, rate, callLimit);
            reader = new Reader(relays[1].url);
            try {
                declare();
                const what = "up with changed workloads";
                const [result] = await Promise.all([stack.pulumiUp(what), surveyHasWorkers(stack, 4, 240)]);
                stack.succeeded(what, result);
                await eventually("the pods of the first release are gone", 90, async () => {
                    const webPods = await stack.objects<Pod>("pods -n taurus -l app.kubernetes.io/name=web");
                    const releases = webPods.map(({ spec }) => spec.containers[0].env?.[0].value).join();
                    const left = (await sitePods(stack)).filter(({ metadata }) => earlier.includes(metadata.name));
                    return releases === "2,2" && left.length === 0 ? true : undefined;
                });
            } finally {
                await Promise.all([calls.stop(), reader.stop()]);
            }
        });

        after(() => relays.forEach((relay) => relay.close()));

        it("the service answers each of 50 requests a second, with the old release or the new one", () => {
            stack.figures.push(
                `service: ${calls.made} requests in ${calls.seconds.toFixed(1)} s through a rolling update, ` +
                    `${calls.failures.length} failed, the slowest took ${calls.slowest} ms`,
            );
            assert.deepEqual(calls.failures, []);
            assert.deepEqual([...calls.answers.keys()].sort(), ["1", "2"]);
            assert.equal(
                [...calls.answers.values()].reduce((sum, count) => sum + count),
                calls.made,
            );
            assert.ok(calls.made < callLimit && calls.made >= Math.floor(calls.seconds * rate), `${calls.made}`);
        });

        it("no reader of the published folder sees a mix of releases", () => {
            stack.figures.push(
                `site: ${[...reader.visits].map(([seen, count]) => `${count} visits saw release ${seen}`).join(", ")}`,
            );
            assert.deepEqual(reader.failures, []);
            assert.deepEqual([...reader.visits.keys()].sort(), ["1", "2"]);
        });

        it("the parallel job has more workers in the same run", async () => {
            assert.equal(await surveyRun(stack), run);
        });
    });
}
