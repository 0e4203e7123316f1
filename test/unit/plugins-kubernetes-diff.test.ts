import * as assert from "node:assert/strict";

import { compareInputs, formatPath, isIgnored, parsePath } from "../../plugins/kubernetes/diff";
import { parseType } from "../../plugins/kubernetes/kinds";
import { JsonObject, KubernetesObject } from "../../plugins/kubernetes/object";
import { plannedState } from "../../plugins/kubernetes/object-state";
import { KubernetesProvider } from "../../plugins/kubernetes/provider";
import { replacementPaths } from "../../plugins/kubernetes/replacement-rules";
import { PropertyMap, Secret, UNKNOWN } from "../../plugins/protocol/properties";
import { operationContext } from "./plugins-kubernetes-operation";

describe("kubernetes plugin: diff", () => {
    const options = { configMapMutable: false, secretMutable: false, immutable: false };
    const diff = (token: string, olds: JsonObject, news: JsonObject): Record<string, string> =>
        Object.fromEntries(
            compareInputs({
                olds,
                news,
                replacementPaths: replacementPaths(parseType(`kubernetes:${token}`), options),
            }).map(({ path, kind }) => [path, kind]),
        );

    it("says what changed, as deep as it goes", () => {
        assert.deepEqual(
            diff(
                "apps/v1:Deployment",
                { metadata: { labels: { "a.b/c": "1", d: "2" } }, spec: { list: [1, { x: 1 }] } },
                { metadata: { labels: { "a.b/c": "2", e: "3" } }, spec: { list: [1, { x: 2 }, 3], f: null } },
            ),
            {
                'metadata.labels["a.b/c"]': "update",
                "metadata.labels.d": "delete",
                "metadata.labels.e": "add",
                "spec.list[1].x": "update",
                "spec.list[2]": "add",
            },
        );
    });

    it("knows what the API can't update", () => {
        const cases: [string, JsonObject, JsonObject, Record<string, string>][] = [
            ["core/v1:ConfigMap", { data: { a: "1" } }, { data: { a: "2" } }, { "data.a": "update-replace" }],
            ["core/v1:Secret", { type: "a" }, { type: "b" }, { type: "update-replace" }],
            ["core/v1:Secret", { stringData: { a: "1" } }, {}, { stringData: "delete-replace" }],
            ["core/v1:Service", { spec: { clusterIP: "None" } }, { spec: {} }, { "spec.clusterIP": "delete-replace" }],
            ["core/v1:Service", { spec: { type: "a" } }, { spec: { type: "b" } }, { "spec.type": "update" }],
            [
                "core/v1:Namespace",
                { metadata: { name: "a" } },
                { metadata: { name: "b" } },
                { "metadata.name": "update-replace" },
            ],
            [
                "batch/v1:Job",
                { spec: { template: { spec: { containers: [{ image: "a" }] } } } },
                { spec: { template: { spec: { containers: [{ image: "b" }] } } } },
                { "spec.template.spec.containers[0].image": "update-replace" },
            ],
            [
                "core/v1:Pod",
                { spec: { containers: [{ image: "a" }] } },
                { spec: { containers: [{ image: "a" }, { image: "b" }] } },
                { "spec.containers[1]": "add-replace" },
            ],
            [
                "core/v1:Pod",
                { spec: { tolerations: [] } },
                { spec: { tolerations: [{ key: "a" }] } },
                { "spec.tolerations[0]": "add" },
            ],
            [
                "apps/v1:StatefulSet",
                { spec: { serviceName: "a", replicas: 1 } },
                { spec: { serviceName: "b", replicas: 2 } },
                { "spec.serviceName": "update-replace", "spec.replicas": "update" },
            ],
            [
                "apps/v1:Deployment",
                { spec: { selector: { matchLabels: { a: "1" } } } },
                { spec: { selector: { matchLabels: { a: "2" } } } },
                { "spec.selector.matchLabels.a": "update-replace" },
            ],
            [
                "core/v1:ReplicationController",
                { spec: { template: { spec: { a: 1 } } } },
                { spec: { template: { spec: { a: 2 } } } },
                { "spec.template.spec.a": "update" },
            ],
            [
                "core/v1:PersistentVolume",
                { spec: { local: { path: "/a" }, capacity: { storage: "1Gi" } } },
                { spec: { local: { path: "/b" }, capacity: { storage: "2Gi" } } },
                { "spec.local.path": "update-replace", "spec.capacity.storage": "update" },
            ],
            [
                "core/v1:PersistentVolumeClaim",
                { spec: { storageClassName: "a", resources: { requests: { storage: "1Gi" } } } },
                { spec: { storageClassName: "b", resources: { requests: { storage: "2Gi" } } } },
                { "spec.storageClassName": "update-replace", "spec.resources.requests.storage": "update" },
            ],
            [
                "rbac.authorization.k8s.io/v1:RoleBinding",
                { roleRef: { name: "a" } },
                { roleRef: { name: "b" } },
                { "roleRef.name": "update-replace" },
            ],
        ];
        for (const [token, olds, news, expected] of cases) {
            assert.deepEqual(diff(token, olds, news), expected, token);
        }
        const paths = (token: string, changed: Partial<typeof options>): string[] =>
            replacementPaths(parseType(`kubernetes:${token}`), { ...options, ...changed }).map((path) =>
                path.join("."),
            );
        assert.deepEqual(paths("core/v1:ConfigMap", { configMapMutable: true }), [
            "metadata.name",
            "metadata.namespace",
        ]);
        assert.deepEqual(paths("core/v1:ConfigMap", { configMapMutable: true, immutable: true }), [
            "metadata.name",
            "metadata.namespace",
            "data",
            "binaryData",
            "immutable",
        ]);
    });

    it("treats unknown values as changes", () => {
        assert.deepEqual(diff("core/v1:ConfigMap", { data: { a: "1" } }, { data: { a: UNKNOWN } }), {
            "data.a": "update-replace",
        });
        assert.deepEqual(diff("core/v1:Service", { spec: { a: {} } }, { spec: UNKNOWN }), { spec: "update" });
    });

    it("reads and writes property paths", () => {
        assert.equal(formatPath(["a", "b.c", 0, 'd"e']), 'a["b.c"][0]["d\\"e"]');
        assert.deepEqual(parsePath('a["b.c"][0]["d\\"e"].f'), ["a", "b.c", "0", 'd"e', "f"]);
        assert.equal(isIgnored("spec.replicas", "spec.replicas"), true);
        assert.equal(isIgnored("spec.containers[2].image", "spec.containers[*].image"), true);
        assert.equal(isIgnored("spec", "spec.replicas"), false);
        assert.equal(isIgnored("spec.replicas", "spec"), true);
    });

    it("deletes first where the name is fixed", async () => {
        const provider = new KubernetesProvider();
        const run = (olds: PropertyMap, news: PropertyMap) =>
            provider.resource().diff(operationContext("kubernetes:core/v1:ConfigMap"), {
                id: "default/a",
                oldState: {},
                oldInputs: { apiVersion: "v1", kind: "ConfigMap", ...olds },
                newInputs: { apiVersion: "v1", kind: "ConfigMap", ...news },
                ignoreChanges: [],
            });
        const fixed = { name: "a", namespace: "default" };
        const auto = { ...fixed, annotations: { "pulumi.com/autonamed": "true" } };
        assert.deepEqual(await run({ metadata: fixed, data: { x: "1" } }, { metadata: fixed, data: { x: "2" } }), {
            changes: true,
            replaces: ["data.x"],
            deleteBeforeReplace: true,
            detailed: { "data.x": { kind: "update-replace", inputDiff: true } },
        });
        const replaced = await run({ metadata: auto, data: { x: "1" } }, { metadata: auto, data: { x: "2" } });
        assert.deepEqual([replaced.replaces, replaced.deleteBeforeReplace], [["data.x"], false]);
        const moved = await run({ metadata: fixed }, { metadata: { ...fixed, namespace: "other" } });
        assert.deepEqual([moved.replaces, moved.deleteBeforeReplace], [["metadata.namespace"], false]);
        // A namespace that is written down only now is the one that the object is in.
        assert.equal((await run({ metadata: { name: "a" } }, { metadata: fixed })).changes, false);
        const secret = await run({ metadata: fixed, x: new Secret("1") }, { metadata: fixed, x: "1" });
        assert.equal(secret.changes, false);
    });

    it("replaces a Job that did not succeed, where its annotation asks for that", async () => {
        const path = 'metadata.annotations["pulumi.com/replaceUnready"]';
        const run = (annotation: string, conditions: PropertyMap[]) => {
            const annotations = { "pulumi.com/replaceUnready": annotation };
            const job = {
                apiVersion: "batch/v1",
                kind: "Job",
                metadata: { name: "a", namespace: "default", annotations },
            };
            return new KubernetesProvider().resource().diff(operationContext("kubernetes:batch/v1:Job"), {
                id: "default/a",
                oldState: { ...job, status: { conditions } },
                oldInputs: job,
                newInputs: job,
                ignoreChanges: [],
            });
        };
        assert.deepEqual(await run("true", [{ type: "Failed", status: "True" }]), {
            changes: true,
            replaces: [path],
            deleteBeforeReplace: true,
            detailed: { [path]: { kind: "update-replace", inputDiff: true } },
        });
        assert.equal((await run("true", [{ type: "Complete", status: "True" }])).changes, false);
        assert.equal((await run("false", [{ type: "Failed", status: "True" }])).changes, false);
    });
});

describe("kubernetes plugin: preview", () => {
    it("leaves unknown what the API server chooses", () => {
        const inputs: KubernetesObject = {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "a" },
            spec: { type: "NodePort", ports: [{ port: 1, nodePort: 30001 }, { port: 2 }] },
        };
        const planned: KubernetesObject = {
            ...inputs,
            metadata: { name: "a", uid: "dry", resourceVersion: "1", creationTimestamp: "x" },
            spec: {
                type: "NodePort",
                clusterIP: "10.0.0.9",
                clusterIPs: ["10.0.0.9"],
                ports: [
                    { port: 1, nodePort: 30001 },
                    { port: 2, nodePort: 31234 },
                ],
            },
            status: {},
        };
        assert.deepEqual(plannedState(inputs, planned, {}), {
            apiVersion: "v1",
            kind: "Service",
            metadata: { name: "a", uid: UNKNOWN, resourceVersion: UNKNOWN, creationTimestamp: UNKNOWN },
            spec: {
                type: "NodePort",
                clusterIP: UNKNOWN,
                clusterIPs: UNKNOWN,
                ports: [
                    { port: 1, nodePort: 30001 },
                    { port: 2, nodePort: UNKNOWN },
                ],
            },
            status: UNKNOWN,
        });
        const config: KubernetesObject = { apiVersion: "v1", kind: "ConfigMap", metadata: UNKNOWN, data: { a: "b" } };
        assert.deepEqual(plannedState(config, config, {}), config);
    });
});
