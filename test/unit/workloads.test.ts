import * as assert from "node:assert/strict";

import { batchJob } from "../../components/workloads/batch-job/batch-job";
import { runProgram } from "./mock-engine";

describe("workloads: a batch job", () => {
    const args = {
        workloadName: "report",
        namespace: "taurus",
        image: "localhost:5000/htmengine@sha256:1",
        command: ["python", "-m", "report"],
        env: { MODE: "full", TOKEN: { secret: "report", key: "token" } },
        resources: { cpu: "100m", memory: "256Mi" },
        retries: 2,
        deadline: 600,
        wait: true,
    };

    it("is a Job under the Pod Security Standard restricted", () => {
        const labels = {
            "app.kubernetes.io/name": "report",
            "app.kubernetes.io/part-of": "taurus",
            "app.kubernetes.io/component": "batch-job",
        };
        assert.deepEqual(batchJob(args), {
            metadata: { name: "report", namespace: "taurus", labels },
            spec: {
                backoffLimit: 2,
                activeDeadlineSeconds: 600,
                template: {
                    metadata: { labels },
                    spec: {
                        restartPolicy: "Never",
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        securityContext: {
                            runAsNonRoot: true,
                            runAsUser: 10001,
                            runAsGroup: 10001,
                            fsGroup: 10001,
                            fsGroupChangePolicy: "OnRootMismatch",
                            seccompProfile: { type: "RuntimeDefault" },
                        },
                        containers: [
                            {
                                name: "report",
                                image: "localhost:5000/htmengine@sha256:1",
                                command: ["python", "-m", "report"],
                                env: [
                                    { name: "MODE", value: "full" },
                                    {
                                        name: "TOKEN",
                                        valueFrom: { secretKeyRef: { name: "report", key: "token" } },
                                    },
                                ],
                                resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "256Mi" } },
                                securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
                            },
                        ],
                    },
                },
            },
        });
    });

    it("that is not waited for says so to the provider", () => {
        assert.deepEqual(batchJob({ ...args, wait: false }).metadata, {
            name: "report",
            namespace: "taurus",
            labels: {
                "app.kubernetes.io/name": "report",
                "app.kubernetes.io/part-of": "taurus",
                "app.kubernetes.io/component": "batch-job",
            },
            annotations: { "pulumi.com/skipAwait": "true" },
        });
    });
});

describe("workloads: the setting jobs", function () {
    this.timeout(60_000);

    it("makes a component for each entry, with our image by digest, after the support services", async () => {
        const jobs = [{ kind: "batch", name: "report", image: "htmengine", command: ["true"] }];
        const { find, all } = await runProgram(
            () => {
                const program = require.resolve("../../index");
                delete require.cache[program];
                // eslint-disable-next-line @typescript-eslint/no-require-imports -- as Pulumi's own runner loads it
                return require(program) as object;
            },
            {
                config: { "nta:jobs": JSON.stringify(jobs) },
                provide: ({ type, name, inputs }) =>
                    type === "docker:index/image:Image"
                        ? { ...inputs, repoDigest: `localhost:5000/${name}@sha256:0` }
                        : type === "command:local:Command"
                          ? { ...inputs, stdout: "" }
                          : inputs,
            },
        );
        const job = find("kubernetes:batch/v1:Job", "workloads-report-job");
        const { spec } = job.inputs as { spec: { template: { spec: { containers: { image: string }[] } } } };
        assert.equal(spec.template.spec.containers[0].image, "localhost:5000/images-htmengine@sha256:0");
        for (const set of all("kubernetes:apps/v1:StatefulSet")) {
            assert.ok(job.began > set.ended, `the job waits for ${set.name}`);
        }
    });
});
