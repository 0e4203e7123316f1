import * as assert from "node:assert/strict";

import { compareResources, type ResourceChange } from "../../tools/preview-diff/comparison";
import { readConfiguration } from "../../tools/preview-diff/configuration";
import {
    type Declaration,
    type DeclaredResource,
    type Json,
    maskedSecret,
    type ResourceOptions,
} from "../../tools/preview-diff/declaration";
import { differences, openDocument } from "../../tools/preview-diff/differences";
import { compareImages } from "../../tools/preview-diff/images";
import { compareDependencies, compareSettings } from "../../tools/preview-diff/named-values";
import { propertyLines } from "../../tools/preview-diff/property-text";

const noOptions: ResourceOptions = {
    deleteBeforeReplace: false,
    ignoreChanges: [],
    protect: false,
    replaceOnChanges: [],
};

const ignoring = (path: string): ResourceOptions => ({ ...noOptions, ignoreChanges: [path] });

function resource(type: string, name: string, inputs: Record<string, Json>, more: Partial<DeclaredResource> = {}) {
    return {
        urn: `urn:pulumi:dev::nta::${type}::${name}`,
        type,
        name,
        parent: "",
        inputs,
        provider: "",
        options: noOptions,
        aliases: [],
        ...more,
    } satisfies DeclaredResource;
}

function declaration(...resources: DeclaredResource[]): Declaration {
    return { resources, outputs: {} };
}

/** What becomes of the one resource that is there on both sides. */
function compareOne(before: DeclaredResource, after: DeclaredResource): ResourceChange {
    const [change, ...others] = compareResources(declaration(before), declaration(after));
    assert.deepEqual(others, []);
    return change;
}

const job = "kubernetes:batch/v1:Job";
const service = "kubernetes:core/v1:Service";
const configMap = "kubernetes:core/v1:ConfigMap";
const command = "command:local:Command";
const password = "random:index/randomPassword:RandomPassword";
const provider = "pulumi:providers:kubernetes";
const component = "nta:support:Support";

describe("preview:diff reads a stack's configuration", () => {
    const projectFile = `
name: nta
runtime: nodejs
config:
  memory: { type: integer, default: 4096 }
  jobs: { type: array, items: { type: object }, default: [] }
  registry: { type: string, default: "" }
  taurus.replicas: { type: integer, default: 1 }
  taurus.collectors.enabled: { type: boolean, default: true }
  taurus.collectors.token: { type: string, default: "" }
  other:region: here
`;

    it("with defaults by their path, as the engine fills them in", () => {
        assert.deepEqual(readConfiguration(projectFile, undefined), {
            project: "nta",
            main: undefined,
            values: {
                "nta:memory": "4096",
                "nta:jobs": "[]",
                "nta:registry": "",
                "nta:taurus": '{"replicas":1,"collectors":{"enabled":true,"token":""}}',
                "other:region": "here",
            },
            secretKeys: [],
            settings: {
                memory: { text: "4096", secret: false },
                jobs: { text: "[]", secret: false },
                registry: { text: "", secret: false },
                "taurus.replicas": { text: "1", secret: false },
                "taurus.collectors.enabled": { text: "true", secret: false },
                "taurus.collectors.token": { text: "", secret: false },
                "other:region": { text: "here", secret: false },
            },
        });
    });

    it("with what the stack sets in place of the defaults, whichever way it is written", () => {
        const stackFile = `
config:
  memory: 8192
  nta:taurus: { collectors: { enabled: false } }
  nta:taurus.replicas: "2"
  nta:jobs: [{ name: one }]
`;
        const { values } = readConfiguration(projectFile, stackFile);
        assert.deepEqual(values, {
            "nta:memory": "8192",
            "nta:taurus": '{"collectors":{"enabled":false,"token":""}}',
            "nta:taurus.replicas": "2",
            "nta:jobs": '[{"name":"one"}]',
            "nta:registry": "",
            "other:region": "here",
        });
    });

    it("without decrypting anything: a placeholder changes with the cipher text", () => {
        const read = (cipher: string) =>
            readConfiguration(
                projectFile,
                `config:\n  nta:taurus:\n    collectors:\n      token: { secure: ${cipher} }\n`,
            );
        const [one, two] = [read("v1:aaaa"), read("v1:bbbb")];
        const tokenOf = ({ values }: typeof one) =>
            (JSON.parse(values["nta:taurus"]) as { collectors: { token: string } }).collectors.token;
        assert.match(tokenOf(one), /^encrypted-[0-9a-f]{16}$/);
        assert.notEqual(tokenOf(one), tokenOf(two));
        assert.deepEqual(one.secretKeys, ["nta:taurus"]);
        assert.deepEqual(compareSettings(one.settings, two.settings), [
            { name: "taurus.collectors.token", before: "[secret]", after: "[secret]" },
        ]);
    });

    it("or says what is wrong with the file", () => {
        assert.throws(() => readConfiguration("runtime: nodejs", undefined), /does not name the project/);
    });
});

describe("preview:diff compares properties", () => {
    it("of maps by key and of named things by name, wherever they stand in a list", () => {
        const before = {
            env: [
                { name: "A", value: "1" },
                { name: "B", value: "2" },
            ],
            args: ["x", "y"],
            "a.b/c": 1,
        };
        const after = { env: [{ name: "B", value: "3" }], args: ["x", "z"], "a.b/c": 2, extra: {} };
        assert.deepEqual(differences(before, after), [
            { path: 'env["A"]', before: { name: "A", value: "1" } },
            { path: 'env["B"].value', before: "2", after: "3" },
            { path: "args", before: ["x", "y"], after: ["x", "z"] },
            { path: '["a.b/c"]', before: 1, after: 2 },
            { path: "extra", after: {} },
        ]);
    });

    it("also when named things only change places", () => {
        const [one, two] = [{ name: "one" }, { name: "two" }];
        assert.deepEqual(differences({ list: [one, two] }, { list: [two, one] }), [
            { path: "list (order)", before: ["one", "two"], after: ["two", "one"] },
        ]);
    });

    it("of secrets without looking into them", () => {
        const changes = differences(
            { a: maskedSecret("1"), b: maskedSecret("2") },
            { a: maskedSecret("1"), b: maskedSecret("3") },
        );
        assert.deepEqual(changes.flatMap(propertyLines), ["- b: [secret]", "+ b: [secret]"]);
    });

    it("of a machine's specification, each cloud-init document as a text of its own", () => {
        const stdin = (memory: number, line: string) =>
            `memory: ${memory}\nnodes:\n  - name: nta-dev-1\n    userData: |\n      #cloud-config\n      a: 1\n      ${line}\n`;
        const change = { path: "stdin", before: stdin(1, "b: 2"), after: stdin(2, "b: 3") };
        assert.deepEqual(openDocument(change).flatMap(propertyLines), [
            "- stdin: memory: 1",
            "+ stdin: memory: 2",
            '@@ stdin: nodes["nta-dev-1"].userData, line 1 before, 1 now @@',
            " #cloud-config",
            " a: 1",
            "-b: 2",
            "+b: 3",
        ]);
    });

    it("and leaves a text that is no document as it is", () => {
        const change = { path: "stdin", before: "just\ntext", after: "other\ntext" };
        assert.deepEqual(openDocument(change), [change]);
    });

    it("of long texts that have nothing in common in one line", () => {
        const text = (word: string) => Array.from({ length: 3000 }, (_, index) => `${word} ${index}`).join("\n");
        assert.deepEqual(propertyLines({ path: "data", before: text("a"), after: text("b") }), [
            "@@ data: another text, 3000 lines before, 3000 lines now @@",
        ]);
    });
});

describe("preview:diff tells what is replaced and why", () => {
    const cases: {
        what: string;
        before: DeclaredResource;
        after: DeclaredResource;
        operation: ResourceChange["operation"];
        reasons: string[];
    }[] = [
        {
            what: "a Job's template",
            before: resource(job, "a", { spec: { template: { spec: { containers: [{ name: "c", image: "1" }] } } } }),
            after: resource(job, "a", { spec: { template: { spec: { containers: [{ name: "c", image: "2" }] } } } }),
            operation: "replace",
            reasons: ["`spec.template.spec.containers[0].image` of a Job can't be changed in place"],
        },
        {
            what: "a Service's port, which changes in place",
            before: resource(service, "a", { spec: { ports: [{ name: "http", port: 80 }] } }),
            after: resource(service, "a", { spec: { ports: [{ name: "http", port: 81 }] } }),
            operation: "change",
            reasons: [],
        },
        {
            what: "an object's namespace",
            before: resource(service, "a", { metadata: { name: "a", namespace: "one" } }),
            after: resource(service, "a", { metadata: { name: "a", namespace: "two" } }),
            operation: "replace",
            reasons: ["`metadata.namespace` is part of what the object is"],
        },
        {
            what: "a Secret's data, without looking into it",
            before: resource("kubernetes:core/v1:Secret", "a", { stringData: { key: maskedSecret("1") } }),
            after: resource("kubernetes:core/v1:Secret", "a", { stringData: { key: maskedSecret("2") } }),
            operation: "replace",
            reasons: ["`stringData.key` of a Secret can't be changed in place"],
        },
        {
            what: "a command's triggers",
            before: resource(command, "a", { create: "run", triggers: ["1"] }),
            after: resource(command, "a", { create: "run", triggers: ["2"] }),
            operation: "replace",
            reasons: ["its `triggers` changed"],
        },
        {
            what: "a command's text, which is run as an update",
            before: resource(command, "a", { create: "run" }),
            after: resource(command, "a", { create: "walk" }),
            operation: "change",
            reasons: [],
        },
        {
            what: "a password's length",
            before: resource(password, "a", { length: 20 }),
            after: resource(password, "a", { length: 24 }),
            operation: "replace",
            reasons: ["a new value is made when `length` changes"],
        },
        {
            what: "a path of replaceOnChanges",
            before: resource(
                "kubernetes:core/v1:ReplicationController",
                "a",
                { spec: { template: { x: 1 } } },
                { options: { ...noOptions, replaceOnChanges: ["spec.template"] } },
            ),
            after: resource(
                "kubernetes:core/v1:ReplicationController",
                "a",
                { spec: { template: { x: 2 } } },
                { options: { ...noOptions, replaceOnChanges: ["spec.template"] } },
            ),
            operation: "replace",
            reasons: ["the program asks for it when `spec.template` changes"],
        },
        {
            what: "nothing of what the program ignores",
            before: resource(service, "a", { spec: { clusterIP: "1", type: "A" } }, { options: ignoring("spec") }),
            after: resource(service, "a", { spec: { clusterIP: "2", type: "B" } }, { options: ignoring("spec") }),
            operation: "same",
            reasons: [],
        },
    ];
    for (const { what, before, after, operation, reasons } of cases) {
        it(what, () => {
            const change = compareOne(before, after);
            assert.equal(change.operation, operation);
            assert.deepEqual(
                change.reasons.map(({ text }) => text),
                reasons,
            );
        });
    }

    it("what a replaced provider made goes with it", () => {
        const side = (identifier: string) => {
            const cluster = resource(provider, "cluster", { clusterIdentifier: identifier });
            return declaration(resource(configMap, "a", { data: { k: "v" } }, { provider: cluster.urn }), cluster);
        };
        const changes = compareResources(side("nta-one"), side("nta-two"));
        assert.deepEqual(
            changes.map(({ name, operation, reasons }) => [name, operation, ...reasons.map(({ text }) => text)]),
            [
                ["a", "replace", "its provider `cluster` is replaced"],
                ["cluster", "replace", "`clusterIdentifier` says that it is another cluster"],
            ],
        );
    });

    it("a ConfigMap's data changes in place where the provider says that they may", () => {
        const side = (value: string, inputs: Record<string, Json>) => {
            const cluster = resource(provider, "cluster", inputs);
            return declaration(resource(configMap, "a", { data: { k: value } }, { provider: cluster.urn }), cluster);
        };
        const operation = (inputs: Record<string, Json>) =>
            compareResources(side("1", inputs), side("2", inputs)).find(({ name }) => name === "a")?.operation;
        assert.equal(operation({}), "replace");
        assert.equal(operation({ enableConfigMapMutable: true }), "change");
    });

    it("what moves into another component without an alias", () => {
        const before = resource(service, "a", { spec: {} });
        const urn = before.urn.replace(service, `${component}$${service}`);
        const after = { ...before, urn, parent: `urn:pulumi:dev::nta::${component}::support` };
        const change = compareOne(before, after);
        assert.equal(change.operation, "replace");
        assert.equal(change.reasons[0].kind, "parent");
    });

    it("nothing that is renamed with an alias: not the component, and not its children", () => {
        const old = resource(component, "old", {});
        const oldChild = resource(service, "old-service", { spec: {} }, { parent: old.urn });
        const now = resource(component, "now", {}, { aliases: [{ name: "old" }] });
        const child = resource(service, "now-service", { spec: {} }, { parent: now.urn });
        const changes = compareResources(declaration(old, oldChild), declaration(child, now));
        assert.deepEqual(
            changes.map(({ name, operation, formerly }) => [name, operation, formerly]),
            [
                ["now-service", "same", `${service} old-service`],
                ["now", "same", `${component} old`],
            ],
        );
    });

    it("what is added and removed, with all its properties", () => {
        const changes = compareResources(
            declaration(resource(service, "gone", { spec: { port: 1 } })),
            declaration(resource(service, "new", { spec: { port: 2 } })),
        );
        assert.deepEqual(
            changes.map(({ name, operation, properties }) => [name, operation, ...properties.flatMap(propertyLines)]),
            [
                ["gone", "remove", "- spec.port: 1"],
                ["new", "add", "+ spec.port: 2"],
            ],
        );
    });
});

describe("preview:diff tells which images are rebuilt", () => {
    const type = "docker:index/image:Image";
    const built = (name: string, reference: string, base: string, files: Record<string, string>) =>
        resource(
            type,
            name,
            { imageName: `localhost:5000/${name}:latest`, build: { args: { BASE: base } } },
            { image: { reference, files } },
        );

    it("by their own files, or by the image that they stand on", () => {
        const before = declaration(
            built("app", "app@1", "base@1", { "files/a": "1" }),
            built("base", "base@1", "debian", { "files/a": "1", "files/b": "1", "files/c": "1" }),
            built("other", "other@1", "debian", { "files/a": "1" }),
            built("gone", "gone@1", "debian", {}),
        );
        const after = declaration(
            built("app", "app@2", "base@2", { "files/a": "1" }),
            built("base", "base@2", "debian", { "files/b": "2", "files/c": "1", "files/d": "1" }),
            built("other", "other@1", "debian", { "files/a": "1" }),
            built("new", "new@1", "debian", {}),
        );
        assert.deepEqual(compareImages(before, after), [
            { name: "app", operation: "rebuilt", reasons: ["stands on `base`"], files: [] },
            {
                name: "base",
                operation: "rebuilt",
                reasons: [],
                files: [
                    { path: "files/a", change: "removed" },
                    { path: "files/b", change: "changed" },
                    { path: "files/d", change: "added" },
                ],
            },
            { name: "gone", operation: "removed", reasons: [], files: [] },
            { name: "new", operation: "added", reasons: [], files: [] },
        ]);
    });

    it("and counts one as changed whose files alone changed", () => {
        const change = compareOne(
            built("base", "base@1", "debian", { "files/a": "1" }),
            built("base", "base@2", "debian", { "files/a": "2" }),
        );
        assert.equal(change.operation, "change");
        assert.deepEqual(change.properties, [{ path: 'build context: ["files/a"]', before: "1", after: "2" }]);
    });
});

describe("preview:diff compares dependencies", () => {
    it("by name, with development's told apart", () => {
        const before = { dependencies: { a: "1.0.0", b: "1.0.0" }, devDependencies: { c: "1.0.0" } };
        const after = { dependencies: { a: "1.0.0", b: "2.0.0", d: "1.0.0" } };
        assert.deepEqual(compareDependencies(JSON.stringify(before), JSON.stringify(after)), [
            { name: "b", before: "1.0.0", after: "2.0.0" },
            { name: "c (development)", before: "1.0.0" },
            { name: "d", after: "1.0.0" },
        ]);
    });
});
