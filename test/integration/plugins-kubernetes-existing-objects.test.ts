/** Objects that a stack did not make: the stand-in kubernetes plugin under Pulumi's real engine, against a real API server. */
import * as assert from "node:assert/strict";

import * as corev1 from "@pulumi/kubernetes/core/v1";
import type { PulumiFn } from "@pulumi/pulumi/automation";

import { asObject, type Json, type JsonObject, pluck } from "../../plugins/kubernetes/object";
import { KubernetesStacks } from "./plugins-kubernetes-stacks";

describe("kubernetes plugin: objects that are there already", function () {
    this.timeout(180_000);

    const stacks = new KubernetesStacks();

    before(() => stacks.start());
    afterEach(() => stacks.destroyAll());
    after(() => stacks.stop());

    it("refuses to take over what exists, in words, and what the API refuses fails in the preview", async () => {
        const stack = await stacks.create();
        const program =
            (name: string, port: number): PulumiFn =>
            () => {
                new corev1.Service(
                    "service",
                    { metadata: { name, namespace: "default" }, spec: { ports: [{ port }], clusterIP: "None" } },
                    { provider: stacks.provider() },
                );
                return Promise.resolve();
            };
        await assert.rejects(stack.up(program("kubernetes", 80)));
        assert.match(stack.diagnostics.join("\n"), /Service kubernetes.*already exists.*not in this stack's state/s);
        await assert.rejects(stack.preview(program("fine", 70_000)));
        assert.match(stack.diagnostics.join("\n"), /spec\.ports\[0\]\.port: Invalid value: 70000/);
    });

    it("takes over what an interrupted run left, when told to", async () => {
        const stack = await stacks.create();
        const program =
            (value: string): PulumiFn =>
            () => {
                const cluster = stacks.provider({ upsertExistingObjects: true, enablePatchForce: true });
                new corev1.ConfigMap(
                    "left",
                    { metadata: { name: "left", namespace: "default" }, data: { value } },
                    { provider: cluster },
                );
                return Promise.resolve();
            };
        const path = "/api/v1/namespaces/default/configmaps/left";
        await stacks.controlPlane.client.request("PATCH", path, {
            query: { fieldManager: "pulumi-kubernetes-0a1b2c3d" },
            body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "left" }, data: { value: "old" } },
            contentType: "application/apply-patch+yaml",
        });
        assert.deepEqual(await stack.up(program("new")), { create: 3 });
        assert.deepEqual((await stacks.get(path)).data, { value: "new" });
        assert.deepEqual(await stack.up(program("new")), { same: 3 });
    });

    it("reads objects that it did not make, and changes some of their fields", async () => {
        const stack = await stacks.create();
        const program =
            (labels: Record<string, string>): PulumiFn =>
            () => {
                const options = { provider: stacks.provider() };
                const service = corev1.Service.get("api", "default/kubernetes", options);
                new corev1.NamespacePatch("labels", { metadata: { name: "default", labels } }, options);
                return Promise.resolve({ ip: service.spec.clusterIP });
            };
        const labelsOfDefault = async (): Promise<Json | undefined> =>
            pluck(await stacks.get("/api/v1/namespaces/default"), "metadata", "labels");
        const before = await labelsOfDefault();
        await stack.up(program({ one: "1", two: "2" }));
        const [service] = await stack.resources("kubernetes:core/v1:Service");
        assert.equal(pluck(service?.outputs as JsonObject, "spec", "clusterIP"), "10.100.0.1");
        assert.deepEqual(await labelsOfDefault(), { ...asObject(before), one: "1", two: "2" });
        await stack.up(program({ one: "1" }));
        assert.deepEqual(await labelsOfDefault(), { ...asObject(before), one: "1" });
        await stack.destroy();
        assert.deepEqual(await labelsOfDefault(), before);
        assert.equal(await stacks.exists("/api/v1/namespaces/default/services/kubernetes"), true);
    });
});
