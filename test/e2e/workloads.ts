import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { batchJobs, failingJob } from "./batch-jobs";
import { changedInUse } from "./changed-in-use";
import { cronJobs } from "./cron-jobs";
import * as jobs from "./declared-jobs";
import { parallelJobBegins, parallelJobEnds } from "./parallel-job";
import { writeSite } from "./published-site";
import { listed, StackUnderTest } from "./stack-under-test";
import { staticFiles } from "./static-files";
import { eventually } from "./taurus-client";

/** What entries of `jobs` may become. */
const kinds = [
    ...["deployments", "replicasets", "replicationcontrollers", "jobs", "cronjobs", "pods", "services", "configmaps"],
    ...["secrets", "serviceaccounts", "roles", "rolebindings", "persistentvolumeclaims", "persistentvolumes"],
].join();

/** Workloads of every kind: declared, changed while they are used, and taken away. Needs a stack that is up and has none. */
export function workloads(stack: StackUnderTest): void {
    describe("workloads of every kind", () => {
        const folder = path.join(stack.root, "site");
        const tasks = path.join(stack.root, "tasks.txt");
        const everyObject = async () => listed(await stack.output(`kubectl -n taurus get ${kinds} -o name`)).sort();
        let objectsBefore: string[];

        const declare = (release: number, workers: number, more: object[] = []) => {
            writeSite(folder, release);
            stack.set("jobs", [
                ...[jobs.regionTests, jobs.retried, jobs.endless, jobs.nightly, jobs.everyMinute, jobs.words],
                ...[jobs.survey(tasks, workers), jobs.web(String(release)), jobs.site(folder), ...more],
            ]);
        };

        // Each in a suite of its own: mocha runs a suite's own tests before those of the suites in it.
        describe("declared", () => {
            it("come up with one `pulumi up`, which waits for the ends that it is to wait for", async () => {
                objectsBefore = await everyObject();
                fs.writeFileSync(tasks, jobs.surveyList.map((task) => `${task}\n`).join(""));
                declare(1, 2);
                stack.succeeded("up with workloads", await stack.pulumiUp("up with workloads"));
            });
        });

        parallelJobBegins(stack);
        changedInUse(stack, () => declare(2, 4));
        batchJobs(stack);
        cronJobs(stack);
        staticFiles(stack);
        parallelJobEnds(stack);

        describe("declared as they are", () => {
            it("are left alone by `pulumi up`", async () => {
                await stack.upChangesNothing("pulumi up with workloads, nothing changed");
            });
        });

        failingJob(stack, (failing) => declare(2, 4, [failing]));

        describe("no longer declared", () => {
            it("go, and leave nothing behind", async () => {
                stack.set("jobs", []);
                stack.succeeded("up without workloads", await stack.pulumiUp("up without workloads"));
                await eventually("all that the workloads had is gone", 90, async () => {
                    assert.deepEqual(await everyObject(), objectsBefore);
                    return true;
                });
                await stack.upChangesNothing("pulumi up after the workloads");
            });

            it("leave Taurus well, whose broker was killed", async () => {
                await stack.taurusAnswers(120);
                await stack.allPodsReady(120);
            });
        });
    });
}
