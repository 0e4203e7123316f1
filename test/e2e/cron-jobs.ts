import assert from "node:assert/strict";

import { everyMinute, nightly } from "./declared-jobs";
import { KubernetesObject } from "./kubernetes-objects";
import type { StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

/** Cron jobs that are up: run now, and by themselves. */
export function cronJobs(stack: StackUnderTest): void {
    describe("a cron job", () => {
        const run = (name: string) => stack.run("npm", ["run", "--silent", "job", "--", name], { timeout: 120 });
        const jobsOf = (name: string) =>
            stack.objects<KubernetesObject>(`jobs -n taurus -l app.kubernetes.io/name=${name}`);
        const byHand = ({ metadata }: KubernetesObject) =>
            metadata.annotations?.["cronjob.kubernetes.io/instantiate"] === "manual";

        it("has its schedule in a time zone", async () => {
            const template = "jsonpath={.spec.schedule} {.spec.timeZone}";
            assert.equal(
                await stack.output(`kubectl -n taurus get cronjob ${nightly.name} -o '${template}'`),
                `${nightly.schedule} ${nightly.timeZone}`,
            );
        });

        it("runs once, now, by `npm run job`, which shows its log", async () => {
            const { code, stdout, stderr } = await run(nightly.name);
            assert.equal(code, 0, stderr);
            assert.equal(stdout, "a report\n");
            const jobs = await jobsOf(nightly.name);
            assert.deepEqual(
                jobs.map((job) => [byHand(job), job.status.succeeded]),
                [[true, 1]],
            );
        });

        it("gives its exit code to `npm run job`", async () => {
            const { code, stdout } = await run(everyMinute.name);
            assert.deepEqual([code, stdout], [3, "nothing to report\n"]);
        });

        it("runs by itself when it is time", async () => {
            // A minute, and what a busy machine takes to begin.
            await eventually("a run that nobody asked for", 90, async () => {
                const jobs = await jobsOf(everyMinute.name);
                return jobs.find((job) => !byHand(job) && job.status.startTime !== undefined);
            });
        });
    });
}
