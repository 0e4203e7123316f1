import * as assert from "node:assert/strict";
import * as util from "node:util";

import { parseSettings, SecretText, type Settings } from "../../components/settings";
import { pinnedSourceRef } from "../../components/settings/schema";
import { certificate, configuration, context } from "./settings-configuration";

const defaults: Settings = {
    cluster: "vagrant",
    kubeContext: undefined,
    kubeconfig: undefined,
    storageClass: undefined,
    serviceType: "NodePort",
    provider: "auto",
    kubernetesVersion: "1.34.4",
    nodes: 1,
    cpus: 4,
    memory: 4096,
    disk: 20,
    nodePools: [],
    podRange: "10.244.0.0/16",
    serviceRange: "10.100.0.0/16",
    hostAddress: "127.0.0.1",
    addressPool: undefined,
    apiPort: 6443,
    registryPort: 5000,
    registry: undefined,
    registryUsername: undefined,
    registryPassword: undefined,
    registryInsecure: false,
    registryCa: undefined,
    buildImages: true,
    builtImages: [],
    source: "auto",
    sourceRef: "02903b0062c89c2c259b533eea2df6e8bb44eaf3",
    namespace: "taurus",
    jobs: [],
    users: [],
    taurus: {
        replicas: 1,
        expose: true,
        httpsPort: 443,
        supervisorPort: 9001,
        metricsPort: 2003,
        storage: "5Gi",
        collectors: {
            enabled: true,
            xigniteApiToken: undefined,
            twitterConsumerKey: undefined,
            twitterConsumerSecret: undefined,
            twitterAccessToken: undefined,
            twitterAccessTokenSecret: undefined,
        },
    },
    support: {
        mysql: { storage: "5Gi", expose: false, port: 3306 },
        rabbitmq: { storage: "2Gi", expose: false, managementPort: 15672 },
        dynamodb: { storage: "2Gi", expose: false, port: 8300 },
    },
};

describe("settings: right values", () => {
    it("are the defaults when nothing is given, with and without the engine's filling in", () => {
        assert.deepEqual(parseSettings({}, [], context), defaults);
        assert.deepEqual(parseSettings(configuration(), [], context), defaults);
    });

    it("may be nested, or stand under their whole names beside the defaults that the engine fills in", () => {
        const nested = configuration({ "nta:taurus": JSON.stringify({ httpsPort: 8443, expose: false }) });
        assert.deepEqual(parseSettings(nested, [], context).taurus, {
            ...defaults.taurus,
            httpsPort: 8443,
            expose: false,
        });
        const flat = configuration({ "nta:taurus.httpsPort": "8443", "nta:taurus.expose": "false" });
        assert.deepEqual(parseSettings(flat, [], context).taurus, {
            ...defaults.taurus,
            httpsPort: 8443,
            expose: false,
        });
    });

    const right: [setting: string, given: Record<string, string>, expected: Partial<Settings>][] = [
        ["a port", { "nta:apiPort": "16443" }, { apiPort: 16443 }],
        ["the largest memory", { "nta:memory": "16384" }, { memory: 16384 }],
        ["another namespace", { "nta:namespace": "taurus-2" }, { namespace: "taurus-2" }],
        ["all addresses", { "nta:hostAddress": "0.0.0.0" }, { hostAddress: "0.0.0.0" }],
        [
            "a registry with port",
            { "nta:registry": "registry.example.com:5000" },
            { registry: "registry.example.com:5000" },
        ],
        ["a registry with path", { "nta:registry": "ghcr.io/numenta/taurus" }, { registry: "ghcr.io/numenta/taurus" }],
        [
            "images from a registry, some of them built here",
            { "nta:registry": "r.io", "nta:buildImages": "false", "nta:builtImages": "mysql, taurus" },
            { registry: "r.io", buildImages: false, builtImages: ["taurus", "mysql"] },
        ],
        ["a registry by address", { "nta:registry": "10.0.2.15:5000/a" }, { registry: "10.0.2.15:5000/a" }],
        ["a registry by IPv6 address", { "nta:registry": "[fd00::1]:5000" }, { registry: "[fd00::1]:5000" }],
        ["a checkout", { "nta:source": "../numenta-apps" }, { source: "../numenta-apps" }],
        ["the sample", { "nta:source": "sample" }, { source: "sample" }],
        [
            "a git address with a branch",
            { "nta:source": "git@example.com:numenta/numenta-apps.git", "nta:sourceRef": "feature/x" },
            { source: "git@example.com:numenta/numenta-apps.git", sourceRef: "feature/x" },
        ],
        [
            "the pinned commit beside a path",
            { "nta:source": "/src", "nta:sourceRef": pinnedSourceRef },
            { source: "/src" },
        ],
        [
            "an authority from a file",
            { "nta:registry": "r.example.com", "nta:registryCa": "./ca.pem" },
            { registryCa: certificate },
        ],
        [
            "an authority's text",
            { "nta:registry": "r.example.com", "nta:registryCa": certificate },
            { registryCa: certificate.trim() },
        ],
        ["equal ports of what is not exposed", { "nta:apiPort": "3306" }, { apiPort: 3306 }],
        [
            "5000 for another port with a registry elsewhere",
            { "nta:registry": "r.io", "nta:apiPort": "5000" },
            { apiPort: 5000 },
        ],
        ["other namespaces' keys", { "kubernetes:namespace": "x", "aws:region": "y" }, {}],
    ];
    for (const [name, given, expected] of right) {
        it(`take ${name}`, () => {
            const settings = parseSettings(configuration(given), [], context);
            assert.deepEqual(settings, { ...defaults, ...settings, ...expected });
        });
    }

    it("hold secrets that do not turn into text by themselves", () => {
        const given = {
            "nta:registry": "r.example.com",
            "nta:registryUsername": "ada",
            "nta:registryPassword": " p w ",
            "nta:taurus.collectors.xigniteApiToken": "token",
        };
        const secret = ["nta:registryPassword", "nta:taurus.collectors.xigniteApiToken"];
        const settings = parseSettings(configuration(given), secret, context);
        assert.equal(settings.registryPassword?.reveal(), " p w ");
        assert.equal(settings.taurus.collectors.xigniteApiToken?.reveal(), "token");
        for (const text of [
            JSON.stringify(settings),
            util.inspect(settings, { depth: 9 }),
            `${settings.registryPassword}`,
        ]) {
            assert.doesNotMatch(text, / p w |token"/);
        }
        const nested = { "nta:taurus": JSON.stringify({ collectors: { xigniteApiToken: "token" } }) };
        assert.ok(
            parseSettings(nested, ["nta:taurus"], context).taurus.collectors.xigniteApiToken instanceof SecretText,
        );
    });

    it("are parsed in less than 50 ms", () => {
        parseSettings(configuration(), [], context);
        const begin = performance.now();
        parseSettings(configuration(), [], context);
        assert.ok(performance.now() - begin < 50);
    });
});
