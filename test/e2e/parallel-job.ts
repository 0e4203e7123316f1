import assert from "node:assert/strict";

import type { TaskResult } from "../integration/parallel-run";
import { survey, surveyList, words } from "./declared-jobs";
import { KubernetesObject, Pod } from "./kubernetes-objects";
import { docker, listed, StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

const podsOf = (stack: StackUnderTest, name: string) =>
    stack.objects<Pod>(`pods -n taurus -l app.kubernetes.io/name=${name}`);

const running = (pods: Pod[]) => pods.filter(({ status }) => status.phase === "Running");

/** The workers of the survey that run now. */
const surveyWorkers = async (stack: StackUnderTest) => running(await podsOf(stack, "survey-worker"));

const surveyJob = async (stack: StackUnderTest) => {
    const [job] = await stack.objects<KubernetesObject>("jobs -n taurus -l app.kubernetes.io/name=survey");
    return job;
};

/** Tells one run of the survey from another. */
export const surveyRun = async (stack: StackUnderTest) => (await surveyJob(stack)).metadata.uid;

/** SIGKILL to a pod's container, as when memory runs out: nobody is told beforehand. */
function killContainer(stack: StackUnderTest, { metadata, status }: Pod): void {
    const id = status.containerStatuses?.[0].containerID?.replace("containerd://", "");
    assert.ok(id !== undefined, `the container of ${metadata.name} does not run`);
    docker("exec", stack.node, "ctr", "--namespace", "k8s.io", "tasks", "kill", "--signal", "SIGKILL", id);
}

/** A run of many tasks that has just begun, and a short one that `pulumi up` has waited for. */
export function parallelJobBegins(stack: StackUnderTest): void {
    describe("a parallel job", () => {
        it("takes the lines that a command prints for its tasks, and ends with success and without workers", async () => {
            const [job] = await stack.objects<KubernetesObject>("jobs -n taurus -l app.kubernetes.io/name=words");
            assert.equal(job.status.succeeded, 1);
            assert.match(
                await stack.output(`kubectl -n taurus logs job/${words.name}`),
                /3 tasks succeeded, 0 did not/,
            );
            const replicas = await stack.output("kubectl -n taurus get rc/words-worker -o 'jsonpath={.spec.replicas}'");
            assert.equal(replicas, "0");
        });

        it("is killed in its midst: its workers, its master and the broker", async () => {
            const file = "/var/lib/nta/volumes/parallel-results/survey/latest/results.jsonl";
            const ended = await eventually("some tasks have ended", 60, async () => {
                const count = listed(await stack.output(`docker exec ${stack.node} cat ${file}`)).length;
                return count >= 5 ? count : undefined;
            });
            await surveyHasWorkers(stack, 2, 60);
            const masters = running(await podsOf(stack, "survey"));
            const victims = [...(await surveyWorkers(stack)), ...masters, ...(await podsOf(stack, "rabbit"))];
            assert.equal(victims.length, 4);
            for (const pod of victims) {
                killContainer(stack, pod);
            }
            stack.figures.push(`parallel job: killed when ${ended} of ${surveyList.length} tasks had ended`);
        });
    });
}

/** Waits until the survey has as many workers at once, in the run that it has begun. */
export async function surveyHasWorkers(stack: StackUnderTest, count: number, seconds: number): Promise<void> {
    await eventually(`the parallel job has ${count} workers`, seconds, async () =>
        (await surveyWorkers(stack)).length === count ? true : undefined,
    );
}

/** The end of the run that was killed in its midst. */
export function parallelJobEnds(stack: StackUnderTest): void {
    describe("the parallel job that was killed in its midst", () => {
        const said = () => stack.output("kubectl -n taurus logs -l app.kubernetes.io/name=survey --tail=-1");

        it("ends, without success because one task has failed, and without workers", async () => {
            const [failed] = await eventually("the parallel job has ended", 240, async () => {
                const conditions = ((await surveyJob(stack)).status.conditions ?? []) as { type: string }[];
                const end = conditions.filter(({ type }) => type === "Failed" || type === "Complete");
                return end.length > 0 ? end : undefined;
            });
            assert.equal(failed.type, "Failed");
            const master = (await podsOf(stack, "survey")).map(({ status }) => [
                status.phase,
                status.containerStatuses?.[0].state?.terminated?.exitCode,
            ]);
            // Killed, and then done.
            assert.deepEqual(master.sort(), [
                ["Failed", 1],
                ["Failed", 137],
            ]);
            const log = await said();
            assert.match(log, new RegExp(`going on: \\d+ of ${surveyList.length} tasks`));
            assert.match(log, /workers: 4/);
            assert.match(log, /task 1 failed for good, at try 2: exit code 3/);
            assert.match(log, new RegExp(`${surveyList.length - 1} tasks succeeded, 1 did not`));
            await eventually("the workers are gone", 60, async () =>
                (await podsOf(stack, "survey-worker")).length === 0 ? true : undefined,
            );
        });

        it("has each task's outcome once, by `npm run results`", async () => {
            const result = await stack.run("npm", ["run", "--silent", "results", "--", survey.name], { timeout: 120 });
            assert.equal(result.code, 0, result.stderr);
            const results = listed(result.stdout).map((line) => JSON.parse(line) as TaskResult);
            results.sort((a, b) => a.task - b.task);
            const seen = results.map(({ task, command, outcome, tries, exitCode, output }) => {
                return { task, command, outcome, tries, exitCode, output };
            });
            const expected = surveyList.map((command, index) => {
                const task = index + 1;
                return task === 1
                    ? { task, command, outcome: "failed", tries: 2, exitCode: 3, output: "" }
                    : {
                          task,
                          command,
                          outcome: "succeeded",
                          tries: task === 2 ? 2 : 1,
                          exitCode: 0,
                          output: `${task}\n`,
                      };
            });
            assert.deepEqual(seen, expected);
        });

        it("leaves no queues at the broker", async () => {
            const queues = await stack.output(
                "kubectl -n taurus exec rabbit-0 -- rabbitmqctl --quiet list_queues --no-table-headers name",
                { timeout: 60 },
            );
            assert.deepEqual(
                listed(queues).filter((name) => name.startsWith("parallel.")),
                [],
            );
        });
    });
}
