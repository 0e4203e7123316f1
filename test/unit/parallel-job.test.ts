import * as assert from "node:assert/strict";

import {
    masterRole,
    masterRoleBinding,
    ParallelJobSpec,
    tasksConfigMap,
} from "../../components/workloads/parallel-job/objects";
import { ParallelJob, ParallelJobArgs } from "../../components/workloads/parallel-job/parallel-job";
import { resultsPod } from "../../operations/parallel/results-pod";
import type { KubernetesObject } from "../../plugins/kubernetes/object";
import { MockRun, runProgram } from "../../tools/preview-diff/mock-engine";
import { restrictedContainer, restrictedPod } from "./restricted-standard";

const spec: ParallelJobSpec = {
    workloadName: "regions",
    namespace: "taurus",
    image: "localhost:5000/htmengine@sha256:1",
    program: "localhost:5000/parallel@sha256:2",
    env: { MODE: "full" },
    resources: { cpu: "100m", memory: "256Mi" },
    tasks: { list: ["echo one", "echo two"] },
    command: ["/bin/sh", "-c"],
    workers: 4,
    tries: 3,
    taskTimeout: 60,
    deadline: 600,
    wait: false,
};
const broker = { host: "rabbit", port: 5672, user: "taurus", passwordKey: { secret: "rabbit", key: "password" } };
const args: ParallelJobArgs = {
    ...spec,
    broker,
    storage: { kind: "local", node: "nta-test-1", folder: "/var/lib/nta/volumes" },
    storageSize: "1Gi",
    clusterWidePrefix: "taurus",
};

const labels = (name: string) => ({
    "app.kubernetes.io/name": name,
    "app.kubernetes.io/part-of": "taurus",
    "app.kubernetes.io/component": "parallel-job",
});
const metadata = (name: string, more = {}) => ({ name, namespace: "taurus", labels: labels("regions"), ...more });
const readOnly = { ...restrictedContainer, readOnlyRootFilesystem: true };
const brokerEnvironment = [
    { name: "PARALLEL_BROKER_HOST", value: "rabbit" },
    { name: "PARALLEL_BROKER_PORT", value: "5672" },
    { name: "PARALLEL_BROKER_USER", value: "taurus" },
    { name: "PARALLEL_BROKER_PASSWORD", valueFrom: { secretKeyRef: { name: "rabbit", key: "password" } } },
    { name: "PARALLEL_QUEUES", value: "parallel.taurus.regions.cafe" },
];
const installer = {
    name: "install",
    image: "localhost:5000/parallel@sha256:2",
    args: ["install", "/opt/nta/parallel"],
    resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
    securityContext: readOnly,
    volumeMounts: [{ name: "program", mountPath: "/opt/nta" }],
};
const programVolume = { name: "program", emptyDir: { sizeLimit: "32Mi" } };
const programMount = { name: "program", mountPath: "/opt/nta", readOnly: true };
const run = {
    name: "PARALLEL_RUN",
    valueFrom: { fieldRef: { fieldPath: "metadata.labels['batch.kubernetes.io/controller-uid']" } },
};
const resultsMount = { name: "results", mountPath: "/results", subPath: "regions" };

describe("workloads: a parallel job", function () {
    this.timeout(60_000);
    const job = (more: Partial<ParallelJobArgs> = {}): Promise<MockRun> =>
        runProgram(() => {
            new ParallelJob("jobs-regions", { ...args, ...more });
        });
    const jobType = "kubernetes:batch/v1:Job";
    const controllerType = "kubernetes:core/v1:ReplicationController";

    /** A manifest as the engine gets it, with the queues' digest as `cafe`. */
    function withoutDigest(value: unknown): unknown {
        const text = JSON.stringify(value).replace(/(parallel\.taurus\.regions\.|"nta\/run":")[0-9a-f]{12}/g, "$1cafe");
        return JSON.parse(text) as unknown;
    }

    it("has workers in the job's own image, none at first, that run its command unchanged", async () => {
        const { inputs } = (await job()).find(controllerType, "jobs-regions-workers");
        assert.deepEqual(withoutDigest(inputs), {
            apiVersion: "v1",
            kind: "ReplicationController",
            metadata: metadata("regions-worker", {
                annotations: { "pulumi.com/waitFor": "jsonpath={.metadata.uid}", "nta/workers": "4" },
            }),
            spec: {
                replicas: 0,
                selector: labels("regions-worker"),
                template: {
                    metadata: { labels: labels("regions-worker") },
                    spec: {
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        securityContext: restrictedPod,
                        initContainers: [installer],
                        containers: [
                            {
                                name: "regions",
                                image: "localhost:5000/htmengine@sha256:1",
                                command: ["/opt/nta/parallel", "worker", "--", "/bin/sh", "-c"],
                                env: [
                                    { name: "MODE", value: "full" },
                                    ...brokerEnvironment,
                                    {
                                        name: "PARALLEL_WORKER",
                                        valueFrom: { fieldRef: { fieldPath: "metadata.name" } },
                                    },
                                    { name: "PARALLEL_TASK_TIMEOUT", value: "60" },
                                ],
                                resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "256Mi" } },
                                securityContext: restrictedContainer,
                                volumeMounts: [programMount],
                            },
                        ],
                        volumes: [programVolume],
                    },
                },
            },
        });
    });

    const master = {
        name: "master",
        image: "localhost:5000/parallel@sha256:2",
        args: ["master"],
        env: [
            ...brokerEnvironment,
            run,
            { name: "PARALLEL_RESULTS", value: "/results" },
            { name: "PARALLEL_TASKS", value: "/tasks/tasks" },
            { name: "PARALLEL_TRIES", value: "3" },
            { name: "PARALLEL_DEADLINE", value: "600" },
            { name: "PARALLEL_CONTROLLER", value: "regions-worker" },
            { name: "PARALLEL_NAMESPACE", valueFrom: { fieldRef: { fieldPath: "metadata.namespace" } } },
        ],
        resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        securityContext: readOnly,
        volumeMounts: [
            resultsMount,
            { name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
            { name: "tasks", mountPath: "/tasks", readOnly: true },
        ],
    };
    const resultsVolume = { name: "results", persistentVolumeClaim: { claimName: "regions-results" } };
    const tokenVolume = {
        name: "token",
        projected: {
            sources: [
                { serviceAccountToken: { path: "token" } },
                { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
            ],
        },
    };

    it("has a master that is a Job, which another pod may not try again once a task has failed", async () => {
        const { inputs } = (await job()).find(jobType, "jobs-regions-job");
        assert.deepEqual(withoutDigest(inputs), {
            apiVersion: "batch/v1",
            kind: "Job",
            metadata: metadata("regions", { annotations: { "pulumi.com/waitFor": "jsonpath={.metadata.uid}" } }),
            spec: {
                backoffLimit: 20,
                podFailurePolicy: {
                    rules: [
                        {
                            action: "FailJob",
                            onExitCodes: { containerName: "master", operator: "In", values: [1, 2] },
                        },
                        { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
                    ],
                },
                template: {
                    metadata: { labels: labels("regions"), annotations: { "nta/run": "cafe" } },
                    spec: {
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        securityContext: restrictedPod,
                        serviceAccountName: "regions-master",
                        restartPolicy: "Never",
                        containers: [master],
                        volumes: [resultsVolume, tokenVolume, { name: "tasks", configMap: { name: "regions-tasks" } }],
                    },
                },
            },
        });
    });

    it("lets a command list the tasks in the job's image, once for a run and without the master's token", async () => {
        const run1 = await job({ tasks: { command: ["list-regions", "--all"] }, wait: true });
        const { inputs } = run1.find(jobType, "jobs-regions-job");
        const { metadata: given, spec: jobSpec } = inputs as {
            metadata: object;
            spec: { template: { spec: { initContainers: unknown; containers: unknown; volumes: unknown } } };
        };
        const { initContainers, containers, volumes } = jobSpec.template.spec;
        assert.deepEqual(given, metadata("regions", { annotations: { "pulumi.com/replaceUnready": "true" } }));
        assert.deepEqual(initContainers, [
            installer,
            {
                name: "list",
                image: "localhost:5000/htmengine@sha256:1",
                command: ["/opt/nta/parallel", "list", "/results/$(PARALLEL_RUN)/tasks", "--", "list-regions", "--all"],
                env: [run, { name: "MODE", value: "full" }],
                resources: { requests: { cpu: "100m", memory: "256Mi" }, limits: { memory: "256Mi" } },
                securityContext: restrictedContainer,
                volumeMounts: [programMount, resultsMount],
            },
        ]);
        assert.deepEqual(withoutDigest(containers), [
            {
                ...master,
                env: master.env.filter(({ name }) => name !== "PARALLEL_TASKS"),
                volumeMounts: master.volumeMounts.slice(0, 2),
            },
        ]);
        assert.deepEqual(volumes, [resultsVolume, tokenVolume, programVolume]);
        assert.deepEqual(run1.all("kubernetes:core/v1:ConfigMap"), []);
    });

    it("lets the master do no more than read and scale its own workers", () => {
        const rule = (resource: string, verb: string) => ({
            apiGroups: [""],
            resources: [resource],
            resourceNames: ["regions-worker"],
            verbs: [verb],
        });
        assert.deepEqual(masterRole(spec), {
            metadata: metadata("regions-master"),
            rules: [rule("replicationcontrollers", "get"), rule("replicationcontrollers/scale", "patch")],
        });
        assert.deepEqual(masterRoleBinding(spec), {
            metadata: metadata("regions-master"),
            roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "regions-master" },
            subjects: [{ kind: "ServiceAccount", name: "regions-master", namespace: "taurus" }],
        });
    });

    it("has its list of tasks in a ConfigMap, one a line", () => {
        assert.deepEqual(tasksConfigMap(spec, ["echo one", "echo two"]), {
            metadata: metadata("regions-tasks"),
            data: { tasks: "echo one\necho two\n" },
        });
    });

    it("leaves the number of workers to the master, and replaces what can't be changed in place", async () => {
        const { find } = await job();
        const workers = find(controllerType, "jobs-regions-workers");
        assert.deepEqual(workers.ignoreChanges, ["spec.replicas"]);
        assert.deepEqual(workers.replaceOnChanges, ["spec.template"]);
        assert.ok(workers.deleteBeforeReplace);
        const master = find(jobType, "jobs-regions-job");
        assert.deepEqual(master.replaceOnChanges, ["spec"]);
        assert.ok(master.deleteBeforeReplace);
        assert.ok(master.began > workers.ended, "the workers' controller is there before the master");
    });

    it("changes the number of workers, and the memory they have, without another run", async () => {
        const before = await job();
        const after = await job({ workers: 9, resources: { cpu: "1", memory: "1Gi" } });
        const templateOf = (run: MockRun) => run.find(jobType, "jobs-regions-job").inputs;
        assert.deepEqual(templateOf(after), templateOf(before));
        const { metadata } = after.find(controllerType, "jobs-regions-workers").inputs as {
            metadata: { annotations: object };
        };
        assert.deepEqual(metadata.annotations, {
            "pulumi.com/waitFor": "jsonpath={.metadata.uid}",
            "nta/workers": "9",
        });
    });

    for (const [what, change] of [
        ["image", { image: "localhost:5000/htmengine@sha256:9" }],
        ["command", { command: ["python", "-c"] }],
        ["variable", { env: { MODE: "part" } }],
        ["task", { tasks: { list: ["echo three"] } }],
    ] as [string, Partial<ParallelJobArgs>][]) {
        it(`gives queues of their own to the workers of another ${what}, and runs all anew`, async () => {
            const queues = (inputs: Record<string, unknown>) =>
                /parallel\.taurus\.regions\.[0-9a-f]{12}/.exec(JSON.stringify(inputs))?.[0];
            const [before, after] = [await job(), await job(change)];
            for (const [type, name] of [
                [controllerType, "jobs-regions-workers"],
                [jobType, "jobs-regions-job"],
            ]) {
                assert.notEqual(queues(before.find(type, name).inputs), queues(after.find(type, name).inputs));
            }
            assert.equal(
                queues(after.find(controllerType, "jobs-regions-workers").inputs),
                queues(after.find(jobType, "jobs-regions-job").inputs),
            );
        });
    }

    it("keeps results on a claim of its own, in a folder that jobs share on the node", async () => {
        const { find } = await job();
        const { spec: volume } = find("kubernetes:core/v1:PersistentVolume", "jobs-regions-results-volume").inputs as {
            spec: { local: unknown; claimRef: unknown };
        };
        assert.deepEqual(volume.local, { path: "/var/lib/nta/volumes/parallel-results" });
        assert.deepEqual(volume.claimRef, { namespace: "taurus", name: "regions-results" });
    });

    it("has a RabbitMQ of its own if it is to", async () => {
        const { find } = await job({ broker: { image: "localhost:5000/rabbitmq@sha256:3" } });
        const { spec: set } = find("kubernetes:apps/v1:StatefulSet", "jobs-regions-rabbitmq-server-pods").inputs as {
            spec: { template: { spec: { containers: { volumeMounts: unknown }[] } } };
        };
        assert.deepEqual(set.template.spec.containers[0].volumeMounts, [
            { name: "data", mountPath: "/var/lib/rabbitmq", subPath: "regions-rabbit" },
        ]);
        const { spec: volume } = find("kubernetes:core/v1:PersistentVolume", "jobs-regions-rabbitmq-server-data-volume")
            .inputs as { spec: { local: unknown } };
        assert.deepEqual(volume.local, { path: "/var/lib/nta/volumes/parallel-brokers" });
        const text = JSON.stringify(find(jobType, "jobs-regions-job").inputs);
        assert.match(text, /"PARALLEL_BROKER_HOST","value":"regions-rabbit"/);
        assert.match(text, /"secretKeyRef":\{"key":"password","name":"regions-rabbit"\}/);
    });
});

describe("operations: the pod that reads a parallel job's results", () => {
    it("has the master's volume, image and security, and nothing of its token", async () => {
        const run = await runProgram(() => {
            new ParallelJob("jobs-regions", args);
        });
        const job = run.find("kubernetes:batch/v1:Job", "jobs-regions-job").inputs as KubernetesObject;
        assert.deepEqual(resultsPod(job, "x"), {
            apiVersion: "v1",
            kind: "Pod",
            metadata: { name: "regions-results-x", namespace: "taurus" },
            spec: {
                restartPolicy: "Never",
                activeDeadlineSeconds: 600,
                terminationGracePeriodSeconds: 0,
                automountServiceAccountToken: false,
                enableServiceLinks: false,
                securityContext: restrictedPod,
                volumes: [{ name: "results", persistentVolumeClaim: { claimName: "regions-results" } }],
                containers: [
                    {
                        name: "master",
                        image: "localhost:5000/parallel@sha256:2",
                        args: ["hold"],
                        resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
                        securityContext: readOnly,
                        volumeMounts: [resultsMount],
                    },
                ],
            },
        });
    });

    it("is none for another kind of job", () => {
        assert.equal(resultsPod({ metadata: { name: "a" }, spec: { template: { spec: {} } } }, "x"), undefined);
    });
});
