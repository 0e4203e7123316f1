/** The life of objects in a stack: the stand-in kubernetes plugin under Pulumi's real engine, against a real API server. */
import * as assert from "node:assert/strict";

import * as corev1 from "@pulumi/kubernetes/core/v1";
import { CustomResource } from "@pulumi/kubernetes/apiextensions/customResource";
import { CustomResourceDefinition } from "@pulumi/kubernetes/apiextensions/v1";
import * as pulumi from "@pulumi/pulumi";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import { asArray, metadataOf, pluck } from "../../plugins/kubernetes/object";
import { KubernetesStacks } from "./plugins-kubernetes-stacks";

describe("kubernetes plugin: the life of objects", function () {
    this.timeout(180_000);

    const stacks = new KubernetesStacks();

    before(() => stacks.start());
    afterEach(() => stacks.destroyAll());
    after(() => stacks.stop());

    it("creates, leaves alone, updates, replaces, refreshes and deletes", async () => {
        const stack = await stacks.create();
        const program =
            (value: string, label: string): PulumiFn =>
            () => {
                const options = { provider: stacks.provider() };
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
        assert.deepEqual((await stacks.get(`${path}/configmaps/config`)).data, { value: "one" });
        const [secret] = await stack.resources("kubernetes:core/v1:Secret");
        const secretPath = `${path}/secrets/${secret?.id.split("/")[1]}`;
        assert.deepEqual((await stacks.get(secretPath)).data, { password: Buffer.from("s3cret").toString("base64") });
        const state = stack.state();
        assert.ok(!state.includes("s3cret") && !state.includes(Buffer.from("s3cret").toString("base64")));
        assert.ok(!stack.output.includes("s3cret"));

        assert.deepEqual(await stack.up(program("one", "a")), { same: 6 });
        // ConfigMaps are replaced; with a fixed name, deleted first.
        const { uid } = metadataOf(await stacks.get(`${path}/configmaps/config`));
        assert.deepEqual(await stack.preview(program("two", "b")), { same: 3, update: 2, replace: 1 });
        assert.deepEqual(await stack.up(program("two", "b")), { same: 3, update: 2, replace: 1 });
        const config = await stacks.get(`${path}/configmaps/config`);
        assert.deepEqual(config.data, { value: "two" });
        assert.notEqual(metadataOf(config).uid, uid);
        assert.equal(pluck(await stacks.get(`${path}/services/headless`), "spec", "selector", "app"), "b");

        assert.deepEqual(await stack.refresh(), { same: 6 });
        assert.deepEqual(await stack.up(program("two", "b")), { same: 6 });
        await stacks.controlPlane.client.request("PATCH", `${path}/services/headless`, {
            body: { spec: { selector: { app: "drifted" } } },
            contentType: "application/merge-patch+json",
        });
        await stacks.controlPlane.client.request("DELETE", `${path}/configmaps/config`);
        assert.deepEqual(await stack.refresh(), { same: 4, update: 1, delete: 1 });
        stack.setEnvironment("PULUMI_K8S_ENABLE_PATCH_FORCE", "true");
        assert.deepEqual(await stack.up(program("two", "b")), { same: 4, update: 1, create: 1 });
        assert.equal(pluck(await stacks.get(`${path}/services/headless`), "spec", "selector", "app"), "b");

        await stack.destroy();
        assert.equal(await stacks.exists(path), false);
    });

    it("takes custom kinds that come with the same update", async () => {
        const stack = await stacks.create();
        const program =
            (size: number): PulumiFn =>
            () => {
                const options = { provider: stacks.provider() };
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
        const widgets = asArray((await stacks.get("/apis/test.example/v1/namespaces/default/widgets")).items);
        assert.deepEqual(
            widgets.map((item) => pluck(item, "spec", "size")),
            [2],
        );
        assert.deepEqual(await stack.refresh(), { same: 4 });
        await stack.destroy();
        assert.equal(await stacks.exists("/apis/test.example/v1/namespaces/default/widgets"), false);
    });

    it("drops what it can't reach from the state only when told to", async () => {
        const stack = await stacks.create();
        const program: PulumiFn = () => {
            new corev1.ConfigMap("config", { data: { a: "b" } }, { provider: stacks.provider() });
            return Promise.resolve();
        };
        assert.deepEqual(await stack.up(program), { create: 3 });
        await stacks.controlPlane.stopApiServer();
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
            await stacks.controlPlane.restartApiServer();
        }
    });
});
