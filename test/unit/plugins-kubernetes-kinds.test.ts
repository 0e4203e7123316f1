import * as assert from "node:assert/strict";

import { builtinResource, isListType, parseType } from "../../plugins/kubernetes/kinds";
import { assignName, uniqueName } from "../../plugins/kubernetes/naming";
import { JsonObject, KubernetesObject } from "../../plugins/kubernetes/object";
import { UNKNOWN } from "../../plugins/protocol/properties";

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
