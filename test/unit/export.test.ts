import * as assert from "node:assert/strict";

import { masked, masker } from "../../operations/export/mask";
import { eventLines, shownObject } from "../../operations/export/objects";
import { secretsOfConfiguration, secretsOfObjects, secretsOfState } from "../../operations/export/secrets";

describe("the mask of an export", () => {
    it("replaces known secrets in every spelling, and leaves the rest of the text", () => {
        const secret = 'p&ss "word"';
        const mask = masker([secret, "another", "abc"]);
        const text = [
            `plain ${secret}.`,
            `base64 ${Buffer.from(secret).toString("base64")}.`,
            `url ${encodeURIComponent(secret)}.`,
            `json ${JSON.stringify({ value: secret })}.`,
            "another, and abc, which is too short to look for",
        ].join("\n");
        assert.equal(
            mask(text),
            [
                `plain ${masked}.`,
                `base64 ${masked}.`,
                `url ${masked}.`,
                `json {"value":"${masked}"}.`,
                `${masked}, and abc, which is too short to look for`,
            ].join("\n"),
        );
    });

    it("replaces the longer of two secrets that begin alike", () => {
        assert.equal(masker(["secret", "secret-and-more"])("secret-and-more"), masked);
    });

    it("knows the secrets inside documents", () => {
        const kubeconfig =
            "server: https://127.0.0.1:6443\nusers:\n- user:\n    client-key-data: QUJDREVGRw==\n    token: t0k3n\n";
        const mask = masker([kubeconfig]);
        assert.equal(mask("QUJDREVGRw== t0k3n https://127.0.0.1:6443"), `${masked} ${masked} https://127.0.0.1:6443`);
    });

    it("replaces what has the form of a secret, and not what only sounds like one", () => {
        const mask = masker([]);
        const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
        for (const [text, wanted] of [
            [`a ${key} b`, `a ${masked} b`],
            [`key: ${Buffer.from(key).toString("base64")}`, `key: ${masked}`],
            ["kubeadm join --token abcdef.0123456789abcdef", `kubeadm join --token ${masked}`],
            ["--certificate-key " + "0f".repeat(32), `--certificate-key ${masked}`],
            ["Authorization: Basic dXNlcjpwYXNz", `Authorization: Basic ${masked}`],
            ["amqp://user:pa55word@rabbit:5672/", `amqp://user:${masked}@rabbit:5672/`],
            ["MYSQL_PASSWORD=pa55word next", `MYSQL_PASSWORD=${masked} next`],
            ['{"apiKey": "k3yk3y"}', `{"apiKey": "${masked}"}`],
            [`token eyJhbGciOiJSUzI1.eyJpc3MiOiJrdWJl.c2lnbmF0dXJl`, `token ${masked}`],
        ] as const) {
            assert.equal(mask(text), wanted);
        }
        const certificate = Buffer.from("-----BEGIN CERTIFICATE-----\nMIIC").toString("base64");
        for (const text of [
            `certificate-authority-data: ${certificate}`,
            '"automountServiceAccountToken": false',
            "urn:pulumi:local::nta::kubernetes:core/v1:Secret::mysql",
            '"name": "taurus-schema.18af00d0c0ffee01"',
            "secretName: mysql",
            "sha256:0123456789abcdef",
        ]) {
            assert.equal(mask(text), text);
        }
    });
});

describe("the secrets to mask", () => {
    const base64 = (text: string) => Buffer.from(text).toString("base64");

    it("come from Kubernetes Secrets, except for names and addresses in them", () => {
        const data = { password: base64("hidden"), username: base64("taurus"), "tls.crt": base64("public") };
        assert.deepEqual(secretsOfObjects([{ data }, {}]), ["hidden"]);
    });

    it("come from a stack's state, wherever they are", () => {
        const secret = (value: unknown) => ({
            "4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
            plaintext: JSON.stringify(value),
        });
        const state = {
            deployment: {
                resources: [
                    {
                        urn: "urn:x",
                        inputs: { stringData: { password: secret("hidden") }, open: "not secret" },
                        outputs: {
                            list: [secret({ deep: ["deeper"], port: 443 })],
                            __inputs: secret({ name: "mysql" }),
                        },
                    },
                ],
            },
        };
        assert.deepEqual(secretsOfState(state), ["hidden", "deeper"]);
    });

    it("come from the configuration's encrypted values, and from no others", () => {
        const settings = {
            "nta:registryPassword": { secure: "v1:abc" },
            "nta:registry": "registry.example",
            "nta:taurus": { httpsPort: 443, collectors: { keys: { twitter: { secure: "v1:def" } } } },
        };
        const values = {
            "nta:registryPassword": "hidden",
            "nta:registry": "registry.example",
            "nta:taurus": { httpsPort: 443, collectors: { keys: { twitter: "deeper" } } },
        };
        assert.deepEqual(secretsOfConfiguration(settings, values), ["hidden", "deeper"]);
    });
});

describe("objects in an export", () => {
    it("are shown without what Secrets hold, and without bookkeeping", () => {
        const metadata = {
            name: "mysql",
            annotations: { "kubectl.kubernetes.io/last-applied-configuration": "hidden", note: "kept" },
            managedFields: [{}],
        };
        assert.deepEqual(shownObject({ kind: "Secret", metadata, data: { password: "aGlkZGVu" } }, true), {
            kind: "Secret",
            metadata: { name: "mysql", annotations: { note: "kept" } },
            data: { password: masked },
        });
    });

    it("are shown without secrets in environments", () => {
        const env = [
            { name: "MYSQL_PASSWD", value: "hidden" },
            { name: "MYSQL_HOST", value: "mysql" },
            { name: "API_KEY", valueFrom: { secretKeyRef: { name: "taurus", key: "apiKey" } } },
        ];
        const pod = shownObject(
            { kind: "Pod", metadata: { name: "a" }, spec: { containers: [{ name: "b", env }] } },
            false,
        );
        assert.deepEqual((pod.spec as { containers: { env: unknown[] }[] }).containers[0]?.env, [
            { name: "MYSQL_PASSWD", value: masked },
            env[1],
            env[2],
        ]);
    });

    it("have their events as lines in the order of time", () => {
        const event = (lastTimestamp: string, reason: string) => ({
            lastTimestamp,
            type: "Warning",
            reason,
            involvedObject: { kind: "Pod", namespace: "web", name: "shop" },
            message: "Back-off\n",
        });
        assert.equal(
            eventLines([event("2026-05-01T12:00:01Z", "Second"), event("2026-05-01T12:00:00Z", "First")]),
            "2026-05-01T12:00:00Z  Warning  First  Pod web/shop: Back-off\n" +
                "2026-05-01T12:00:01Z  Warning  Second  Pod web/shop: Back-off\n",
        );
    });
});
