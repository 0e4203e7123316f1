import * as assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { imageNames } from "../../components/images/catalog";
import {
    clusterNameOf,
    collectorKeysOf,
    parseSettings,
    pulledImagesOf,
    registryOf,
    Settings,
} from "../../components/settings";
import { addresses, exposedPorts } from "../../components/settings/ports";

function settings(given: Record<string, unknown> = {}, secretKeys: string[] = []): Settings {
    const raw = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [
            `nta:${name}`,
            typeof value === "object" ? JSON.stringify(value) : String(value),
        ]),
    );
    return parseSettings(raw, secretKeys, { project: "nta", readFile: () => "" });
}

const secretText = (output: pulumi.Output<string>) =>
    new Promise<[string, boolean]>((resolve, reject) => {
        const { isSecret } = output as unknown as { isSecret: Promise<boolean> };
        output.apply((value) => void isSecret.then((secret) => resolve([value, secret]), reject));
    });

describe("ports", () => {
    it("of Taurus lead to its node ports unless it is hidden", () => {
        assert.deepEqual(exposedPorts(settings()), [
            { name: "taurus-https", host: 443, guest: 30443, setting: "taurus.httpsPort" },
            { name: "taurus-supervisor", host: 9001, guest: 30901, setting: "taurus.supervisorPort" },
            { name: "taurus-metrics", host: 2003, guest: 30203, setting: "taurus.metricsPort" },
        ]);
        assert.deepEqual(exposedPorts(settings({ taurus: { expose: false } })), []);
    });

    it("of support services lead to theirs where they are exposed", () => {
        const support = {
            mysql: { expose: true, port: 13306 },
            rabbitmq: { expose: true },
            dynamodb: { expose: true },
        };
        assert.deepEqual(exposedPorts(settings({ support, taurus: { expose: false } })), [
            { name: "mysql", host: 13306, guest: 30306, setting: "support.mysql.port" },
            {
                name: "rabbitmq-management",
                host: 15672,
                guest: 31567,
                setting: "support.rabbitmq.managementPort",
            },
            { name: "dynamodb", host: 8300, guest: 30830, setting: "support.dynamodb.port" },
        ]);
    });

    it("make addresses on the machine's own name, or on the address that was chosen", () => {
        const support = { mysql: { expose: true }, rabbitmq: { expose: true }, dynamodb: { expose: true } };
        const taurus = { httpsPort: 8443 };
        assert.deepEqual(addresses(settings({ support, taurus, hostAddress: "0.0.0.0" })), {
            kubernetes: "https://localhost:6443",
            taurus: "https://localhost:8443",
            supervisor: "http://localhost:9001",
            metrics: "localhost:2003",
            mysql: "localhost:3306",
            rabbitmq: "http://localhost:15672",
            dynamodb: "http://localhost:8300",
        });
        assert.equal(addresses(settings({ hostAddress: "192.168.1.5" }))["taurus"], "https://192.168.1.5");
        assert.equal(addresses(settings({ hostAddress: "127.0.0.2" }))["metrics"], "127.0.0.2:2003");
    });
});

describe("cluster name", () => {
    it("is made of the stack's name where that can be part of a host name", () => {
        assert.equal(clusterNameOf("dev"), "nta-dev");
        assert.equal(clusterNameOf("a".repeat(38)).length, 42);
        for (const stack of ["Dev", "my_stack", "a.b", "-a", "a-", "", "a".repeat(39)]) {
            assert.throws(
                () => clusterNameOf(stack),
                (error) => pulumi.RunError.isInstance(error) && error.message.includes(`"${stack}"`),
            );
        }
    });
});

describe("secrets of the settings", () => {
    it("are handed to resources as secret outputs", async () => {
        const given = { taurus: { collectors: { xigniteApiToken: "token" } } };
        const keys = collectorKeysOf(settings(given, ["nta:taurus"]));
        assert.deepEqual(Object.keys(keys), ["xigniteApiToken"]);
        assert.deepEqual(await secretText(keys["xigniteApiToken"]), ["token", true]);
    });

    it("are none where none are set", () => {
        assert.deepEqual(collectorKeysOf(settings()), {});
    });
});

describe("registry of the settings", () => {
    it("is none where the cluster's own is used", () => {
        assert.equal(registryOf(settings()), undefined);
    });

    it("has what it takes to use it", () => {
        const plain = settings({ registry: "r.example.com/team", registryInsecure: true });
        assert.deepEqual(registryOf(plain), {
            address: "r.example.com/team",
            insecure: true,
            ca: undefined,
            credentials: undefined,
        });
        const given = { registry: "r.example.com", registryUsername: "ada", registryPassword: "pw" };
        const { credentials } = registryOf(settings(given, ["nta:registryPassword"])) ?? {};
        assert.equal(credentials?.username, "ada");
        assert.equal(credentials?.password.reveal(), "pw");
        assert.doesNotMatch(JSON.stringify(credentials), /pw/);
    });

    it("gives all images, those that are not built here, or none", () => {
        const registry = { registry: "r.example.com" };
        assert.deepEqual(pulledImagesOf(settings(registry), imageNames), []);
        assert.deepEqual(pulledImagesOf(settings({ ...registry, buildImages: false }), imageNames), imageNames);
        const all = imageNames.join(",");
        assert.deepEqual(
            pulledImagesOf(settings({ ...registry, buildImages: false, builtImages: all }), imageNames),
            [],
        );
        const most = imageNames.filter((name) => name !== "mysql").join(",");
        assert.deepEqual(pulledImagesOf(settings({ ...registry, buildImages: false, builtImages: most }), imageNames), [
            "mysql",
        ]);
    });
});
