/** The stand-in kubernetes plugin, built, under Pulumi's real engine, against a real API server. */
import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as appsv1 from "@pulumi/kubernetes/apps/v1";
import * as batchv1 from "@pulumi/kubernetes/batch/v1";
import * as corev1 from "@pulumi/kubernetes/core/v1";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1";
import { Provider } from "@pulumi/kubernetes/provider";
import * as storagev1 from "@pulumi/kubernetes/storage/v1";
import * as pulumi from "@pulumi/pulumi";
import { LocalWorkspace, PulumiCommand, PulumiFn, Stack } from "@pulumi/pulumi/automation";

import { stringify } from "yaml";

import { buildPlugins } from "../../plugins/build";
import { isNotFound } from "../../plugins/kubernetes/client";
import {
    asArray,
    asObject,
    Json,
    JsonObject,
    KubernetesObject,
    metadataOf,
    pluck,
} from "../../plugins/kubernetes/object";
import { ControlPlane, findEngine } from "./plugins-kubernetes-control-plane";

describe("kubernetes plugin, engine and API server", function () {
    this.timeout(180_000);

    const controlPlane = new ControlPlane();
    const root = mkdtempSync(join(tmpdir(), "nta-kubernetes-plugin-"));
    let command: PulumiCommand;
    let count = 0;
    const stacks: TestStack[] = [];

    before(async () => {
        mkdirSync(join(root, "engine", "bin"), { recursive: true });
        mkdirSync(join(root, "state"));
        symlinkSync(findEngine(), join(root, "engine", "bin", "pulumi"));
        command = await PulumiCommand.get({ root: join(root, "engine") });
        await buildPlugins(join(root, "home", "plugins"), { providers: ["kubernetes"], languageHost: false });
        await controlPlane.start();
    });

    afterEach(async () => {
        for (const stack of stacks.splice(0)) {
            await stack.destroy().catch(() => undefined);
        }
    });

    after(async () => {
        await controlPlane.stop();
        rmSync(root, { recursive: true, force: true });
    });

    /** A stack of its own for one test, destroyed after it. */
    class TestStack {
        output = "";
        diagnostics: string[] = [];
        private constructor(private readonly stack: Stack) {}

        static async create(environment: Record<string, string> = {}): Promise<TestStack> {
            const workDir = join(root, `work${++count}`);
            mkdirSync(workDir);
            const stack = await LocalWorkspace.createOrSelectStack(
                { stackName: `test${count}`, projectName: "plugin", program: () => Promise.resolve() },
                {
                    workDir,
                    pulumiCommand: command,
                    pulumiHome: join(root, "home"),
                    envVars: {
                        PULUMI_BACKEND_URL: `file://${join(root, "state")}`,
                        PULUMI_CONFIG_PASSPHRASE: "test",
                        PULUMI_SKIP_UPDATE_CHECK: "true",
                        PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
                        ...environment,
                    },
                },
            );
            const created = new TestStack(stack);
            stacks.push(created);
            return created;
        }

        private readonly options = {
            onOutput: (text: string): void => {
                this.output += text;
            },
            onEvent: (event: { diagnosticEvent?: { message: string } }): void => {
                if (event.diagnosticEvent !== undefined) {
                    this.diagnostics.push(event.diagnosticEvent.message);
                }
            },
        };

        async up(program: PulumiFn, signal?: AbortSignal): Promise<Record<string, number | undefined>> {
            this.output = "";
            this.diagnostics = [];
            const result = await this.stack.up({ program, signal, ...this.options });
            return { ...result.summary.resourceChanges };
        }

        async preview(program: PulumiFn): Promise<Record<string, number | undefined>> {
            this.output = "";
            this.diagnostics = [];
            const result = await this.stack.preview({ program, diff: true, ...this.options });
            return { ...result.changeSummary };
        }

        async refresh(): Promise<Record<string, number | undefined>> {
            this.output = "";
            const result = await this.stack.refresh({ ...this.options });
            return { ...result.summary.resourceChanges };
        }

        async destroy(): Promise<void> {
            await this.stack.destroy({ ...this.options });
        }

        /** The state's resources of that type. */
        async resources(type: string): Promise<StateResource[]> {
            const { deployment } = await this.stack.exportStack();
            return ((deployment as { resources?: StateResource[] }).resources ?? []).filter(
                (item) => item.type === type,
            );
        }

        /** The state's file, with secrets as they are stored. */
        state(): string {
            return readFileSync(join(root, "state", ".pulumi", "stacks", "plugin", `${this.stack.name}.json`), "utf8");
        }

        /** Changes the environment of what runs next. */
        setEnvironment(name: string, value: string): void {
            this.stack.workspace.envVars[name] = value;
        }
    }

    interface StateResource {
        type: string;
        id: string;
        initErrors?: string[];
        inputs: Record<string, unknown>;
        outputs: Record<string, unknown>;
    }

    function provider(args: Partial<ConstructorParameters<typeof Provider>[1]> = {}): Provider {
        // As YAML, which kubeconfigs mostly are.
        const kubeconfig = stringify(JSON.parse(controlPlane.kubeconfig));
        return new Provider("cluster", { kubeconfig, clusterIdentifier: "test", ...args });
    }

    function get(path: string): Promise<KubernetesObject> {
        return controlPlane.client.request("GET", path);
    }

    async function exists(path: string): Promise<boolean> {
        try {
            await get(path);
            return true;
        } catch (error) {
            if (isNotFound(error)) {
                return false;
            }
            throw error;
        }
    }

    async function patchStatus(path: string, status: Json): Promise<void> {
        await controlPlane.client.request("PATCH", `${path}/status`, {
            body: { status },
            contentType: "application/merge-patch+json",
        });
    }

    /** Plays the node: says of all pods of a namespace what `status` answers, until stopped. */
    function kubelet(namespace: string, status: (pod: KubernetesObject) => Json): { stop(): Promise<void> } {
        let running = true;
        const loop = (async () => {
            const said = new Set<string>();
            while (running) {
                const pods = await get(`/api/v1/namespaces/${namespace}/pods`).catch(() => ({}) as KubernetesObject);
                for (const pod of asArray(pods.items).map(asObject)) {
                    const { name, uid } = metadataOf(pod);
                    const next = status(pod);
                    const key = JSON.stringify([uid, next]);
                    if (!said.has(key)) {
                        said.add(key);
                        await patchStatus(`/api/v1/namespaces/${namespace}/pods/${String(name)}`, next).catch(() =>
                            said.delete(key),
                        );
                    }
                }
                await new Promise((resolve) => setTimeout(resolve, 50));
            }
        })();
        return {
            stop: async () => {
                running = false;
                await loop;
            },
        };
    }

    let address = 1;
    const addresses = new Map<string, string>();
    function readyStatus(pod: KubernetesObject): Json {
        const uid = String(metadataOf(pod).uid);
        const ip = addresses.get(uid) ?? `10.244.0.${++address}`;
        addresses.set(uid, ip);
        return {
            phase: "Running",
            podIP: ip,
            podIPs: [{ ip }],
            conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({
                type,
                status: "True",
                lastTransitionTime: "2026-01-01T00:00:00Z",
            })),
        };
    }

    const container = (name: string): { name: string; image: string } => ({ name, image: "example.test/none:1" });

    it("creates, leaves alone, updates, replaces, refreshes and deletes", async () => {
        const stack = await TestStack.create();
        const program =
            (value: string, label: string): PulumiFn =>
            () => {
                const options = { provider: provider() };
                const namespace = new corev1.Namespace("space", { metadata: { labels: { label } } }, options);
                const scoped = namespace.metadata.name;
                const config = new corev1.ConfigMap(
                    "config",
                    { metadata: { namespace: scoped, name: "config" }, data: { value } },
                    options,
                );
                const password = pulumi.secret("s3cret");
                new corev1.Secret("secret", { metadata: { namespace: scoped }, stringData: { password } }, options);
                new corev1.Service(
                    "headless",
                    {
                        metadata: { namespace: scoped, name: "headless" },
                        spec: { clusterIP: "None", ports: [{ port: 80, name: "web" }], selector: { app: label } },
                    },
                    options,
                );
                return Promise.resolve({ namespace: scoped, uid: config.metadata.uid });
            };
        assert.deepEqual(await stack.up(program("one", "a")), { create: 6 });
        const [namespace] = await stack.resources("kubernetes:core/v1:Namespace");
        assert.match(namespace?.id ?? "", /^space-[0-9a-f]{8}$/);
        const path = `/api/v1/namespaces/${namespace?.id}`;
        assert.deepEqual((await get(`${path}/configmaps/config`)).data, { value: "one" });
        const [secret] = await stack.resources("kubernetes:core/v1:Secret");
        const secretPath = `${path}/secrets/${secret?.id.split("/")[1]}`;
        assert.deepEqual((await get(secretPath)).data, { password: Buffer.from("s3cret").toString("base64") });
        const state = stack.state();
        assert.ok(!state.includes("s3cret") && !state.includes(Buffer.from("s3cret").toString("base64")));
        assert.ok(!stack.output.includes("s3cret"));

        assert.deepEqual(await stack.up(program("one", "a")), { same: 6 });
        // ConfigMaps are replaced; with a fixed name, deleted first.
        const { uid } = metadataOf(await get(`${path}/configmaps/config`));
        assert.deepEqual(await stack.preview(program("two", "b")), { same: 3, update: 2, replace: 1 });
        assert.deepEqual(await stack.up(program("two", "b")), { same: 3, update: 2, replace: 1 });
        const config = await get(`${path}/configmaps/config`);
        assert.deepEqual(config.data, { value: "two" });
        assert.notEqual(metadataOf(config).uid, uid);
        assert.equal(pluck(await get(`${path}/services/headless`), "spec", "selector", "app"), "b");

        assert.deepEqual(await stack.refresh(), { same: 6 });
        assert.deepEqual(await stack.up(program("two", "b")), { same: 6 });
        await controlPlane.client.request("PATCH", `${path}/services/headless`, {
            body: { spec: { selector: { app: "drifted" } } },
            contentType: "application/merge-patch+json",
        });
        await controlPlane.client.request("DELETE", `${path}/configmaps/config`);
        assert.deepEqual(await stack.refresh(), { same: 4, update: 1, delete: 1 });
        stack.setEnvironment("PULUMI_K8S_ENABLE_PATCH_FORCE", "true");
        assert.deepEqual(await stack.up(program("two", "b")), { same: 4, update: 1, create: 1 });
        assert.equal(pluck(await get(`${path}/services/headless`), "spec", "selector", "app"), "b");

        await stack.destroy();
        assert.equal(await exists(path), false);
    });

    it("waits until workloads and the Service before them are ready", async () => {
        const stack = await TestStack.create();
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
                const options = { provider: provider() };
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
        const node = kubelet(space, (pod) => (Date.now() < readyAt ? { phase: "Pending" } : readyStatus(pod)));
        try {
            assert.deepEqual(await stack.up(program("one:1")), { create: 9 });
            assert.ok(Date.now() >= readyAt, "up ended before the pods were ready");
            const set = await get(`/apis/apps/v1/namespaces/${space}/statefulsets/set`);
            assert.equal(pluck(set, "status", "readyReplicas"), 2);
            assert.ok(stack.output.includes("Waiting for StatefulSet to create Pods"), stack.output);
            assert.deepEqual(await stack.up(program("one:1")), { same: 9 });
            assert.deepEqual(await stack.refresh(), { same: 9 });
            assert.deepEqual(await stack.up(program("two:2")), { same: 8, update: 1 });
            const [deployment] = await stack.resources("kubernetes:apps/v1:Deployment");
            const live = await get(`/apis/apps/v1/namespaces/${space}/deployments/${deployment?.id.split("/")[1]}`);
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
        const stack = await TestStack.create();
        const space = "unready";
        const program: PulumiFn = () => {
            const options = { provider: provider() };
            const namespace = new corev1.Namespace("space", { metadata: { name: space } }, options);
            new appsv1.StatefulSet(
                "set",
                {
                    metadata: {
                        namespace: namespace.metadata.name,
                        name: "set",
                        annotations: { "pulumi.com/timeoutSeconds": "4" },
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
        const node = kubelet(space, (pod) =>
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
            assert.match(text, /StatefulSet unready\/set was not ready after 4 s/);
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
        const stack = await TestStack.create();
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
                    { provider: provider() },
                );
                return Promise.resolve();
            };
        const node = kubelet("default", (pod) => {
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
            const job = await get("/apis/batch/v1/namespaces/default/jobs/job");
            assert.equal(pluck(job, "status", "succeeded"), 1);
            assert.deepEqual(await stack.up(program("good:1")), { same: 3 });
        } finally {
            await node.stop();
        }
    });

    it("binds claims to volumes and doesn't wait for those that wait for their first consumer", async () => {
        const stack = await TestStack.create();
        const program: PulumiFn = () => {
            const options = { provider: provider() };
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
            pluck(await get("/api/v1/namespaces/default/persistentvolumeclaims/now"), "status", "phase"),
            "Bound",
        );
        assert.deepEqual(await stack.refresh(), { same: 6 });
        assert.deepEqual(await stack.up(program), { same: 6 });
    });

    it("takes custom kinds that come with the same update", async () => {
        const stack = await TestStack.create();
        const program =
            (size: number): PulumiFn =>
            () => {
                const options = { provider: provider() };
                const definition = new CustomResourceDefinition(
                    "widgets",
                    {
                        metadata: { name: "widgets.test.example" },
                        spec: {
                            group: "test.example",
                            scope: "Namespaced",
                            names: { plural: "widgets", singular: "widget", kind: "Widget" },
                            versions: [
                                {
                                    name: "v1",
                                    served: true,
                                    storage: true,
                                    schema: {
                                        openAPIV3Schema: {
                                            type: "object",
                                            properties: {
                                                spec: { type: "object", x_kubernetes_preserve_unknown_fields: true },
                                            },
                                        },
                                    },
                                },
                            ],
                        },
                    },
                    options,
                );
                new CustomResource(
                    "widget",
                    {
                        apiVersion: "test.example/v1",
                        kind: "Widget",
                        metadata: { namespace: "default" },
                        spec: { size },
                    },
                    { ...options, dependsOn: [definition] },
                );
                return Promise.resolve();
            };
        assert.deepEqual(await stack.preview(program(1)), { create: 4 });
        assert.deepEqual(await stack.up(program(1)), { create: 4 });
        assert.deepEqual(await stack.up(program(2)), { same: 3, update: 1 });
        const widgets = asArray((await get("/apis/test.example/v1/namespaces/default/widgets")).items);
        assert.deepEqual(
            widgets.map((item) => pluck(item, "spec", "size")),
            [2],
        );
        assert.deepEqual(await stack.refresh(), { same: 4 });
        await stack.destroy();
        assert.equal(await exists("/apis/test.example/v1/namespaces/default/widgets"), false);
    });

    it("refuses to take over what exists, in words, and what the API refuses fails in the preview", async () => {
        const stack = await TestStack.create();
        const program =
            (name: string, port: number): PulumiFn =>
            () => {
                new corev1.Service(
                    "service",
                    { metadata: { name, namespace: "default" }, spec: { ports: [{ port }], clusterIP: "None" } },
                    { provider: provider() },
                );
                return Promise.resolve();
            };
        await assert.rejects(stack.up(program("kubernetes", 80)));
        assert.match(stack.diagnostics.join("\n"), /Service kubernetes.*already exists.*not in this stack's state/s);
        await assert.rejects(stack.preview(program("fine", 70_000)));
        assert.match(stack.diagnostics.join("\n"), /spec\.ports\[0\]\.port: Invalid value: 70000/);
    });

    it("keeps what it waited for when it is interrupted", async () => {
        const stack = await TestStack.create();
        const program: PulumiFn = () => {
            const options = { provider: provider() };
            new corev1.Pod("pod", { spec: { containers: [container("main")] } }, options);
            return Promise.resolve();
        };
        const interrupt = new AbortController();
        const started = Date.now();
        setTimeout(() => interrupt.abort(), 5000);
        await assert.rejects(stack.up(program, interrupt.signal));
        assert.ok(Date.now() - started < 20_000, "the interrupt was not heard");
        const [pod] = await stack.resources("kubernetes:core/v1:Pod");
        assert.match(pod?.id ?? "", /^default\/pod-/);
        assert.ok(!stack.state().includes("pending_operations"));
        const node = kubelet("default", readyStatus);
        try {
            assert.deepEqual(await stack.up(program), { same: 2, update: 1 });
        } finally {
            await node.stop();
        }
    });

    it("takes over what an interrupted run left, when told to", async () => {
        const stack = await TestStack.create();
        const program =
            (value: string): PulumiFn =>
            () => {
                const cluster = provider({ upsertExistingObjects: true, enablePatchForce: true });
                new corev1.ConfigMap(
                    "left",
                    { metadata: { name: "left", namespace: "default" }, data: { value } },
                    { provider: cluster },
                );
                return Promise.resolve();
            };
        const path = "/api/v1/namespaces/default/configmaps/left";
        await controlPlane.client.request("PATCH", path, {
            query: { fieldManager: "pulumi-kubernetes-0a1b2c3d" },
            body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "left" }, data: { value: "old" } },
            contentType: "application/apply-patch+yaml",
        });
        assert.deepEqual(await stack.up(program("new")), { create: 3 });
        assert.deepEqual((await get(path)).data, { value: "new" });
        assert.deepEqual(await stack.up(program("new")), { same: 3 });
    });

    it("reads objects that it did not make, and changes some of their fields", async () => {
        const stack = await TestStack.create();
        const program =
            (labels: Record<string, string>): PulumiFn =>
            () => {
                const options = { provider: provider() };
                const service = corev1.Service.get("api", "default/kubernetes", options);
                new corev1.NamespacePatch("labels", { metadata: { name: "default", labels } }, options);
                return Promise.resolve({ ip: service.spec.clusterIP });
            };
        const labelsOfDefault = async (): Promise<Json | undefined> =>
            pluck(await get("/api/v1/namespaces/default"), "metadata", "labels");
        const before = await labelsOfDefault();
        await stack.up(program({ one: "1", two: "2" }));
        const [service] = await stack.resources("kubernetes:core/v1:Service");
        assert.equal(pluck(service?.outputs as JsonObject, "spec", "clusterIP"), "10.100.0.1");
        assert.deepEqual(await labelsOfDefault(), { ...asObject(before), one: "1", two: "2" });
        await stack.up(program({ one: "1" }));
        assert.deepEqual(await labelsOfDefault(), { ...asObject(before), one: "1" });
        await stack.destroy();
        assert.deepEqual(await labelsOfDefault(), before);
        assert.equal(await exists("/api/v1/namespaces/default/services/kubernetes"), true);
    });

    it("drops what it can't reach from the state only when told to", async () => {
        const stack = await TestStack.create();
        const program: PulumiFn = () => {
            new corev1.ConfigMap("config", { data: { a: "b" } }, { provider: provider() });
            return Promise.resolve();
        };
        assert.deepEqual(await stack.up(program), { create: 3 });
        await controlPlane.stopApiServer();
        try {
            // What doesn't need the cluster works without it.
            assert.deepEqual(await stack.up(program), { same: 3 });
            await assert.rejects(stack.destroy());
            assert.match(stack.diagnostics.join("\n"), /unreachable.*PULUMI_K8S_DELETE_UNREACHABLE/s);
            assert.equal((await stack.resources("kubernetes:core/v1:ConfigMap")).length, 1);
            stack.setEnvironment("PULUMI_K8S_DELETE_UNREACHABLE", "true");
            await stack.destroy();
            assert.equal((await stack.resources("kubernetes:core/v1:ConfigMap")).length, 0);
            await assert.rejects(stack.up(program));
            assert.match(stack.diagnostics.join("\n"), /configured Kubernetes cluster is unreachable.*ECONNREFUSED/s);
        } finally {
            await controlPlane.restartApiServer();
        }
    });
});
