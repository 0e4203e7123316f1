import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { compareInputs, formatPath, isIgnored, parsePath } from "../../plugins/kubernetes/diff";
import { diffConfig } from "../../plugins/kubernetes/diff-config";
import { activeContext, ambientKubeconfig, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";
import { builtinResource, isListType, parseType } from "../../plugins/kubernetes/kinds";
import { inputsOfLive, projectLive } from "../../plugins/kubernetes/live-inputs";
import { adoptManagedFields } from "../../plugins/kubernetes/managed-fields";
import { assignName, uniqueName } from "../../plugins/kubernetes/naming";
import {
    fromKubernetes,
    JsonObject,
    KubernetesObject,
    markSecrets,
    toKubernetes,
} from "../../plugins/kubernetes/object";
import { plannedState } from "../../plugins/kubernetes/object-state";
import { containerProblems, podProblem } from "../../plugins/kubernetes/pods";
import { KubernetesProvider } from "../../plugins/kubernetes/provider";
import { parseQuantity } from "../../plugins/kubernetes/quantity";
import { Observation, parseWaitFor, readinessOf, selectorText, Verdict } from "../../plugins/kubernetes/readiness";
import { replacementPaths } from "../../plugins/kubernetes/replacement-rules";
import { PropertyMap, Secret, UNKNOWN } from "../../plugins/protocol/properties";
import { CheckRequest, OperationContext } from "../../plugins/protocol/provider";

const silent = { debug() {}, info() {}, warning() {}, error() {}, status() {} };

function context(type: string, name = "thing"): OperationContext {
    return {
        urn: `urn:pulumi:s::p::${type}::${name}`,
        type,
        name,
        log: silent,
        signal: new AbortController().signal,
        timeout: undefined,
        preview: false,
    };
}

const kubeconfig = (server: string, user = "a"): string =>
    JSON.stringify({
        kind: "Config",
        "current-context": "c",
        contexts: [{ name: "c", context: { cluster: "k", user } }],
        clusters: [{ name: "k", cluster: { server } }],
        users: [{ name: user, user: { token: user } }],
    });

describe("kubernetes plugin: kinds", () => {
    it("reads type tokens", () => {
        assert.deepEqual(parseType("kubernetes:core/v1:Secret"), {
            group: "",
            version: "v1",
            kind: "Secret",
            patch: false,
        });
        assert.deepEqual(parseType("kubernetes:rbac.authorization.k8s.io/v1:RolePatch"), {
            group: "rbac.authorization.k8s.io",
            version: "v1",
            kind: "Role",
            patch: true,
        });
        assert.throws(() => parseType("kubernetes:helm.sh/v3:Release"), /Pulumi's own kubernetes plugin only/);
        assert.throws(() => parseType("docker:index:Image"), /not of the form/);
        assert.equal(isListType(parseType("kubernetes:core/v1:PodList")), true);
        assert.equal(isListType(parseType("kubernetes:core/v1:Pod")), false);
    });

    it("knows where Kubernetes' own kinds are served", () => {
        const cases: [string, string, boolean][] = [
            ["core/v1:Endpoints", "endpoints", true],
            ["core/v1:PersistentVolume", "persistentvolumes", false],
            ["networking.k8s.io/v1:NetworkPolicy", "networkpolicies", true],
            ["networking.k8s.io/v1:Ingress", "ingresses", true],
            ["storage.k8s.io/v1:StorageClass", "storageclasses", false],
            ["batch/v1:CronJob", "cronjobs", true],
            ["apiregistration.k8s.io/v1:APIService", "apiservices", false],
        ];
        for (const [token, plural, namespaced] of cases) {
            assert.deepEqual(builtinResource(parseType(`kubernetes:${token}`)), { plural, namespaced }, token);
        }
        assert.equal(builtinResource(parseType("kubernetes:metallb.io/v1beta1:IPAddressPool")), undefined);
    });
});

describe("kubernetes plugin: names", () => {
    it("makes the same name from the same seed", () => {
        const seed = new Uint8Array([1, 2, 3]);
        assert.match(uniqueName("a-", seed), /^a-[0-9a-f]{8}$/);
        assert.equal(uniqueName("a-", seed), uniqueName("a-", seed));
        assert.notEqual(uniqueName("a-", seed), uniqueName("b-", seed).replace("b-", "a-"));
        assert.notEqual(uniqueName("a-"), uniqueName("a-"));
    });

    it("names what has no name, and keeps names", () => {
        const fresh: KubernetesObject = {};
        assignName(fresh, { resourceName: "db", randomSeed: new Uint8Array([7]) });
        assert.deepEqual(fresh, {
            metadata: { name: uniqueName("db-", new Uint8Array([7])), annotations: { "pulumi.com/autonamed": "true" } },
        });
        const given: KubernetesObject = { metadata: { name: "given" } };
        assignName(given, { resourceName: "db" });
        assert.deepEqual(given, { metadata: { name: "given" } });
        const later: KubernetesObject = { metadata: { labels: { a: "b" } } };
        assignName(later, { resourceName: "db", olds: fresh });
        assert.equal((later.metadata as JsonObject).name, (fresh.metadata as JsonObject).name);
        const unknown: KubernetesObject = { metadata: { name: UNKNOWN } };
        assignName(unknown, { resourceName: "db" });
        assert.deepEqual(unknown, { metadata: { name: UNKNOWN } });
    });

    it("obeys the stack's autonaming", () => {
        const named: KubernetesObject = {};
        assignName(named, { resourceName: "db", autonaming: { proposedName: "prop", mode: "enforce" } });
        assert.equal((named.metadata as JsonObject).name, "prop");
        assert.throws(
            () => assignName({}, { resourceName: "db", autonaming: { proposedName: "", mode: "disable" } }),
            /autonaming is disabled/,
        );
        assert.throws(() => assignName({ metadata: { generateName: "x-" } }, { resourceName: "db" }), /generateName/);
    });
});

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
            provider.resource().diff(context("kubernetes:core/v1:ConfigMap"), {
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
            return new KubernetesProvider().resource().diff(context("kubernetes:batch/v1:Job"), {
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

describe("kubernetes plugin: check", () => {
    const check = async (type: string, news: PropertyMap, request: Partial<CheckRequest> = {}) => {
        const provider = new KubernetesProvider();
        const config = { kubeconfig: kubeconfig("https://127.0.0.1:1"), namespace: "mine" };
        await provider.configure(context("pulumi:providers:kubernetes"), config);
        return provider.resource().check(context(type, "thing"), {
            olds: undefined,
            news,
            randomSeed: new Uint8Array([1]),
            ...request,
        });
    };

    it("fills in what the program left out, without asking the cluster", async () => {
        const name = uniqueName("thing-", new Uint8Array([1]));
        assert.deepEqual(await check("kubernetes:core/v1:Secret", { stringData: { a: new Secret("x"), b: "y" } }), {
            inputs: {
                apiVersion: "v1",
                kind: "Secret",
                metadata: { name, namespace: "mine", annotations: { "pulumi.com/autonamed": "true" } },
                stringData: new Secret({ a: "x", b: "y" }),
            },
            failures: [],
        });
        assert.deepEqual(await check("kubernetes:core/v1:Namespace", { metadata: { name: "a", uid: "u" } }), {
            inputs: { apiVersion: "v1", kind: "Namespace", metadata: { name: "a" } },
            failures: [],
        });
        const { inputs } = await check("kubernetes:core/v1:Pod", { spec: { a: UNKNOWN }, metadata: { name: UNKNOWN } });
        assert.deepEqual(inputs.metadata, { name: UNKNOWN, namespace: "mine" });
        assert.deepEqual(inputs.spec, { a: UNKNOWN });
    });

    it("says what is wrong with annotations and Patch resources", async () => {
        const bad = await check("kubernetes:core/v1:Pod", {
            metadata: { name: "a", annotations: { "pulumi.com/timeoutSeconds": "soon", "pulumi.com/waitFor": "x" } },
        });
        assert.deepEqual(
            bad.failures?.map(({ property }) => property),
            ['metadata.annotations["pulumi.com/timeoutSeconds"]', 'metadata.annotations["pulumi.com/waitFor"]'],
        );
        const patch = await check("kubernetes:core/v1:NodePatch", { metadata: { labels: { a: "b" } } });
        assert.equal(patch.failures?.length, 1);
        await assert.rejects(check("kubernetes:core/v1:PodList", {}), /can't be created/);
    });

    it("does not start without what it stands in for", async () => {
        const provider = new KubernetesProvider();
        const configure = (config: PropertyMap) => provider.configure(context("pulumi:providers:kubernetes"), config);
        await assert.rejects(configure({ enableServerSideApply: "false" }), /Pulumi's own/);
        await assert.rejects(configure({ renderYamlToDirectory: "x" }), /Pulumi's own/);
        await configure({ kubeconfig: "neither path nor contents" });
        const inputs = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
        await assert.rejects(
            provider.resource().create(context("kubernetes:core/v1:ConfigMap"), inputs),
            /cluster is unreachable: this is neither the path/,
        );
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

describe("kubernetes plugin: provider configuration", () => {
    const [one, two] = [kubeconfig("https://one:1"), kubeconfig("https://two:2")];

    it("replaces the provider for another cluster only", () => {
        assert.deepEqual(diffConfig({ kubeconfig: one }, { kubeconfig: one }), { changed: [], replaces: [] });
        assert.deepEqual(diffConfig({ kubeconfig: one }, { kubeconfig: two }), {
            changed: ["kubeconfig"],
            replaces: ["kubeconfig"],
        });
        assert.deepEqual(diffConfig({ kubeconfig: one }, { kubeconfig: kubeconfig("https://one:1", "b") }), {
            changed: ["kubeconfig"],
            replaces: [],
        });
        assert.deepEqual(diffConfig({ kubeconfig: one }, { kubeconfig: UNKNOWN }), {
            changed: ["kubeconfig"],
            replaces: ["kubeconfig"],
        });
        assert.deepEqual(diffConfig({ kubeconfig: "broken" }, { kubeconfig: one }).replaces, []);
        assert.deepEqual(diffConfig({ kubeconfig: one }, { kubeconfig: one, deleteUnreachable: "true" }), {
            changed: ["deleteUnreachable"],
            replaces: [],
        });
    });

    it("goes by clusterIdentifier while that is set", () => {
        const id = { clusterIdentifier: "a" };
        assert.deepEqual(diffConfig({ kubeconfig: one, ...id }, { kubeconfig: two, ...id }).replaces, []);
        assert.deepEqual(diffConfig({ kubeconfig: one, ...id }, { kubeconfig: UNKNOWN, ...id }).replaces, []);
        assert.deepEqual(diffConfig({ kubeconfig: one, ...id }, { kubeconfig: one, clusterIdentifier: "b" }).replaces, [
            "clusterIdentifier",
        ]);
        assert.deepEqual(diffConfig({ kubeconfig: one }, { kubeconfig: one, ...id }).replaces, []);
        assert.deepEqual(diffConfig({ kubeconfig: one, ...id }, { kubeconfig: one }).replaces, []);
    });

    it("reads kubeconfigs from contents, files and the environment", () => {
        const folder = mkdtempSync(join(tmpdir(), "nta-kubeconfig-"));
        try {
            const first = join(folder, "first");
            const yaml = [
                "apiVersion: v1",
                "kind: Config",
                "current-context: c",
                "contexts: [{name: c, context: {cluster: k, user: u, namespace: n}}]",
                "clusters: [{name: k, cluster: {server: 'https://a:1', certificate-authority: ca.pem}}]",
            ].join("\n");
            writeFileSync(first, yaml);
            const second = join(folder, "second");
            writeFileSync(second, "kind: Config\nusers: [{name: u, user: {token: t}}]\ncurrent-context: other\n");
            const expected = {
                cluster: { server: "https://a:1", "certificate-authority": join(folder, "ca.pem") },
                user: { token: "t" },
                namespace: "n",
            };
            const merged = ambientKubeconfig({ KUBECONFIG: `${first}:${join(folder, "none")}:${second}` });
            assert.deepEqual(activeContext(merged, {}), expected);
            assert.deepEqual(activeContext(merged, { namespace: "m" }), { ...expected, namespace: "m" });
            assert.deepEqual(activeContext(parseKubeconfig(first), {}).user, {});
            assert.equal(activeContext(parseKubeconfig(yaml), {}).cluster["certificate-authority"], "ca.pem");
            assert.throws(() => activeContext(parseKubeconfig(first), { context: "x" }), /no context "x"/);
            assert.throws(() => activeContext(parseKubeconfig(first), { cluster: "x" }), /no cluster "x"/);
            assert.throws(() => parseKubeconfig("/no/such/file"), /neither the path/);
            assert.throws(() => activeContext(ambientKubeconfig({ KUBECONFIG: "/none" }), {}), /no current-context/);
        } finally {
            rmSync(folder, { recursive: true });
        }
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

describe("kubernetes plugin: readiness", () => {
    const evaluate = (
        token: string,
        live: KubernetesObject,
        observation: Partial<Observation> = {},
    ): Pick<Verdict, "ready" | "failure"> => {
        const { ready, failure } = readinessOf(parseType(`kubernetes:${token}`))?.evaluate({
            live,
            related: {},
            settled: () => Infinity,
            waited: 0,
            ...observation,
        }) ?? { ready: true };
        return failure === undefined ? { ready } : { ready, failure };
    };
    const yes = { ready: true };
    const no = { ready: false };
    const status = (type: string, value = "True", more: JsonObject = {}): JsonObject => ({
        type,
        status: value,
        ...more,
    });

    it("of pods", () => {
        assert.deepEqual(evaluate("core/v1:Pod", { status: { conditions: [status("Ready")] } }), yes);
        assert.deepEqual(evaluate("core/v1:Pod", { status: { phase: "Succeeded" } }), yes);
        assert.deepEqual(evaluate("core/v1:Pod", { status: { phase: "Pending" } }), no);
        const failed = evaluate("core/v1:Pod", {
            metadata: { name: "p" },
            status: { phase: "Failed", reason: "Evicted" },
        });
        assert.deepEqual(failed, { ready: false, failure: "Pod p: failed [Evicted]" });
    });

    it("of controllers of pods", () => {
        const rc = (replicas: number | undefined, available: number | undefined, observed = 2): KubernetesObject => ({
            metadata: { generation: 2 },
            spec: { replicas },
            status: { availableReplicas: available, observedGeneration: observed },
        });
        for (const token of ["core/v1:ReplicationController", "apps/v1:ReplicaSet"]) {
            assert.deepEqual(evaluate(token, rc(2, 2)), yes);
            assert.deepEqual(evaluate(token, rc(2, 1)), no);
            assert.deepEqual(evaluate(token, rc(0, undefined)), yes);
            assert.deepEqual(evaluate(token, rc(undefined, 1)), yes);
            assert.deepEqual(evaluate(token, rc(2, 2, 1)), no);
        }
        const set = (changes: JsonObject, generation = 1): KubernetesObject => ({
            metadata: { generation },
            spec: { replicas: 2 },
            status: {
                observedGeneration: generation,
                replicas: 2,
                readyReplicas: 2,
                currentReplicas: 2,
                currentRevision: "a",
                updateRevision: "a",
                ...changes,
            },
        });
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({})), yes);
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({ readyReplicas: 1 })), no);
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({ updateRevision: "b" }, 2)), no);
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({ observedGeneration: 0 })), no);
        const deployment = (changes: JsonObject): KubernetesObject => ({
            metadata: { generation: 3 },
            spec: { replicas: 2 },
            status: {
                observedGeneration: 3,
                replicas: 2,
                updatedReplicas: 2,
                availableReplicas: 2,
                conditions: [status("Available"), status("Progressing")],
                ...changes,
            },
        });
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({})), yes);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ updatedReplicas: 1 })), no);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ replicas: 3 })), no);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ availableReplicas: 1 })), no);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ observedGeneration: 2 })), no);
        const daemons = (changes: JsonObject): KubernetesObject => ({
            metadata: { generation: 1 },
            status: {
                observedGeneration: 1,
                desiredNumberScheduled: 1,
                currentNumberScheduled: 1,
                updatedNumberScheduled: 1,
                numberAvailable: 1,
                numberReady: 1,
                ...changes,
            },
        });
        assert.deepEqual(evaluate("apps/v1:DaemonSet", daemons({})), yes);
        assert.deepEqual(evaluate("apps/v1:DaemonSet", daemons({ updatedNumberScheduled: 0 })), no);
        assert.deepEqual(evaluate("apps/v1:DaemonSet", { metadata: { generation: 1 }, status: {} }), no);
    });

    it("of jobs", () => {
        assert.deepEqual(evaluate("batch/v1:Job", { status: { conditions: [status("Complete")] } }), yes);
        assert.deepEqual(evaluate("batch/v1:Job", { status: { active: 1 } }), no);
        const failed = status("Failed", "True", { reason: "BackoffLimitExceeded", message: "too often" });
        assert.deepEqual(evaluate("batch/v1:Job", { status: { conditions: [failed] } }), {
            ready: false,
            failure: "[BackoffLimitExceeded] too often",
        });
    });

    it("of services", () => {
        const service = (spec: JsonObject, more: JsonObject = {}): KubernetesObject => ({ spec, ...more });
        const selected = service({ clusterIP: "10.0.0.1", selector: { a: "b" } });
        const slice = (...ready: boolean[]): KubernetesObject => ({
            endpoints: ready.map((value) => ({ conditions: { ready: value } })),
        });
        const at = (live: KubernetesObject, slices: KubernetesObject[], settled: number) =>
            evaluate("core/v1:Service", live, { related: { slices }, settled: () => settled });
        assert.deepEqual(at(selected, [], 60_000), no);
        assert.deepEqual(at(selected, [slice(true)], 100), no);
        assert.deepEqual(at(selected, [slice(true)], 500), yes);
        assert.deepEqual(at(selected, [slice(true, false)], 60_000), no);
        assert.deepEqual(at(selected, [slice()], 500), no);
        assert.deepEqual(at(selected, [slice()], 3000), yes);
        const leaving = { endpoints: [{ conditions: { ready: false, terminating: true } }] };
        assert.deepEqual(at(selected, [slice(true), leaving], 500), yes);
        assert.deepEqual(at(service({ clusterIP: "None", selector: { a: "b" } }), [], 0), yes);
        assert.deepEqual(at(service({ type: "ExternalName" }), [], 0), yes);
        assert.deepEqual(at(service({ clusterIP: "10.0.0.1" }), [], 0), yes);
        assert.deepEqual(at(service({ type: "LoadBalancer" }), [], 0), no);
        const balanced = service(
            { type: "LoadBalancer" },
            { status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } } },
        );
        assert.deepEqual(at(balanced, [], 0), yes);
    });

    it("of volumes and claims", () => {
        const pvc = (phase: string): KubernetesObject => ({ spec: { storageClassName: "c" }, status: { phase } });
        const late = { related: { classes: [{ volumeBindingMode: "WaitForFirstConsumer" }] } };
        assert.deepEqual(evaluate("core/v1:PersistentVolumeClaim", pvc("Bound"), { related: { classes: [] } }), yes);
        assert.deepEqual(evaluate("core/v1:PersistentVolumeClaim", pvc("Pending"), { related: { classes: [] } }), no);
        assert.deepEqual(evaluate("core/v1:PersistentVolumeClaim", pvc("Pending"), late), yes);
        assert.deepEqual(evaluate("core/v1:PersistentVolume", { status: { phase: "Available" } }), yes);
        assert.deepEqual(evaluate("core/v1:PersistentVolume", { status: { phase: "Pending" } }), no);
    });

    it("of the rest", () => {
        assert.deepEqual(evaluate("core/v1:ConfigMap", {}), yes);
        assert.deepEqual(evaluate("batch/v1:CronJob", {}), yes);
        assert.deepEqual(evaluate("core/v1:Namespace", { status: { phase: "Active" } }), yes);
        assert.deepEqual(evaluate("core/v1:Namespace", { status: { phase: "Terminating" } }), no);
        assert.deepEqual(evaluate("core/v1:Secret", { type: "Opaque" }), yes);
        assert.deepEqual(evaluate("core/v1:Secret", { type: "kubernetes.io/service-account-token" }), no);
        const quota = (hard: JsonObject): KubernetesObject => ({
            spec: { hard: { cpu: "1", pods: 2 } },
            status: { hard },
        });
        assert.deepEqual(evaluate("core/v1:ResourceQuota", quota({ cpu: "1000m", pods: "2" })), yes);
        assert.deepEqual(evaluate("core/v1:ResourceQuota", quota({})), no);
        const definition = { status: { conditions: [status("Established")] } };
        assert.deepEqual(evaluate("apiextensions.k8s.io/v1:CustomResourceDefinition", definition), yes);
        const ingress: KubernetesObject = {
            spec: { rules: [{ http: { paths: [{ backend: { service: { name: "web" } } }] } }] },
            status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
        };
        const slices = [{ metadata: { labels: { "kubernetes.io/service-name": "web" } } }];
        const at = (related: Observation["related"], waited: number) =>
            evaluate("networking.k8s.io/v1:Ingress", ingress, { related, waited });
        assert.deepEqual(at({ slices, services: [] }, 0), yes);
        assert.deepEqual(at({ slices: [], services: [] }, 0), no);
        assert.deepEqual(at({ slices: [], services: [] }, 60_000), yes);
    });

    it("of what an annotation asks for", () => {
        const at = (text: string, live: KubernetesObject): boolean =>
            parseWaitFor(text).evaluate({ live, related: {}, settled: () => 0, waited: 0 }).ready;
        const live: KubernetesObject = {
            status: { phase: "Up", count: 3, conditions: [status("Synced"), status("Bad", "False")] },
        };
        assert.equal(at("condition=Synced", live), true);
        assert.equal(at("condition=bad", live), false);
        assert.equal(at("condition=Bad=False", live), true);
        assert.equal(at("jsonpath={.status.phase}=Up", live), true);
        assert.equal(at("jsonpath={.status.count}=4", live), false);
        assert.equal(at("jsonpath={.status.conditions[0].type}", live), true);
        assert.equal(at('["condition=Synced", "jsonpath={.status.none}"]', live), false);
        assert.throws(() => parseWaitFor("phase=Up"), /neither condition=/);
        assert.throws(() => parseWaitFor("[]"), /at least one/);
    });

    it("with selectors as the API takes them", () => {
        assert.equal(selectorText({ app: "a", b: "c" }), "app=a,b=c");
        assert.equal(
            selectorText({
                matchLabels: { a: "b" },
                matchExpressions: [
                    { key: "k", operator: "In", values: ["1", "2"] },
                    { key: "l", operator: "DoesNotExist" },
                    { key: "m", operator: "Exists" },
                ],
            }),
            "a=b,k in (1,2),!l,m",
        );
    });

    it("explains what is wrong with a pod", () => {
        const pod = (containerStatus: JsonObject): KubernetesObject => ({
            metadata: { name: "p", namespace: "n" },
            status: { phase: "Running", containerStatuses: [{ name: "c", ready: false, ...containerStatus }] },
        });
        const crashed = pod({
            restartCount: 3,
            state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s" } },
            lastState: { terminated: { exitCode: 1, reason: "Error", finishedAt: "x", message: "boom\n" } },
        });
        assert.equal(
            podProblem(crashed),
            "Pod n/p: container c: [CrashLoopBackOff] back-off 40s; last ended with exit code 1: boom",
        );
        assert.deepEqual(containerProblems(crashed)[0]?.logs, { previous: true });
        assert.equal(podProblem(pod({ state: { waiting: { reason: "ContainerCreating" } } })), undefined);
        const killed = pod({ state: { terminated: { exitCode: 137, reason: "OOMKilled", finishedAt: "x" } } });
        assert.equal(podProblem(killed), "Pod n/p: container c: [OOMKilled] OOMKilled (exit code 137)");
        const late = pod({ state: { terminated: { exitCode: 143, reason: "Error", finishedAt: "x" } } });
        late.status = {
            ...(late.status as JsonObject),
            phase: "Failed",
            reason: "DeadlineExceeded",
            message: "too long",
        };
        assert.equal(
            podProblem(late),
            "Pod n/p: failed [DeadlineExceeded] too long; container c: [Error] exit code 143",
        );
        const waiting = {
            metadata: { name: "p" },
            status: {
                conditions: [status("PodScheduled", "False", { reason: "Unschedulable", message: "0/1 nodes" })],
            },
        };
        assert.equal(podProblem(waiting), "Pod p: [Unschedulable] 0/1 nodes");
        assert.equal(podProblem({ status: { conditions: [status("Ready")] } }), undefined);
    });
});
