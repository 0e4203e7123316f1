import "reflect-metadata";

import * as assert from "node:assert/strict";
import { createPrivateKey, createPublicKey } from "node:crypto";

import { Pkcs10CertificateRequest } from "@peculiar/x509";
import { parse } from "yaml";

import { parseSettings, SettingsError } from "../../components/settings";
import { keyAndRequest } from "../../components/users/certificate-request";
import { signingRequest } from "../../components/users/issue";
import { userKubeconfig } from "../../components/users/kubeconfig";
import { renewalPeriod } from "../../components/users/renewal";
import { userRoleBinding } from "../../components/users/user";
import { plainTexts, SecretValue } from "../../tools/preview-diff/mock-engine";
import { runWholeProgram } from "./whole-program";

const usersOf = (users: unknown) =>
    parseSettings({ "nta:users": JSON.stringify(users) }, [], { project: "nta", readFile: () => "" }).users;

describe("users: settings", () => {
    it("get their defaults", () => {
        assert.deepEqual(usersOf([{ name: "ada" }]), [{ name: "ada", role: "view", namespaces: [], days: 30 }]);
    });

    const wrongUsers: [what: string, users: unknown[], key: string, wrong: RegExp][] = [
        ["no name", [{ role: "view" }], "nta:users[0].name", /is missing/],
        ["a name that Kubernetes keeps for itself", [{ name: "system:admin" }], "nta:users[0].name", /no name/],
        ["a role that there is not", [{ name: "ada", role: "root" }], "nta:users[0].role", /not one of/],
        ["namespaces as one text", [{ name: "ada", namespaces: "x" }], "nta:users[0].namespaces", /not a list/],
        ["a wrong namespace", [{ name: "ada", namespaces: ["A"] }], "nta:users[0].namespaces[0]", /no name/],
        ["days without end", [{ name: "ada", days: 366 }], "nta:users[0].days", /more than 365/],
        ["a name that is given twice", [{ name: "ada" }, { name: "ada" }], "nta:users[1].name", /entry 0 too/],
        ["an unknown field", [{ name: "ada", roles: "view" }], "nta:users[0].roles", /no field/],
    ];
    for (const [what, users, key, wrong] of wrongUsers) {
        it(`with ${what} are refused at the field`, () => {
            assert.throws(
                () => usersOf(users),
                (error) => {
                    assert.ok(error instanceof SettingsError);
                    assert.deepEqual(
                        error.problems.map((problem) => problem.key),
                        [key],
                    );
                    assert.match(error.problems[0].wrong, wrong);
                    return true;
                },
            );
        });
    }
});

describe("users: certificates", () => {
    it("are asked for with a key of the user's own, in the user's name", async () => {
        const { privateKey, request } = await keyAndRequest("ada");
        const parsed = new Pkcs10CertificateRequest(request);
        assert.equal(parsed.subject, "CN=ada");
        assert.ok(await parsed.verify());
        const publicKey = createPublicKey(createPrivateKey(privateKey)).export({ type: "spki", format: "der" });
        assert.deepEqual(Buffer.from(parsed.publicKey.rawData), publicKey);
        assert.notEqual((await keyAndRequest("ada")).privateKey, privateKey);
    });

    it("are signed for clients of the API server, for a time", () => {
        assert.deepEqual(signingRequest("nta-ada-1", "PEM", 86400), {
            apiVersion: "certificates.k8s.io/v1",
            kind: "CertificateSigningRequest",
            metadata: { name: "nta-ada-1", labels: { "app.kubernetes.io/part-of": "taurus" } },
            spec: {
                request: "UEVN",
                signerName: "kubernetes.io/kube-apiserver-client",
                expirationSeconds: 86400,
                usages: ["client auth"],
            },
        });
    });

    it("are renewed when half of their days are over", () => {
        const day = 24 * 3600 * 1000;
        const start = renewalPeriod(30, 0);
        assert.equal(renewalPeriod(30, 15 * day - 1), start);
        assert.equal(renewalPeriod(30, 15 * day), start + 1);
        assert.equal(renewalPeriod(1, day / 2), renewalPeriod(1, 0) + 1);
    });
});

describe("users: kubeconfigs", () => {
    it("lead to the cluster of the administrator's current context, without the administrator's rights", () => {
        const admin = `
current-context: b
contexts:
- { name: a, context: { cluster: other, user: admin } }
- { name: b, context: { cluster: local, user: admin } }
clusters:
- { name: other, cluster: { server: "https://other" } }
- { name: local, cluster: { server: "https://localhost:6443", certificate-authority-data: Q0E= } }
users:
- { name: admin, user: { client-key-data: c2VjcmV0 } }
`;
        const args = { userName: "ada", namespace: "research", certificate: "CERT", privateKey: "KEY" };
        assert.deepEqual(parse(userKubeconfig(admin, args)), {
            apiVersion: "v1",
            kind: "Config",
            clusters: [
                {
                    name: "local",
                    cluster: { server: "https://localhost:6443", "certificate-authority-data": "Q0E=" },
                },
            ],
            users: [{ name: "ada", user: { "client-certificate-data": "Q0VSVA==", "client-key-data": "S0VZ" } }],
            contexts: [{ name: "ada@local", context: { cluster: "local", namespace: "research", user: "ada" } }],
            "current-context": "ada@local",
        });
    });
});

describe("users: the setting", function () {
    this.timeout(60_000);

    const run = (users: unknown) => runWholeProgram({ config: { "nta:users": JSON.stringify(users) } });

    it("gives each user a binding in each namespace, and a kubeconfig that is secret all the way", async () => {
        const { find, outputs, registrations } = await run([
            { name: "ada", role: "edit" },
            { name: "bob", namespaces: ["research", "taurus"] },
        ]);
        assert.deepEqual(find("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", "users-ada-taurus").inputs, {
            apiVersion: "rbac.authorization.k8s.io/v1",
            kind: "RoleBinding",
            ...userRoleBinding({ userName: "ada", role: "edit" }, "taurus"),
        });
        for (const name of ["users-bob-research", "users-bob-taurus"]) {
            const { inputs } = find("kubernetes:rbac.authorization.k8s.io/v1:RoleBinding", name);
            assert.deepEqual((inputs as { roleRef: unknown }).roleRef, {
                apiGroup: "rbac.authorization.k8s.io",
                kind: "ClusterRole",
                name: "view",
            });
        }
        assert.deepEqual(outputs["userKubeconfigs"], {
            ada: new SecretValue("stdout-of-users-ada-certificate"),
            bob: new SecretValue("stdout-of-users-bob-certificate"),
        });
        const secret = /stdout-of-(cluster-kubeconfig|users-)/;
        for (const { urn, inputs } of registrations) {
            assert.ok(!plainTexts(inputs).some((text) => secret.test(text)), urn);
        }
    });
});
