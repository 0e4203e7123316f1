import * as assert from "node:assert/strict";

import { inputsOfLive, projectLive } from "../../plugins/kubernetes/live-inputs";
import { adoptManagedFields } from "../../plugins/kubernetes/managed-fields";
import {
    fromKubernetes,
    JsonObject,
    KubernetesObject,
    markSecrets,
    toKubernetes,
} from "../../plugins/kubernetes/object";
import { parseQuantity } from "../../plugins/kubernetes/quantity";
import { PropertyMap, Secret, UNKNOWN } from "../../plugins/protocol/properties";

describe("kubernetes plugin: secrets", () => {
    it("marks outputs where inputs were secret, and all data of a Secret", () => {
        const outputs: PropertyMap = { kind: "Pod", spec: { a: "1", list: [{ b: "2" }], c: "3" } };
        markSecrets(outputs, { spec: { a: new Secret("1"), list: [{ b: new Secret("2") }], c: "3" } });
        assert.deepEqual(outputs, {
            kind: "Pod",
            spec: { a: new Secret("1"), list: new Secret([{ b: "2" }]), c: "3" },
        });
        const secret: PropertyMap = { kind: "Secret", data: { a: "eA==" }, type: "Opaque" };
        markSecrets(secret, {});
        assert.deepEqual(secret, { kind: "Secret", data: new Secret({ a: "eA==" }), type: "Opaque" });
    });

    it("translates between properties and Kubernetes objects", () => {
        const object = toKubernetes({
            a: new Secret({ x_kubernetes_list_type: "map" }),
            b: null,
            c: UNKNOWN,
            d: [undefined, 1],
        });
        assert.deepEqual(object, { a: { "x-kubernetes-list-type": "map" }, c: UNKNOWN, d: [null, 1] });
        assert.deepEqual(fromKubernetes({ a: { "x-kubernetes-list-type": "map" } }), {
            a: { x_kubernetes_list_type: "map" },
        });
    });
});

describe("kubernetes plugin: live objects as inputs", () => {
    it("keeps the program's spelling of what means the same", () => {
        const inputs: KubernetesObject = {
            apiVersion: "v1",
            kind: "Pod",
            metadata: { name: "a", labels: { x: "1" }, annotations: {} },
            spec: {
                hostNetwork: false,
                containers: [
                    { name: "b", resources: { limits: { cpu: 0.5, memory: "1024Mi" } }, args: ["a"] },
                    { name: "a", env: [{ name: "E", value: "" }], ports: [{ containerPort: 80 }] },
                ],
            },
        };
        const live: KubernetesObject = {
            apiVersion: "v1",
            kind: "Pod",
            metadata: { name: "a", uid: "u", labels: { x: "1", y: "2" } },
            spec: {
                nodeName: "n",
                containers: [
                    { name: "injected" },
                    { name: "a", env: [{ name: "E" }, { name: "F" }], ports: [{ containerPort: 80, protocol: "TCP" }] },
                    { name: "b", resources: { limits: { cpu: "500m", memory: "1Gi" } }, args: ["a"] },
                ],
            },
            status: {},
        };
        assert.deepEqual(projectLive(live, inputs), inputs);
    });

    it("shows drift", () => {
        const inputs: KubernetesObject = { spec: { a: "1", list: ["a"], gone: "x", named: [{ name: "n", v: 1 }] } };
        const live: KubernetesObject = { spec: { a: "2", list: ["a", "b"], named: [{ name: "n", v: 2 }] } };
        assert.deepEqual(projectLive(live, inputs), {
            spec: { a: "2", list: ["a", "b"], named: [{ name: "n", v: 2 }] },
        });
        const secret = { apiVersion: "v1", kind: "Secret", stringData: { a: "x", b: "y", c: "z" } };
        const data = { a: Buffer.from("x").toString("base64"), b: Buffer.from("other").toString("base64") };
        assert.deepEqual(projectLive({ apiVersion: "v1", kind: "Secret", data }, secret), {
            apiVersion: "v1",
            kind: "Secret",
            stringData: { a: "x", b: "other" },
        });
    });

    it("makes inputs of what no program declared", () => {
        const live: KubernetesObject = {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: "a", namespace: "b", uid: "u", resourceVersion: "1", managedFields: [] },
            data: { a: "b" },
            status: {},
        };
        assert.deepEqual(inputsOfLive(live), {
            apiVersion: "v1",
            kind: "ConfigMap",
            metadata: { name: "a", namespace: "b" },
            data: { a: "b" },
        });
    });

    it("reads quantities", () => {
        const same = [
            ["0.5", "500m"],
            ["1Gi", "1024Mi"],
            ["1e3", "1k"],
            ["1", "1.0"],
            ["-1", "-1000m"],
            ["100n", "0.1u"],
        ];
        for (const [left = "", right = ""] of same) {
            assert.equal(parseQuantity(left), parseQuantity(right), left);
        }
        assert.notEqual(parseQuantity("1G"), parseQuantity("1Gi"));
        for (const text of ["", "x", "1x", ".", "1 Gi", "m"]) {
            assert.equal(parseQuantity(text), undefined, text);
        }
    });
});

describe("kubernetes plugin: field ownership", () => {
    it("takes over what a create or kubectl owned, and nothing else", () => {
        const entry = (manager: string, operation: string, fields: JsonObject, subresource?: string): JsonObject => ({
            manager,
            operation,
            apiVersion: "v1",
            fieldsType: "FieldsV1",
            fieldsV1: fields,
            ...(subresource === undefined ? {} : { subresource }),
        });
        const live: KubernetesObject = {
            metadata: {
                managedFields: [
                    entry("pulumi-kubernetes", "Update", { "f:spec": { "f:a": {}, "f:b": { "f:c": {} } } }),
                    entry("kubectl", "Update", { "f:spec": { "f:b": { "f:d": {} } } }),
                    entry("kube-controller-manager", "Update", { "f:status": {} }, "status"),
                    entry("mine", "Apply", { "f:data": {} }),
                ],
            },
        };
        assert.deepEqual(adoptManagedFields(live, "mine"), [
            entry("kube-controller-manager", "Update", { "f:status": {} }, "status"),
            entry("mine", "Apply", {
                "f:data": {},
                "f:spec": { "f:a": {}, "f:b": { "f:c": {}, "f:d": {} } },
            }),
        ]);
        assert.equal(
            adoptManagedFields({ metadata: { managedFields: [entry("mine", "Apply", {})] } }, "mine"),
            undefined,
        );
        assert.equal(adoptManagedFields({ metadata: {} }, "mine"), undefined);
    });
});
