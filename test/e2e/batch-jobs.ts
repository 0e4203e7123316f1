import assert from "node:assert/strict";

import { endless, failing, regionTests, retried } from "./declared-jobs";
import { KubernetesObject, Pod } from "./kubernetes-objects";
import type { StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

const logOf = (stack: StackUnderTest, name: string) => stack.output(`kubectl -n taurus logs job/${name}`);

/** How many tests passed, as the log of the region tests says; none of them failed. */
const passed = / ([1-9]\d*) passed(?!.*(failed|error))/;

/** Batch jobs that are up. */
export function batchJobs(stack: StackUnderTest): void {
    describe("a batch job", () => {
        const pods = (name: string) => stack.objects<Pod>(`pods -n taurus -l app.kubernetes.io/name=${name}`);
        /** Why a Job failed; waits until it has. */
        const failure = (name: string) =>
            eventually(`the job ${name} has failed`, 90, async () => {
                const [job] = await stack.objects<KubernetesObject>(`jobs -n taurus -l app.kubernetes.io/name=${name}`);
                const conditions = (job.status.conditions ?? []) as { type: string; reason: string }[];
                return conditions.find(({ type }) => type === "Failed")?.reason;
            });

        it("has run NuPIC's region tests, and has their log", async () => {
            assert.match(await logOf(stack, regionTests.name), passed);
            const [job] = await stack.objects<KubernetesObject>(
                `jobs -n taurus -l app.kubernetes.io/name=${regionTests.name}`,
            );
            assert.equal(job.status.succeeded, 1);
        });

        it("is tried as often as it says, each time by a pod that stays with its log", async () => {
            assert.equal(await failure(retried.name), "BackoffLimitExceeded");
            const tries = await pods(retried.name);
            assert.equal(tries.length, 1 + retried.retries);
            for (const { metadata } of tries) {
                assert.equal(await stack.output(`kubectl -n taurus logs ${metadata.name}`), "tried");
            }
        });

        it("ends at its deadline, and its log stays", async () => {
            await failure(endless.name);
            const [{ status }] = await pods(endless.name);
            assert.equal(status.reason, "DeadlineExceeded");
            assert.equal(await logOf(stack, endless.name), "begun");
        });
    });
}

/**
 * A batch job that fails the update that waits for it.
 *
 * @param declare Declares it beside what is there.
 */
export function failingJob(stack: StackUnderTest, declare: (job: object) => void): void {
    describe("a batch job that fails", () => {
        it("lets `pulumi up` fail, which tells its name, exit code and last lines, and has its log", async () => {
            declare(failing);
            const { code, stdout, stderr } = await stack.pulumiUp("up with a job that fails");
            assert.notEqual(code, 0);
            const said = stdout + stderr;
            assert.match(said, /Job taurus\/failing failed/);
            assert.match(said, /exit code 7/);
            const lines = Array.from({ length: 30 }, (_, index) => `line ${index + 1}`);
            assert.deepEqual(
                lines.filter((line) => new RegExp(`\\b${line}\\b`).test(said)),
                lines.slice(-20),
            );
            assert.equal(await logOf(stack, failing.name), lines.join("\n"));
        });
    });
}
