/** What an update waits for: the stand-in kubernetes plugin under Pulumi's real engine, against a real API server. */
import * as assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import * as appsv1 from "@pulumi/kubernetes/apps/v1";
import * as batchv1 from "@pulumi/kubernetes/batch/v1";
import * as corev1 from "@pulumi/kubernetes/core/v1";
import * as storagev1 from "@pulumi/kubernetes/storage/v1";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import { asArray, asObject, metadataOf, pluck } from "../../plugins/kubernetes/object";
import { until } from "./plugins-engine";
import { container, kubelet, readyStatus } from "./plugins-kubernetes-kubelet";
import { KubernetesStacks } from "./plugins-kubernetes-stacks";

describe("kubernetes plugin: readiness", function () {
    this.timeout(180_000);

    const stacks = new KubernetesStacks();

    before(() => stacks.start());
    afterEach(() => stacks.destroyAll());
    after(() => stacks.stop());

    it("waits until workloads and the Service before them are ready", async () => {
        const stack = await stacks.create();
        const space = "workloads";
        const template = (
            app: string,
        ): { metadata: { labels: { app: string } }; spec: { containers: { name: string; image: string }[] } } => ({
            metadata: { labels: { app } },
            spec: { containers: [container(app)] },
        });
        const program =
            (image: string): PulumiFn =>
            () => {
                const options = { provider: stacks.provider() };
                const namespace = new corev1.Namespace("space", { metadata: { name: space } }, options);
                const scoped = { ...options, dependsOn: [namespace] };
                const metadata = { namespace: namespace.metadata.name };
                const set = new appsv1.StatefulSet(
                    "set",
                    {
                        metadata: { ...metadata, name: "set" },
                        spec: {
                            serviceName: "set",
                            replicas: 2,
                            selector: { matchLabels: { app: "set" } },
                            template: template("set"),
                        },
                    },
                    scoped,
                );
                const service = new corev1.Service(
                    "set",
                    {
                        metadata: { ...metadata, name: "set" },
                        spec: { selector: { app: "set" }, ports: [{ port: 80 }] },
                    },
                    { ...options, dependsOn: [set] },
                );
                new corev1.ReplicationController(
                    "controller",
                    { metadata, spec: { replicas: 1, selector: { app: "rc" }, template: template("rc") } },
                    { ...scoped, replaceOnChanges: ["spec.template"], deleteBeforeReplace: true },
                );
                new appsv1.Deployment(
                    "deployment",
                    {
                        metadata,
                        spec: {
                            replicas: 1,
                            selector: { matchLabels: { app: "deployment" } },
                            template: { ...template("deployment"), spec: { containers: [{ name: "a", image }] } },
                        },
                    },
                    scoped,
                );
                new appsv1.DaemonSet(
                    "daemons",
                    { metadata, spec: { selector: { matchLabels: { app: "d" } }, template: template("d") } },
                    scoped,
                );
                new corev1.Pod("pod", { metadata, spec: { containers: [container("pod")] } }, scoped);
                return Promise.resolve({ clusterIP: service.spec.clusterIP });
            };
        const readyAt = Date.now() + 6000;
        const node = kubelet(stacks.controlPlane.client, space, (pod) =>
            Date.now() < readyAt ? { phase: "Pending" } : readyStatus(pod),
        );
        try {
            assert.deepEqual(await stack.up(program("one:1")), { create: 9 });
            assert.ok(Date.now() >= readyAt, "up ended before the pods were ready");
            const set = await stacks.get(`/apis/apps/v1/namespaces/${space}/statefulsets/set`);
            assert.equal(pluck(set, "status", "readyReplicas"), 2);
            assert.ok(stack.output.includes("Waiting for StatefulSet to create Pods"), stack.output);
            assert.deepEqual(await stack.up(program("one:1")), { same: 9 });
            assert.deepEqual(await stack.refresh(), { same: 9 });
            assert.deepEqual(await stack.up(program("two:2")), { same: 8, update: 1 });
            const [deployment] = await stack.resources("kubernetes:apps/v1:Deployment");
            const live = await stacks.get(
                `/apis/apps/v1/namespaces/${space}/deployments/${deployment?.id.split("/")[1]}`,
            );
            assert.equal(pluck(live, "status", "updatedReplicas"), 1);
            assert.equal(pluck(live, "spec", "template", "spec", "containers", 0, "image"), "two:2");
            // The first update made what was created ours by apply, so that the next one can remove fields.
            const managers = asArray(metadataOf(live).managedFields).map((item) => asObject(item).manager);
            assert.ok(!managers.includes("pulumi-kubernetes"), JSON.stringify(managers));
            await stack.destroy();
        } finally {
            await node.stop();
        }
    });

    it("keeps what did not become ready, says why, and goes on with the next up", async () => {
        const stack = await stacks.create();
        const space = "unready";
        const program: PulumiFn = () => {
            const options = { provider: stacks.provider() };
            const namespace = new corev1.Namespace("space", { metadata: { name: space } }, options);
            new appsv1.StatefulSet(
                "set",
                {
                    metadata: {
                        namespace: namespace.metadata.name,
                        name: "set",
                        annotations: { "pulumi.com/timeoutSeconds": "8" },
                    },
                    spec: {
                        serviceName: "set",
                        selector: { matchLabels: { app: "set" } },
                        template: { metadata: { labels: { app: "set" } }, spec: { containers: [container("main")] } },
                    },
                },
                options,
            );
            return Promise.resolve();
        };
        let ready = false;
        const node = kubelet(stacks.controlPlane.client, space, (pod) =>
            ready
                ? readyStatus(pod)
                : {
                      phase: "Pending",
                      conditions: [{ type: "PodScheduled", status: "True" }],
                      containerStatuses: [
                          {
                              name: "main",
                              image: "example.test/none:1",
                              imageID: "",
                              ready: false,
                              restartCount: 0,
                              state: {
                                  waiting: {
                                      reason: "ImagePullBackOff",
                                      message: 'Back-off pulling image "example.test/none:1"',
                                  },
                              },
                          },
                      ],
                  },
        );
        try {
            await assert.rejects(stack.up(program));
            const text = stack.diagnostics.join("\n");
            assert.match(text, /StatefulSet unready\/set was not ready after 8 s/);
            assert.match(
                text,
                /Pod unready\/set-0: container main: \[ImagePullBackOff\] Back-off pulling image "example/,
            );
            const [set] = await stack.resources("kubernetes:apps/v1:StatefulSet");
            assert.equal(set?.id, "unready/set");
            assert.ok((set?.initErrors ?? []).length > 0);
            ready = true;
            assert.deepEqual(await stack.up(program), { same: 3, update: 1 });
            const [after] = await stack.resources("kubernetes:apps/v1:StatefulSet");
            assert.deepEqual(after?.initErrors ?? [], []);
            assert.deepEqual(await stack.up(program), { same: 4 });
        } finally {
            await node.stop();
        }
    });

    it("waits for Jobs, fails with those that fail, and replaces changed ones", async () => {
        const stack = await stacks.create();
        const program =
            (image: string): PulumiFn =>
            () => {
                new batchv1.Job(
                    "job",
                    {
                        metadata: { name: "job", namespace: "default" },
                        spec: {
                            backoffLimit: 0,
                            template: { spec: { restartPolicy: "Never", containers: [{ name: "main", image }] } },
                        },
                    },
                    { provider: stacks.provider() },
                );
                return Promise.resolve();
            };
        const node = kubelet(stacks.controlPlane.client, "default", (pod) => {
            const good = pluck(pod, "spec", "containers", 0, "image") === "good:1";
            const terminated = {
                exitCode: good ? 0 : 3,
                reason: good ? "Completed" : "Error",
                finishedAt: "2026-01-01T00:00:00Z",
            };
            return {
                phase: good ? "Succeeded" : "Failed",
                containerStatuses: [
                    { name: "main", image: "x", imageID: "", ready: false, restartCount: 0, state: { terminated } },
                ],
            };
        });
        try {
            await assert.rejects(stack.up(program("bad:1")));
            const text = stack.diagnostics.join("\n");
            assert.match(text, /Job job failed: \[BackoffLimitExceeded\]/);
            assert.match(text, /container main: \[Error\] exit code 3/);
            assert.deepEqual(await stack.up(program("good:1")), { same: 2, replace: 1 });
            const job = await stacks.get("/apis/batch/v1/namespaces/default/jobs/job");
            assert.equal(pluck(job, "status", "succeeded"), 1);
            assert.deepEqual(await stack.up(program("good:1")), { same: 3 });
        } finally {
            await node.stop();
        }
    });

    it("binds claims to volumes and doesn't wait for those that wait for their first consumer", async () => {
        const stack = await stacks.create();
        const program: PulumiFn = () => {
            const options = { provider: stacks.provider() };
            const volume = (name: string, storageClassName: string): corev1.PersistentVolume =>
                new corev1.PersistentVolume(
                    name,
                    {
                        metadata: { name },
                        spec: {
                            storageClassName,
                            capacity: { storage: "1024Mi" },
                            accessModes: ["ReadWriteOnce"],
                            hostPath: { path: "/tmp/none" },
                        },
                    },
                    options,
                );
            const claim = (name: string, storageClassName: pulumi.Input<string>): corev1.PersistentVolumeClaim =>
                new corev1.PersistentVolumeClaim(
                    name,
                    {
                        metadata: { name, namespace: "default" },
                        spec: {
                            storageClassName,
                            accessModes: ["ReadWriteOnce"],
                            resources: { requests: { storage: "0.5Gi" } },
                        },
                    },
                    options,
                );
            volume("nta-test-now", "nta-manual");
            claim("now", "nta-manual");
            const late = new storagev1.StorageClass(
                "late",
                { provisioner: "kubernetes.io/no-provisioner", volumeBindingMode: "WaitForFirstConsumer" },
                options,
            );
            claim("late", late.metadata.name);
            return Promise.resolve();
        };
        assert.deepEqual(await stack.up(program), { create: 6 });
        assert.equal(
            pluck(await stacks.get("/api/v1/namespaces/default/persistentvolumeclaims/now"), "status", "phase"),
            "Bound",
        );
        assert.deepEqual(await stack.refresh(), { same: 6 });
        assert.deepEqual(await stack.up(program), { same: 6 });
    });

    it("keeps what it waited for when it is interrupted", async () => {
        const stack = await stacks.create();
        const program: PulumiFn = () => {
            const options = { provider: stacks.provider() };
            new corev1.Pod("pod", { spec: { containers: [container("main")] } }, options);
            return Promise.resolve();
        };
        const interrupt = new AbortController();
        const ended = assert.rejects(stack.up(program, interrupt.signal));
        let interrupted = 0;
        try {
            const pods = async () => asArray((await stacks.get("/api/v1/namespaces/default/pods")).items);
            const named = async () => (await pods()).map((pod) => String(metadataOf(asObject(pod)).name));
            await until("the pod is there", async () => (await named()).some((name) => name.startsWith("pod-")), 60);
            // By then the plugin knows it too, and waits for it.
            await sleep(1000);
        } finally {
            interrupted = Date.now();
            interrupt.abort();
        }
        await ended;
        assert.ok(Date.now() - interrupted < 15_000, "the interrupt was not heard");
        const [pod] = await stack.resources("kubernetes:core/v1:Pod");
        assert.match(pod?.id ?? "", /^default\/pod-/);
        assert.ok(!stack.state().includes("pending_operations"));
        const node = kubelet(stacks.controlPlane.client, "default", readyStatus);
        try {
            assert.deepEqual(await stack.up(program), { same: 2, update: 1 });
        } finally {
            await node.stop();
        }
    });
});
