import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as util from "node:util";

import { parse } from "yaml";

import { parseSettings, SecretText, Settings, SettingsContext, SettingsError } from "../../components/settings";
import { projectConfig, settingsDocument } from "../../components/settings/documentation";
import { defaultText } from "../../components/settings/fields";
import { nearest } from "../../components/settings/nearest";
import { allSettings, pinnedSourceRef } from "../../components/settings/schema";

const root = path.join(__dirname, "..", "..");

// Self-signed, CN=registry-ca, made for this test with: openssl req -x509 -newkey ed25519 -nodes -days 36500
const certificate = fs.readFileSync(path.join(__dirname, "registry-ca.pem"), "utf8");

const context: SettingsContext = {
    project: "nta",
    hostMemory: 16384,
    readFile: (file) => {
        if (file === "./ca.pem") {
            return certificate;
        }
        if (file === "./not-a-certificate.pem") {
            return "hello";
        }
        throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    },
};

/** The configuration as the engine hands it over: the defaults of Pulumi.yaml, with `given` on top. */
function configuration(given: Record<string, string> = {}): Record<string, string> {
    const raw: Record<string, string> = {};
    const groups: Record<string, Record<string, unknown>> = {};
    for (const setting of allSettings) {
        if (setting.path.length === 1) {
            raw[`nta:${setting.name}`] = defaultText(setting);
            continue;
        }
        let group = (groups[setting.path[0]] ??= {});
        for (const key of setting.path.slice(1, -1)) {
            group = (group[key] ??= {}) as Record<string, unknown>;
        }
        group[setting.path.at(-1) as string] = setting.default;
    }
    for (const [name, group] of Object.entries(groups)) {
        raw[`nta:${name}`] = JSON.stringify(group);
    }
    return { ...raw, ...given };
}

function problemsOf(given: Record<string, string>, secretKeys: string[] = [], using = context) {
    try {
        parseSettings(given, secretKeys, using);
    } catch (error) {
        assert.ok(error instanceof SettingsError, `not a SettingsError: ${util.inspect(error)}`);
        return error;
    }
    return assert.fail(`no problem was found in ${JSON.stringify(given)}`);
}

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

/** key, value or whole configuration, what the message must say, the command that it must give */
type BadValue = [key: string, given: string | Record<string, string>, wrong: RegExp, mend: string];

/** What an existing cluster needs. */
const onExisting = { "nta:cluster": "existing", "nta:kubeContext": "lab", "nta:registry": "r.io" };

const badValues: BadValue[] = [
    ["nta:kubeContext", "lab", /is set, but cluster is vagrant/, "pulumi config rm nta:kubeContext"],
    ["nta:kubeconfig", "~/k", /is set, but cluster is vagrant/, "pulumi config rm nta:kubeconfig"],
    ["nta:storageClass", "fast", /is set, but cluster is vagrant/, "pulumi config rm nta:storageClass"],
    ["nta:serviceType", "LoadBalancer", /is set, but cluster is vagrant/, "pulumi config rm nta:serviceType"],
    ["nta:serviceType", "ClusterIP", /is not one of the choices/, "pulumi config set serviceType NodePort"],
    [
        "nta:registry",
        { "nta:cluster": "existing", "nta:kubeContext": "lab" },
        /is not set, but an existing cluster brings no registry/,
        "",
    ],
    [
        "nta:kubeContext",
        { "nta:cluster": "existing", "nta:registry": "r.io" },
        /is not set, and neither is kubeconfig/,
        "pulumi config set kubeContext my-cluster",
    ],
    [
        "nta:kubeconfig",
        { ...onExisting, "nta:kubeconfig": "kind: Config\nusers: []" },
        /is stored in plain text/,
        "pulumi config set --secret kubeconfig < <file>",
    ],
    ["nta:memory", { ...onExisting, "nta:memory": "8192" }, /cluster is existing/, "pulumi config rm nta:memory"],
    ["nta:provider", { ...onExisting, "nta:provider": "docker" }, /cluster is existing/, ""],
    ["nta:kubernetesVersion", { ...onExisting, "nta:kubernetesVersion": "1.35.4" }, /cluster is existing/, ""],
    ["nta:kubernetesVersion", "1.36.3", /not one of the choices/, "pulumi config set kubernetesVersion 1.34.4"],
    ["nta:kubernetesVersion", "v1.35.4", /not one of the choices/, "pulumi config set kubernetesVersion 1.35.4"],
    ["nta:hostAddress", { ...onExisting, "nta:hostAddress": "0.0.0.0" }, /cluster is existing/, ""],
    [
        "nta:taurus.httpsPort",
        { ...onExisting, "nta:taurus": '{"httpsPort":8443}' },
        /is set, but cluster is existing: it belongs to the machine/,
        "pulumi config rm --path taurus.httpsPort",
    ],
    ["nta:cluster", "exsting", /is not one of the choices/, "pulumi config set cluster existing"],
    ["nta:cluster", "vagrnt", /not one of the choices/, "pulumi config set cluster vagrant"],
    ["nta:cluster", "", /not one of the choices/, "pulumi config set cluster vagrant"],
    ["nta:provider", "vmware", /not one of the choices/, "pulumi config set provider auto"],
    ["nta:provider", "Docker", /not one of the choices/, "pulumi config set provider docker"],
    ["nta:provider", "virtual-box", /not one of the choices/, "pulumi config set provider virtualbox"],
    ["nta:nodes", "0", /less than 1/, "pulumi config set nodes 1"],
    ["nta:nodes", "257", /more than 256/, "pulumi config set nodes 256"],
    ["nta:nodes", "-1", /less than 1/, "pulumi config set nodes 1"],
    ["nta:podRange", "10.244.0.1/16", /no range that begins/, "pulumi config set podRange 10.244.0.0/16"],
    ["nta:podRange", "10.0.0.0/7", /not of a size/, "pulumi config set podRange 10.244.0.0/16"],
    ["nta:serviceRange", "10.244.8.0/24", /overlaps with podRange/, "pulumi config set serviceRange 10.100.0.0/16"],
    ["nta:nodes", "one", /not a whole number/, "pulumi config set nodes 1"],
    ["nta:nodes", "1.5", /not a whole number/, "pulumi config set nodes 2"],
    ["nta:nodes", "", /not a whole number/, "pulumi config set nodes 1"],
    ["nta:cpus", "1", /less than 2/, "pulumi config set cpus 2"],
    ["nta:cpus", "1000", /more than 256/, "pulumi config set cpus 256"],
    ["nta:cpus", "0x4", /not a whole number/, "pulumi config set cpus 4"],
    ["nta:cpus", "4 ", /not a whole number/, "pulumi config set cpus 4"],
    ["nta:cpus", "1e1", /not a whole number/, "pulumi config set cpus 10"],
    ["nta:cpus", "[4]", /not a whole number/, "pulumi config set cpus 4"],
    ["nta:cpus", "99999999999999999999", /not a whole number/, "pulumi config set cpus 256"],
    ["nta:memory", "4GiB", /not a whole number/, "pulumi config set memory 4096"],
    ["nta:memory", "512", /less than 2048/, "pulumi config set memory 2048"],
    ["nta:memory", "32768", /more than the 16384 MiB that this machine has/, "pulumi config set memory 12288"],
    [
        "nta:memory",
        { "nta:nodes": "5" },
        /makes 20480 MiB for all 5 nodes, more than the 16384 MiB/,
        "pulumi config set memory 2304",
    ],
    [
        "nta:memory",
        { "nta:nodes": "9", "nta:memory": "2048" },
        /makes 18432 MiB for all 9 nodes/,
        "pulumi config set nodes 8",
    ],
    ["nta:disk", "1", /less than 10/, "pulumi config set disk 10"],
    ["nta:disk", "10", /can't hold the volumes of 14 GiB/, "pulumi config set disk 20"],
    ["nta:hostAddress", "localhost", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "127.0.0.256", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "127.1", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "", /is empty/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "010.0.0.1", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:apiPort", "0", /less than 1/, "pulumi config set apiPort 1"],
    ["nta:apiPort", "65536", /more than 65535/, "pulumi config set apiPort 65535"],
    ["nta:apiPort", "https", /not a whole number/, "pulumi config set apiPort 6443"],
    ["nta:registryPort", "6443", /is the port of apiPort too/, "pulumi config set registryPort 6444"],
    ["nta:registryPort", "-5", /less than 1/, "pulumi config set registryPort 1"],
    ["nta:registry", "https://registry.example.com/", /scheme/, "pulumi config set registry registry.example.com"],
    [
        "nta:registry",
        "registry.example.com/Team",
        /part "Team"/,
        "pulumi config set registry registry.example.com/team",
    ],
    ["nta:registry", "registry.example.com/a:latest", /has a tag/, "pulumi config set registry registry.example.com/a"],
    ["nta:registry", "registry.example.com//a", /empty part/, "pulumi config set registry registry.example.com/a"],
    ["nta:registry", "registry.example.com/a/", /empty part/, "pulumi config set registry registry.example.com/a"],
    ["nta:registry", "registry.example.com:port", /has a port that is no number/, ""],
    ["nta:registry", "registry.example.com:70000", /has a port that is no number/, ""],
    ["nta:registry", "my_registry.example.com", /no DNS name/, ""],
    ["nta:registry", "-a.example.com", /no DNS name/, ""],
    ["nta:registry", "numenta", /Docker Hub/, ""],
    ["nta:registry", ":5000", /has no host/, ""],
    ["nta:registry", "user@registry.example.com", /characters/, ""],
    ["nta:registry", "two words.com", /characters/, ""],
    ["nta:registry", " registry.example.com", /white space/, "pulumi config set registry registry.example.com"],
    ["nta:registry", "<registry>", /no DNS name/, "pulumi config set registry registry.example.com:5000/team"],
    [
        "nta:registryUsername",
        { "nta:registryUsername": "ada" },
        /cluster's own registry/,
        "pulumi config rm registryUsername",
    ],
    [
        "nta:registryPassword",
        { "nta:registry": "r.io", "nta:registryUsername": "ada" },
        /is not set, but registryUsername is/,
        "pulumi config set --secret registryPassword",
    ],
    ["nta:registryPassword", "hunter2", /plain text/, "pulumi config set --secret registryPassword"],
    ["nta:registryInsecure", "true", /cluster's own registry/, "pulumi config set registryInsecure false"],
    ["nta:registryInsecure", "maybe", /neither true nor false/, "pulumi config set registryInsecure false"],
    ["nta:registryCa", "./ca.pem", /cluster's own registry/, "pulumi config rm registryCa"],
    ["nta:registryCa", { "nta:registry": "r.io", "nta:registryCa": "./gone.pem" }, /can't be read \(ENOENT\)/, ""],
    ["nta:registryCa", { "nta:registry": "r.io", "nta:registryCa": "./not-a-certificate.pem" }, /no certificate/, ""],
    [
        "nta:registryCa",
        { "nta:registry": "r.io", "nta:registryCa": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
        /no certificate/,
        "",
    ],
    [
        "nta:registryCa",
        { "nta:registry": "r.io", "nta:registryCa": "./ca.pem", "nta:registryInsecure": "true" },
        /plain HTTP has no certificate/,
        "pulumi config set registryInsecure false",
    ],
    ["nta:registry", "localhost:5000", /loopback/, "pulumi config set registry registry.example.com:5000/team"],
    ["nta:registry", "127.0.0.2:5000/team", /loopback/, ""],
    ["nta:registry", "[::1]:5000", /loopback/, ""],
    [
        "nta:registryUsername",
        { "nta:registry": "r.io", "nta:registryUsername": "ada:byron", "nta:registryPassword": "" },
        /has a colon/,
        "",
    ],
    ["nta:buildImages", "false", /cluster's own registry has no images/, "pulumi config set buildImages true"],
    ["nta:builtImages", "taurus", /buildImages is true/, "pulumi config rm builtImages"],
    [
        "nta:builtImages",
        { "nta:registry": "r.io", "nta:buildImages": "false", "nta:builtImages": "tauros,mysql" },
        /has "tauros", which is none/,
        "pulumi config set builtImages taurus,mysql",
    ],
    [
        "nta:builtImages",
        { "nta:registry": "r.io", "nta:buildImages": "false", "nta:builtImages": "taurus,,mysql" },
        /has an empty name/,
        "pulumi config set builtImages taurus",
    ],
    ["nta:buildImages", "yes", /neither true nor false/, "pulumi config set buildImages true"],
    ["nta:buildImages", "0", /neither true nor false/, "pulumi config set buildImages false"],
    ["nta:buildImages", "False", /neither true nor false/, "pulumi config set buildImages false"],
    ["nta:source", "numenta-apps", /neither a path/, "pulumi config set source /path/to/numenta-apps"],
    ["nta:source", "", /is empty/, "pulumi config set source /path/to/numenta-apps"],
    ["nta:source", "htp://example.com/x", /neither a path/, ""],
    ["nta:sourceRef", "--upload-pack=x", /no name of a commit/, ""],
    ["nta:sourceRef", "a..b", /no name of a commit/, ""],
    ["nta:sourceRef", "", /is empty/, ""],
    [
        "nta:sourceRef",
        { "nta:source": "sample", "nta:sourceRef": "v1" },
        /source is sample/,
        "pulumi config rm sourceRef",
    ],
    ["nta:sourceRef", { "nta:source": "./x", "nta:sourceRef": "v1" }, /source is a path/, "pulumi config rm sourceRef"],
    ["nta:namespace", "Taurus", /no name for a namespace/, "pulumi config set namespace taurus"],
    ["nta:namespace", "default", /belongs to Kubernetes/, "pulumi config set namespace taurus"],
    ["nta:namespace", "kube-system", /belongs to Kubernetes/, "pulumi config set namespace taurus"],
    ["nta:namespace", "a".repeat(64), /no name for a namespace/, "pulumi config set namespace taurus"],
    [
        "nta:taurus",
        "5",
        /group of settings/,
        "pulumi config rm nta:taurus && pulumi config set --path taurus.replicas 1",
    ],
    ["nta:taurus", "[1]", /group of settings/, ""],
    [
        "nta:taurus.replicas",
        { "nta:taurus": '{"replicas":0}' },
        /less than 1/,
        "pulumi config set --path taurus.replicas 1",
    ],
    ["nta:taurus.replicas", "3", /more than 1/, "pulumi config set taurus.replicas 1"],
    ["nta:taurus.replicas", { "nta:taurus": '{"replicas":1.5}' }, /not a whole number/, ""],
    ["nta:taurus.replicas", { "nta:taurus": '{"replicas":null}' }, /not a whole number/, ""],
    [
        "nta:taurus.expose",
        { "nta:taurus": '{"expose":1}' },
        /neither true nor false/,
        "pulumi config set --path taurus.expose true",
    ],
    ["nta:taurus.httpsPort", { "nta:taurus": '{"httpsPort":6443}' }, /is the port of apiPort too/, ""],
    [
        "nta:taurus.supervisorPort",
        "443",
        /port of taurus.httpsPort too/,
        "pulumi config set taurus.supervisorPort 8443",
    ],
    [
        "nta:taurus.metricsPort",
        { "nta:taurus": '{"metricsPort":2004}', "nta:taurus.metricsPort": "2005" },
        /given twice/,
        "pulumi config rm nta:taurus.metricsPort",
    ],
    ["nta:taurus.storage", "5GB", /no size/, "pulumi config set taurus.storage 5Gi"],
    ["nta:taurus.storage", { "nta:taurus": '{"storage":5}' }, /no size/, "pulumi config set --path taurus.storage 5Gi"],
    ["nta:taurus.storage", "0Gi", /no size/, ""],
    ["nta:taurus.collectors", { "nta:taurus": '{"collectors":true}' }, /group of settings/, ""],
    [
        "nta:taurus.collectors.xigniteApiToken",
        "abc",
        /plain text/,
        "pulumi config set --secret taurus.collectors.xigniteApiToken",
    ],
    [
        "nta:support.rabbitmq.managementPort",
        { "nta:support": '{"rabbitmq":{"expose":true,"managementPort":9001}}' },
        /port of taurus.supervisorPort too/,
        "pulumi config set --path support.rabbitmq.managementPort 9002",
    ],
    ["nta:support.mysql.prot", { "nta:support": '{"mysql":{"prot":1}}' }, /is no setting/, ""],
    ["nta:registy", "x", /is no setting/, "pulumi config rm nta:registy && pulumi config set registry <value>"],
    ["nta:Memory", "1", /is no setting/, "pulumi config rm nta:Memory && pulumi config set memory <value>"],
    ["nta:quux", "1", /is no setting/, "pulumi config rm nta:quux"],
    ["nta:taurus.httpPort", "1", /is no setting/, ""],
];

describe("settings: an existing cluster", () => {
    const parsed = (given: Record<string, string>, secretKeys: string[] = []) =>
        parseSettings({ ...configuration(), ...given }, secretKeys, { ...context, hostMemory: 1024 });

    it("takes a context or a kubeconfig, and asks nothing of this machine", () => {
        assert.equal(parsed(onExisting).kubeContext, "lab");
        const { kubeconfig } = parsed({ ...onExisting, "nta:kubeContext": "", "nta:kubeconfig": "~/.kube/lab" });
        assert.deepEqual(kubeconfig, { path: "~/.kube/lab" });
    });

    it("takes a kubeconfig's contents as a secret that is not shown", () => {
        const text = "kind: Config\nusers: [t0ken]";
        const { kubeconfig } = parsed({ ...onExisting, "nta:kubeconfig": text }, ["nta:kubeconfig"]);
        assert.ok(kubeconfig instanceof SecretText);
        assert.equal(kubeconfig.reveal(), text);
        const error = problemsOf({ ...configuration(), ...onExisting, "nta:kubeconfig": text });
        assert.doesNotMatch(error.message, /t0ken/);
    });
});

describe("settings: wrong values", () => {
    it("are at least sixty in this table", () => assert.ok(badValues.length >= 60, String(badValues.length)));

    for (const [key, given, wrong, mend] of badValues) {
        it(
            `${key}: ${typeof given === "string" ? JSON.stringify(given) : Object.values(given).join(", ")}`.slice(
                0,
                110,
            ),
            () => {
                const changes = typeof given === "string" ? { [key]: given } : given;
                const { problems } = problemsOf({ ...configuration(), ...changes });
                const problem = problems.find((candidate) => candidate.key === key);
                assert.ok(problem, `no problem names ${key}: ${JSON.stringify(problems)}`);
                assert.match(problem.wrong, wrong);
                assert.ok(problem.right.length > 0);
                assert.match(problem.mend, /^pulumi config (set|rm) /);
                if (mend !== "") {
                    assert.equal(problem.mend, mend);
                }
                assert.equal(problems.length, 1, `more than one problem: ${JSON.stringify(problems)}`);
            },
        );
    }

    it("are reported all at once, each with the setting, the value, what is right and the command", () => {
        const error = problemsOf({
            "nta:provider": "vmware",
            "nta:memory": "12",
            "nta:taurus": '{"httpsPort":70000}',
            "nta:support": '{"mysql":{"storage":"many"}}',
            "nta:registy": "x",
        });
        assert.deepEqual(
            error.problems.map((problem) => problem.key),
            ["nta:registy", "nta:provider", "nta:memory", "nta:taurus.httpsPort", "nta:support.mysql.storage"],
        );
        assert.equal(
            error.message,
            [
                "5 settings are wrong:",
                "",
                "  nta:registy is no setting",
                "      right: perhaps nta:registry",
                "      mend:  pulumi config rm nta:registy && pulumi config set registry <value>",
                '  nta:provider = "vmware" is not one of the choices',
                "      right: one of auto, docker, libvirt, virtualbox",
                "      mend:  pulumi config set provider auto",
                '  nta:memory = "12" is less than 2048',
                "      right: a whole number of MiB from 2048 up, no more than this machine has",
                "      mend:  pulumi config set memory 2048",
                "  nta:taurus.httpsPort = 70000 is more than 65535",
                "      right: a port number from 1 to 65535",
                "      mend:  pulumi config set --path taurus.httpsPort 65535",
                '  nta:support.mysql.storage = "many" is no size',
                "      right: a number with one of the units Mi, Gi, Ti",
                "      mend:  pulumi config set --path support.mysql.storage 5Gi",
                "",
            ].join("\n"),
        );
    });

    it("never show a secret, even where it is wrong", () => {
        const secret = "s3cr3t\nwith two lines";
        const cases: [Record<string, string>, string[]][] = [
            [{ "nta:registryPassword": secret }, ["nta:registryPassword"]],
            [{ "nta:registryPassword": secret }, []],
            [{ "nta:registryPasword": secret }, []],
            [{ "nta:taurus": JSON.stringify({ collectors: { twitterConsumerKey: "s3cr3t" } }) }, ["nta:taurus"]],
            [{ "nta:taurus": JSON.stringify({ collectors: { twiterConsumerKey: "s3cr3t" } }) }, []],
        ];
        for (const [given, secretKeys] of cases) {
            const error = problemsOf(given, secretKeys);
            assert.doesNotMatch(error.message + JSON.stringify(error.problems), /s3cr3t/);
        }
    });

    it("name each of Twitter's keys that is missing", () => {
        const given = { "nta:taurus": JSON.stringify({ collectors: { twitterConsumerKey: "x" } }) };
        assert.deepEqual(
            problemsOf(given, ["nta:taurus"]).problems.map((problem) => problem.key),
            [
                "nta:taurus.collectors.twitterConsumerSecret",
                "nta:taurus.collectors.twitterAccessToken",
                "nta:taurus.collectors.twitterAccessTokenSecret",
            ],
        );
    });

    it("are Pulumi's run errors, which are shown without a stack trace", () => {
        const error = problemsOf({ "nta:nodes": "0" });
        assert.ok((error as unknown as { __pulumiRunError: boolean }).__pulumiRunError);
    });
});

describe("settings: mending", () => {
    /** Runs a command's words as a shell would split them, `pulumi` being a stand-in that prints its arguments. */
    function words(command: string): string[][] {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-settings-"));
        try {
            fs.writeFileSync(path.join(folder, "pulumi"), '#!/bin/sh\nprintf "%s\\n" "$#" "$@"\n', { mode: 0o755 });
            const run = spawnSync("/bin/sh", ["-c", command], {
                env: { PATH: `${folder}:/usr/bin:/bin` },
                encoding: "utf8",
            });
            assert.equal(run.status, 0, run.stderr);
            const lines = run.stdout.split("\n");
            const calls: string[][] = [];
            for (let at = 0; at < lines.length - 1; at += Number(lines[at]) + 1) {
                calls.push(lines.slice(at + 1, at + 1 + Number(lines[at])));
            }
            return calls;
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    }

    it("does mend: the commands of a wrong configuration make it right", () => {
        const raw: Record<string, string> = {
            "nta:provider": "Docker",
            "nta:memory": "64",
            "nta:registry": "https://registry.example.com/Team/",
            "nta:buildImages": "no",
            "nta:taurus.httpsPort": "6443",
            "nta:quux quux's": "1",
        };
        for (const problem of problemsOf(raw).problems) {
            for (const call of words(problem.mend)) {
                const plain = call.filter((word) => !word.startsWith("--"));
                if (plain[1] === "rm") {
                    delete raw[plain[2]];
                } else {
                    raw[`nta:${plain[2]}`] = plain[3];
                }
            }
        }
        const settings = parseSettings(raw, [], context);
        assert.equal(settings.provider, "docker");
        assert.equal(settings.registry, "registry.example.com/team");
        assert.equal(settings.buildImages, false);
        assert.equal(settings.taurus.httpsPort, 6444);
    });
});

describe("nearest", () => {
    it("finds a near name, letter case aside, and none where none is near", () => {
        const names = ["registry", "registryPort", "memory", "nodes"];
        assert.equal(nearest("registy", names), "registry");
        assert.equal(nearest("REGISTRYPORT", names), "registryPort");
        assert.equal(nearest("ndoes", names), "nodes");
        assert.equal(nearest("colour", names), undefined);
        assert.equal(nearest("", names), undefined);
    });
});

describe("settings: documentation", () => {
    it("of Pulumi.yaml is the schema's (else run `npm run docs:settings`)", () => {
        const project = parse(fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8")) as { config: unknown };
        assert.deepEqual(project.config, projectConfig());
    });

    it("of docs/settings.md is the schema's (else run `npm run docs:settings`)", () => {
        const squeeze = (text: string) => text.replace(/ +/g, " ").replace(/-+/g, "-").replaceAll("| - ", "|-").trim();
        const written = fs.readFileSync(path.join(root, "docs", "settings.md"), "utf8");
        assert.equal(squeeze(written).replaceAll("- |", "-|"), squeeze(settingsDocument()));
    });

    it("tells every setting's type as the engine knows it, and a default of that type", () => {
        for (const [name, entry] of Object.entries(projectConfig())) {
            const expected = { string: "string", integer: "number", boolean: "boolean", array: "object" }[entry.type];
            assert.equal(typeof entry.default, expected, name);
            assert.equal(Array.isArray(entry.default), entry.type === "array", name);
            assert.ok(entry.description.endsWith("."), name);
        }
    });
});
