import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { parseDocument } from "yaml";

import type { TaskResult } from "../integration/parallel-run";
import { Workspace } from "./workspace";

/**
 * A parallel job on the stack's RabbitMQ: workers, broker and master are killed, the number of workers changes, and each
 * task's outcome is recorded once. Needs a stack that is up.
 */
export function parallelJob(workspace: Workspace): void {
    describe("a parallel job", () => {
        const count = 120;
        const job = {
            kind: "parallel",
            name: "regions",
            image: "htmengine",
            tasks: { command: ["/bin/sh", "-c", `seq ${count} | sed 's/.*/sleep 1; echo task &/'; echo 'exit 7'`] },
            workers: 2,
            resources: { cpu: "50m", memory: "128Mi" },
        };

        async function up(jobs: object[]): Promise<void> {
            const file = path.join(workspace.clone, `Pulumi.${workspace.stack}.yaml`);
            const document = parseDocument(fs.readFileSync(file, "utf8"));
            document.setIn(["config", "nta:jobs"], jobs);
            fs.writeFileSync(file, document.toString());
            await workspace.output("pulumi up --yes --skip-preview", { timeout: 600 });
        }
        const pods = async (selector: string) =>
            (await workspace.output(`kubectl -n taurus get pods -o name -l app.kubernetes.io/name=${selector}`))
                .split("\n")
                .filter((name) => name !== "");
        const kill = async (selector: string) => {
            const [pod] = await pods(selector);
            assert.ok(pod !== undefined, `there is no pod of ${selector}`);
            await workspace.output(`kubectl -n taurus delete ${pod} --grace-period=0 --force`);
        };
        const log = () => workspace.output("kubectl -n taurus logs job/regions -c master --tail=1");
        async function until(what: string, seconds: number, test: () => Promise<boolean>): Promise<void> {
            const end = Date.now() + seconds * 1000;
            while (!(await test())) {
                assert.ok(
                    Date.now() < end,
                    `not after ${seconds} s: ${what}; the master's log ends with: ${await log()}`,
                );
                await new Promise((resolve) => setTimeout(resolve, 1000));
            }
        }

        it("starts its workers, and more of them when the setting says so", async () => {
            await up([job]);
            await until("two workers", 120, async () => (await pods("regions-worker")).length === 2);
            await up([{ ...job, workers: 4 }]);
            await until("four workers", 60, async () => (await pods("regions-worker")).length === 4);
        });

        it("ends although a worker, the broker and the master are killed", async () => {
            await kill("regions-worker");
            await kill("rabbit");
            await kill("regions");
            await until("the job's end", 300, async () => {
                const failed = "jsonpath={.status.conditions[?(@.type=='Failed')].status}";
                return (await workspace.output(`kubectl -n taurus get job regions -o "${failed}"`)) === "True";
            });
            await until("no workers", 60, async () => (await pods("regions-worker")).length === 0);
        });

        it("has recorded each outcome once, and failed for the task that did", async () => {
            const printed = await workspace.output("npm run -s results -- regions", { timeout: 120 });
            const results = printed.split("\n").map((line) => JSON.parse(line) as TaskResult);
            assert.deepEqual(
                results.map(({ task }) => task).sort((a, b) => a - b),
                Array.from({ length: count + 1 }, (_, index) => index + 1),
            );
            for (const { task, outcome, output, exitCode, tries } of results) {
                const expected = task <= count ? ["succeeded", `task ${task}\n`, 0, 1] : ["failed", "", 7, 3];
                assert.deepEqual([outcome, output, exitCode, tries], expected);
            }
        });

        it("goes with its entry", async () => {
            await up([]);
            const kinds = "jobs,replicationcontrollers,pods,configmaps,serviceaccounts,roles,rolebindings";
            const left = await workspace.output(
                `kubectl -n taurus get ${kinds} -o name -l app.kubernetes.io/component=parallel-job`,
            );
            assert.equal(left, "");
        });
    });
}
