import * as assert from "node:assert/strict";

import { batchJob } from "../../components/workloads/batch-job/batch-job";
import { cronJob } from "../../components/workloads/cron-job/cron-job";
import { serviceAutoscaler, serviceDeployment, serviceService } from "../../components/workloads/service/service";
import { manualJob } from "../../operations/run/manual-job";
import { restrictedContainer, restrictedPod } from "./restricted-standard";
import { runWholeProgram } from "./whole-program";

const run = {
    workloadName: "report",
    namespace: "taurus",
    image: "localhost:5000/htmengine@sha256:1",
    command: ["python", "-m", "report"],
    env: { MODE: "full", TOKEN: { secret: "report", key: "token" } },
    resources: { cpu: "100m", memory: "256Mi" },
    retries: 2,
    deadline: 600,
};

const labelsOf = (name: string, kind: string) => ({
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/part-of": "taurus",
    "app.kubernetes.io/component": kind,
});

/** What the pods of all workloads have: the Pod Security Standard "restricted". */
const pod = {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    securityContext: restrictedPod,
};

const jobSpecOf = (kind: string) => ({
    backoffLimit: 2,
    // Later than the pod's own: a Job at its deadline deletes the pod with its log.
    activeDeadlineSeconds: 660,
    template: {
        metadata: { labels: labelsOf("report", kind) },
        spec: {
            restartPolicy: "Never",
            activeDeadlineSeconds: 600,
            terminationGracePeriodSeconds: 30,
            ...pod,
            containers: [
                {
                    name: "report",
                    image: "localhost:5000/htmengine@sha256:1",
                    command: ["python", "-m", "report"],
                    env: [
                        { name: "MODE", value: "full" },
                        { name: "TOKEN", valueFrom: { secretKeyRef: { name: "report", key: "token" } } },
                    ],
                    resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "256Mi" } },
                    securityContext: restrictedContainer,
                },
            ],
        },
    },
});

describe("workloads: a batch job", () => {
    it("is a Job under the Pod Security Standard restricted", () => {
        assert.deepEqual(batchJob({ ...run, wait: true }), {
            metadata: {
                name: "report",
                namespace: "taurus",
                labels: labelsOf("report", "batch-job"),
                annotations: { "pulumi.com/replaceUnready": "true" },
            },
            spec: jobSpecOf("batch-job"),
        });
    });

    it("that is not waited for says so to the provider", () => {
        assert.deepEqual(batchJob({ ...run, wait: false }).metadata, {
            name: "report",
            namespace: "taurus",
            labels: labelsOf("report", "batch-job"),
            annotations: { "pulumi.com/waitFor": "jsonpath={.metadata.uid}" },
        });
    });

    it("without a deadline has none", () => {
        const { spec } = batchJob({ ...run, deadline: undefined, wait: true }) as {
            spec: { template: { spec: object } };
        };
        assert.ok(!("activeDeadlineSeconds" in spec));
        assert.ok(!("activeDeadlineSeconds" in spec.template.spec));
    });
});

describe("workloads: a cron job", () => {
    const args = {
        ...run,
        schedule: "30 2 * * *",
        timeZone: "Europe/Berlin",
        concurrencyPolicy: "Forbid" as const,
        suspend: false,
        startingDeadline: 300,
        keepSucceeded: 3,
        keepFailed: 5,
    };

    it("is a CronJob whose runs are as a batch job's", () => {
        const labels = labelsOf("report", "cron-job");
        assert.deepEqual(cronJob(args), {
            metadata: { name: "report", namespace: "taurus", labels },
            spec: {
                schedule: "30 2 * * *",
                timeZone: "Europe/Berlin",
                concurrencyPolicy: "Forbid",
                suspend: false,
                startingDeadlineSeconds: 300,
                successfulJobsHistoryLimit: 3,
                failedJobsHistoryLimit: 5,
                jobTemplate: { metadata: { labels }, spec: jobSpecOf("cron-job") },
            },
        });
    });

    it("is run now as a Job of its history", () => {
        const name = "a".repeat(60);
        const live = {
            metadata: { name, namespace: "taurus", uid: "u-1" },
            spec: { jobTemplate: { metadata: { labels: { a: "b" } }, spec: { backoffLimit: 2 } } },
        };
        assert.deepEqual(manualJob(live, "t0abcd"), {
            apiVersion: "batch/v1",
            kind: "Job",
            metadata: {
                name: `${"a".repeat(56)}-t0abcd`,
                namespace: "taurus",
                labels: { a: "b" },
                annotations: { "cronjob.kubernetes.io/instantiate": "manual" },
                ownerReferences: [{ apiVersion: "batch/v1", kind: "CronJob", name, uid: "u-1", controller: true }],
            },
            spec: { backoffLimit: 2 },
        });
    });
});

describe("workloads: a service", () => {
    const args = {
        workloadName: "web",
        namespace: "taurus",
        image: "registry/web@sha256:1",
        resources: { cpu: "100m", memory: "256Mi" },
        replicas: 2,
        ports: [
            { name: "http", port: 80, containerPort: 8080 },
            { name: "admin", port: 9000 },
        ],
        readiness: { path: "/health" },
        liveness: {},
        drain: 5,
        stopTimeout: 30,
        type: "ClusterIP" as const,
        clusterIP: "10.100.200.1",
    };
    const labels = labelsOf("web", "service");
    const metadata = { name: "web", namespace: "taurus", labels };

    it("is a Deployment that replaces a pod only when a new one is ready, and lets the old one drain", () => {
        const ready = { httpGet: { path: "/health", port: 8080 }, timeoutSeconds: 5 };
        assert.deepEqual(serviceDeployment(args), {
            metadata,
            spec: {
                replicas: 2,
                revisionHistoryLimit: 2,
                strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
                selector: { matchLabels: labels },
                template: {
                    metadata: { labels },
                    spec: {
                        ...pod,
                        terminationGracePeriodSeconds: 35,
                        topologySpreadConstraints: [
                            {
                                topologyKey: "kubernetes.io/hostname",
                                maxSkew: 1,
                                whenUnsatisfiable: "ScheduleAnyway",
                                labelSelector: { matchLabels: labels },
                            },
                        ],
                        containers: [
                            {
                                name: "web",
                                image: "registry/web@sha256:1",
                                env: [],
                                resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "256Mi" } },
                                securityContext: restrictedContainer,
                                ports: [
                                    { name: "http", containerPort: 8080 },
                                    { name: "admin", containerPort: 9000 },
                                ],
                                startupProbe: { ...ready, periodSeconds: 1, failureThreshold: 300 },
                                readinessProbe: { ...ready, periodSeconds: 5, failureThreshold: 2 },
                                livenessProbe: {
                                    tcpSocket: { port: 8080 },
                                    timeoutSeconds: 5,
                                    periodSeconds: 10,
                                    failureThreshold: 6,
                                },
                                lifecycle: { preStop: { sleep: { seconds: 5 } } },
                            },
                        ],
                    },
                },
            },
        });
    });

    it("has a Service with the address that was asked for", () => {
        assert.deepEqual(serviceService(args), {
            metadata: { ...metadata, annotations: { "pulumi.com/skipAwait": "true" } },
            spec: {
                type: "ClusterIP",
                clusterIP: "10.100.200.1",
                selector: labels,
                ports: [
                    { name: "http", port: 80, targetPort: "http" },
                    { name: "admin", port: 9000, targetPort: "admin" },
                ],
            },
        });
    });

    it("has an address on the nodes' network where it wants one, and waits for it", () => {
        const wanted = {
            ...args,
            type: "LoadBalancer" as const,
            clusterIP: undefined,
            ports: [{ name: "http", port: 80 }],
        };
        const expected = {
            metadata: { ...metadata, annotations: { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress}" } },
            spec: {
                type: "LoadBalancer",
                selector: labels,
                ports: [{ name: "http", port: 80, targetPort: "http" }],
            },
        };
        assert.deepEqual(serviceService(wanted), expected);
        assert.deepEqual(serviceService({ ...wanted, loadBalancerIP: "172.18.255.210" }), {
            ...expected,
            spec: { ...expected.spec, loadBalancerIP: "172.18.255.210" },
        });
    });

    it("that scales by load leaves the number of replicas to the autoscaler", () => {
        const autoscale = { min: 1, max: 4, cpu: 80 };
        assert.ok(!("replicas" in (serviceDeployment({ ...args, autoscale }).spec as object)));
        assert.deepEqual(serviceAutoscaler(args, autoscale), {
            metadata,
            spec: {
                scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "web" },
                minReplicas: 1,
                maxReplicas: 4,
                metrics: [
                    {
                        type: "Resource",
                        resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
                    },
                ],
            },
        });
    });
});

describe("workloads: the setting jobs", function () {
    this.timeout(60_000);

    it("makes a component for each entry, with our image by digest, after the support services", async () => {
        const jobs = [{ kind: "batch", name: "report", image: "htmengine", command: ["true"] }];
        const { find, all } = await runWholeProgram({ config: { "nta:jobs": JSON.stringify(jobs) } });
        const job = find("kubernetes:batch/v1:Job", "workloads-report-job");
        const { spec } = job.inputs as { spec: { template: { spec: { containers: { image: string }[] } } } };
        assert.equal(spec.template.spec.containers[0].image, "localhost:5000/images-htmengine@sha256:0");
        for (const set of all("kubernetes:apps/v1:StatefulSet")) {
            assert.ok(job.began > set.ended, `the job waits for ${set.name}`);
        }
    });
});
