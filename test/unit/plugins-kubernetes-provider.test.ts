import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { diffConfig } from "../../plugins/kubernetes/diff-config";
import { activeContext, ambientKubeconfig, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";
import { uniqueName } from "../../plugins/kubernetes/naming";
import { KubernetesProvider } from "../../plugins/kubernetes/provider";
import { PropertyMap, Secret, UNKNOWN } from "../../plugins/protocol/properties";
import { CheckRequest } from "../../plugins/protocol/provider";
import { kubeconfig, operationContext } from "./plugins-kubernetes-operation";

describe("kubernetes plugin: check", () => {
    const check = async (type: string, news: PropertyMap, request: Partial<CheckRequest> = {}) => {
        const provider = new KubernetesProvider();
        const config = { kubeconfig: kubeconfig("https://127.0.0.1:1"), namespace: "mine" };
        await provider.configure(operationContext("pulumi:providers:kubernetes"), config);
        return provider.resource().check(operationContext(type, "thing"), {
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
        const configure = (config: PropertyMap) =>
            provider.configure(operationContext("pulumi:providers:kubernetes"), config);
        await assert.rejects(configure({ enableServerSideApply: "false" }), /Pulumi's own/);
        await assert.rejects(configure({ renderYamlToDirectory: "x" }), /Pulumi's own/);
        await configure({ kubeconfig: "neither path nor contents" });
        const inputs = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
        await assert.rejects(
            provider.resource().create(operationContext("kubernetes:core/v1:ConfigMap"), inputs),
            /cluster is unreachable: this is neither the path/,
        );
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
