import * as assert from "node:assert/strict";
import * as util from "node:util";

import { type MockRun, plainTexts } from "../../tools/preview-diff/mock-engine";
import { withVariables } from "../environment";
import { imageType, pushed } from "./pushed-image";
import { certificate } from "./settings-configuration";
import { commandType, provided, runWholeProgram } from "./whole-program";

const controller = "kubernetes:core/v1:ReplicationController";
const job = "kubernetes:batch/v1:Job";
const statefulSet = "kubernetes:apps/v1:StatefulSet";

describe("the program with a registry of the user's", function () {
    this.timeout(60_000);
    const password = "registry-password-2217";
    const login = { "nta:registryUsername": "ada", "nta:registryPassword": password };
    const first = { "nta:registry": "one.example.com:5443/team/a", ...login };

    async function runWith(config: Record<string, string>): Promise<MockRun> {
        // As the language host hands them over beside the configuration.
        const secrets = { PULUMI_CONFIG_SECRET_KEYS: JSON.stringify(["nta:registryPassword"]) };
        return withVariables(secrets, () =>
            runWholeProgram({
                config,
                provide: (registration) => {
                    const { imageName } = registration.inputs as { imageName?: string };
                    return registration.type === imageType
                        ? pushed(registration, imageName?.replace(/:\w+$/, "@sha256:0"))
                        : provided(registration);
                },
            }),
        );
    }

    /** Names of the resources whose inputs are not the same, or that are in one run only. */
    function changes(before: MockRun, after: MockRun): string[] {
        const inputs = (one: MockRun) =>
            new Map(one.registrations.filter(({ custom }) => custom).map(({ name, inputs }) => [name, inputs]));
        const [old, now] = [inputs(before), inputs(after)];
        const names = new Set([...old.keys(), ...now.keys()]);
        return [...names].filter((name) => !util.isDeepStrictEqual(old.get(name), now.get(name))).sort();
    }

    const images = [
        "images-debian-bookworm",
        "images-debian-bookworm-image",
        "images-debian-bullseye",
        "images-debian-bullseye-image",
        "images-htmengine",
        "images-mysql",
        "images-nta.utils",
        "images-rabbitmq",
        "images-taurus",
        "images-taurus-dynamodb",
        "images-taurus.metric_collectors",
    ];
    const pods = [
        "support-dynamodb-server-pods",
        "support-mysql-server-pods",
        "support-rabbitmq-server-pods",
        "taurus-collectors-pods",
        "taurus-schema-job",
        "taurus-server-pods",
    ];

    it("changes images, pull secret, pods and what nodes know of registries when it is another one, and nothing else", async () => {
        const before = await runWith(first);
        const after = await runWith({ ...first, "nta:registry": "two.example.com/team" });
        const expected = ["cluster-registry", ...images, "pull-secret-secret", ...pods];
        assert.deepEqual(changes(before, after), expected.sort());
    });

    it("adds the same in place of the cluster's own, and leaves machine and volumes as they are", async () => {
        const added = ["cluster-registry", "pull-secret-account", "pull-secret-secret"];
        const expected = [...added, ...images, ...pods].sort();
        assert.deepEqual(changes(await runWholeProgram(), await runWith(first)), expected);
    });

    it("changes the login where it is used when the password is another one", async () => {
        const after = await runWith({ ...first, "nta:registryPassword": "another" });
        // Docker's plugin takes a changed login for no difference.
        const builds = images.filter((name) => !/^images-debian-\w+$/.test(name));
        assert.deepEqual(changes(await runWith(first), after), [...builds, "pull-secret-secret"].sort());
    });

    it("lets Docker on this machine trust it before anything is pushed", async () => {
        for (const [setting, value] of [
            ["nta:registryInsecure", "true"],
            ["nta:registryCa", certificate],
        ]) {
            const { find, all } = await runWith({ ...first, [setting]: value });
            const trust = find(commandType, "registry-docker-trust");
            for (const one of all(imageType)) {
                assert.ok(one.dependencies.includes(trust.urn), `${one.name} waits for Docker's trust`);
                assert.ok(one.began > trust.ended, one.name);
            }
        }
    });

    it("has pods wait for the login and for nodes that know the registry", async () => {
        const { find, registrations } = await runWith(first);
        const account = find("kubernetes:core/v1:ServiceAccount", "pull-secret-account");
        const { metadata } = find("kubernetes:core/v1:Secret", "pull-secret-secret").inputs as {
            metadata: { name: string };
        };
        assert.deepEqual(account.inputs, {
            apiVersion: "v1",
            kind: "ServiceAccount",
            metadata: { name: "default", namespace: "taurus" },
            imagePullSecrets: [{ name: metadata.name }],
        });
        for (const one of registrations.filter(({ type }) => [statefulSet, controller, job].includes(type))) {
            assert.ok(one.began > account.ended, `${one.name} waits for the login`);
            assert.ok(one.began > find(commandType, "cluster-registry").ended, `${one.name} waits for the nodes`);
        }
    });

    it("keeps the password secret", async () => {
        const { registrations, outputs } = await runWith(first);
        const encoded = Buffer.from(`ada:${password}`).toString("base64");
        for (const { urn, inputs } of registrations) {
            const texts = plainTexts(inputs).join("\n");
            assert.ok(!texts.includes(password) && !texts.includes(encoded), urn);
        }
        assert.ok(!plainTexts(outputs).some((text) => text.includes(password)));
    });

    it("builds nothing where the images are there, and still runs them by digest", async () => {
        const { all, registrations } = await runWith({ ...first, "nta:buildImages": "false" });
        assert.deepEqual(all(imageType), []);
        assert.ok(!registrations.some(({ name }) => name === "registry-docker-trust"));
        const commands = all(commandType).map(({ name }) => name);
        assert.deepEqual(commands.sort(), ["cluster-kubeconfig", "cluster-machine", "cluster-registry"]);
    });
});
