/**
 * Registries of the user's, for real: Debian's docker-registry at the address of Docker's bridge, where nodes reach it,
 * pushes by Docker under Pulumi's engine, pulls by the containerd of the node image. Writes to /etc/docker/certs.d.
 */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { parse, stringify } from "yaml";

import { registryScript } from "../../machine/registry";
import { nodeImage } from "../../machine/provider";
import type { NodeRegistry } from "../../machine/spec";
import { parseSettings } from "../../components/settings/parse";
import { registryProblem } from "../../registry/check";
import { checkRegistry } from "../../tools/doctor/registry";
import { DockerEngine } from "./docker-engine";
import { Engine, until } from "./plugins-engine";
import type { Project } from "./plugins-engine";
import { bridgeAddress, RegistryServer } from "./registry-server";

const root = join(__dirname, "../..");
const login = { username: "tester", password: "registry-password-4471" };

function docker(...args: string[]): string {
    return execFileSync("docker", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] }).trim();
}

/** The program's own components around two small images, of which one stands on the other. */
const program = `
    process.env.TS_NODE_PROJECT = ${JSON.stringify(join(root, "tsconfig.json"))};
    require("ts-node/register/transpile-only");
    const pulumi = require("@pulumi/pulumi");
    const { Image } = require("@pulumi/docker/image");
    const { ExternalRegistry } = require("${root}/components/registry/external-registry");
    const { readSettings, registryOf, pulledImagesOf } = require("${root}/components/settings");
    const settings = readSettings();
    const access = registryOf(settings);
    // Of the catalog's images, two stand for all.
    const names = ["mysql", "rabbitmq"];
    const pulled = pulledImagesOf(settings, names);
    const usedByDocker = pulled.length < names.length;
    const registry = new ExternalRegistry("registry", { access, pulled, usedByDocker });
    const refs = { ...registry.images };
    let base = "scratch";
    for (const name of names) {
        refs[name] ??= new Image(name, {
            imageName: pulumi.interpolate\`\${registry.address}/\${name}:latest\`,
            build: { context: "app", platform: "linux/amd64", args: { BASE: base, NAME: name } },
            registry: access.credentials && {
                server: access.address.split("/")[0],
                username: access.credentials.username,
                password: pulumi.secret(access.credentials.password.reveal()),
            },
        }).repoDigest;
        base = refs[name];
    }
    module.exports = refs;
`;

describe("registries", function () {
    this.timeout(300_000);
    const address = bridgeAddress();
    const plain = new RegistryServer({ address });
    const closed = new RegistryServer({ address, tls: true, login });
    /** This machine's engine is not to be told to speak plain HTTP. */
    const other = new DockerEngine(address);
    let engine: Engine;
    let project: Project;
    let node: string;

    before(async () => {
        await Promise.all([plain.start(), closed.start()]);
        engine = await Engine.create(["docker", "command"]);
        project = await engine.project("nta", program);
        // Commands of the program are paths in the program's folder.
        for (const name of ["registry", "plugins", "tools", "tsconfig.json"]) {
            symlinkSync(join(root, name), project.path(name));
        }
        mkdirSync(project.path("app"));
        writeFileSync(
            project.path("app", "Dockerfile"),
            "ARG BASE\nFROM ${BASE}\nARG NAME\nLABEL test=${NAME}\nCOPY . /\n",
        );
        const image = nodeImage().dockerImage;
        assert.ok(image, "the node image is there");
        node = docker("run", "--detach", "--entrypoint", "/usr/bin/containerd", image);
        await until("containerd answers", () => nodeRuns("ctr version"));
    });

    after(async () => {
        await engine?.close();
        if (node !== undefined) {
            docker("rm", "--force", "--volumes", node);
        }
        await other.stop();
        closed.removeImages();
        plain.stop();
        closed.stop();
    });

    function nodeRuns(script: string): boolean {
        try {
            docker("exec", node, "sh", "-c", script);
            return true;
        } catch {
            return false;
        }
    }

    /** Tells the node of a registry as the cluster's nodes are told. */
    function tellNode(registry: NodeRegistry, former?: NodeRegistry): void {
        docker("exec", node, "sh", "-c", registryScript(registry, former));
    }

    /** Whether containerd on the node can fetch an image, layers and all. */
    function nodePulls(reference: string, user = ""): boolean {
        const flag = user === "" ? "" : `--user '${user}'`;
        return nodeRuns(`ctr content fetch --hosts-dir /etc/containerd/certs.d ${flag} '${reference}' >/dev/null`);
    }

    /** Gives the stack these settings and no other. */
    async function configure(settings: Record<string, string>, password?: string): Promise<void> {
        const file = project.path("Pulumi.test.yaml");
        // The salt of the stack's secrets stays.
        const { encryptionsalt } = parse(readFileSync(file, "utf8")) as { encryptionsalt: string };
        const entries = Object.entries(settings).map(([name, value]) => [`nta:${name}`, value]);
        writeFileSync(file, stringify({ encryptionsalt, config: Object.fromEntries(entries) as unknown }));
        if (password !== undefined) {
            await project.run(["config", "set", "--secret", "registryPassword", password]);
        }
    }

    async function images(): Promise<{ mysql: string; rabbitmq: string }> {
        return (await project.outputs()) as { mysql: string; rabbitmq: string };
    }

    const withLogin = () => ({
        registry: `${closed.host}/team/a`,
        registryCa: closed.ca,
        registryUsername: login.username,
    });

    it("plain HTTP: what Docker must be told is said before anything is built, and then it pushes", async function () {
        if (process.getuid?.() !== 0) {
            this.skip(); // It takes an engine of its own.
        }
        await other.start();
        await configure({ registry: `${plain.host}/plain`, registryInsecure: "true" });
        const output = await project.failing("up", other.env);
        assert.match(output, /speaks plain HTTP[^]*daemon\.json[^]*systemctl reload docker/);
        assert.doesNotMatch(output, /building .*mysql/);
        const advice = /^ *("insecure-registries": .*)$/m.exec(output)?.[1];
        await other.reload(JSON.parse(`{${advice}}`) as object);
        await project.up(other.env);
        pulledByPlainHttp((await images()).rabbitmq);
    });

    /** Checks that it is an image of the registry that speaks plain HTTP, and that a node pulls it if it is told so. */
    function pulledByPlainHttp(reference: string): void {
        assert.match(reference, new RegExp(`^${plain.host}/plain/rabbitmq@sha256:[0-9a-f]{64}$`));
        const known: NodeRegistry = { host: plain.host, insecure: true };
        tellNode({ ...known, insecure: false });
        assert.ok(!nodePulls(reference), "a node that is not told of plain HTTP can't pull");
        tellNode(known);
        assert.ok(nodePulls(reference));
    }

    it("plain HTTP: digests in the preview, without Docker", async function () {
        if (process.getuid?.() !== 0) {
            this.skip(); // The test before it has pushed them.
        }
        const before = await images();
        await configure({ registry: `${plain.host}/plain`, registryInsecure: "true", buildImages: "false" });
        await project.up({ DOCKER_HOST: "unix:///nonexistent/docker.sock" });
        assert.deepEqual(await images(), before);
    });

    it("own authority, login and path: another registry is pushed to, Docker trusts it, a node pulls", async () => {
        await configure(withLogin(), login.password);
        const preview = await project.preview();
        assert.equal(preview.operations["mysql"], "create");
        assert.equal(preview.operations["registry-docker-trust"], "create");
        const { messages } = await project.up();
        const { rabbitmq } = await images();
        assert.ok(rabbitmq.startsWith(`${closed.host}/team/a/rabbitmq@sha256:`), rabbitmq);
        assert.ok(existsSync(`/etc/docker/certs.d/${closed.host}/ca.crt`));

        const known: NodeRegistry = { host: closed.host, insecure: false, ca: closed.ca };
        tellNode({ host: closed.host, insecure: false }, { host: plain.host, insecure: true });
        const user = `${login.username}:${login.password}`;
        assert.ok(!nodePulls(rabbitmq, user), "a node without the authority can't pull");
        tellNode(known);
        assert.ok(!nodePulls(rabbitmq), "without the login it can't pull");
        assert.ok(nodePulls(rabbitmq, user));

        const encoded = Buffer.from(user).toString("base64");
        for (const text of [project.stateFile(), messages.join("\n")]) {
            assert.ok(!text.includes(login.password) && !text.includes(encoded), "the password is in plain text");
        }
    });

    it("the same again is no change", async () => {
        await configure(withLogin(), login.password);
        const { changes } = await project.up();
        assert.deepEqual(Object.keys(changes), ["same"]);
    });

    it("images that are there: digests in the preview, no build, mixed use, and a missing one is named", async () => {
        const before = await images();
        await configure({ ...withLogin(), buildImages: "false", builtImages: "rabbitmq" }, login.password);
        await project.up();
        // Built on the pulled one, which is the one that was built before.
        assert.deepEqual(await images(), before);

        await configure({ ...withLogin(), buildImages: "false" }, login.password);
        const preview = await project.preview({ DOCKER_HOST: "unix:///nonexistent/docker.sock" });
        assert.equal(preview.operations["rabbitmq"], "delete");
        await project.up();
        assert.deepEqual(await images(), before);

        await configure({ ...withLogin(), registry: `${closed.host}/elsewhere`, buildImages: "false" }, login.password);
        const output = await project.failing("preview");
        assert.match(output, /does not have [\d.:]+\/elsewhere\/mysql:latest, [\d.:]+\/elsewhere\/rabbitmq:latest/);
        assert.match(output, /pulumi config set builtImages mysql,rabbitmq/);
    });

    it("what is wrong is told by the first call, in a preview too, and nothing is built", async () => {
        const cases: [settings: Record<string, string>, password: string | undefined, message: RegExp][] = [
            [withLogin(), "wrong", /refuses the user name or the password[^]*config set --secret registryPassword/],
            [{ registry: `${closed.host}/team/a` }, undefined, /authority that is not known[^]*registryCa/],
            [{ registry: `${address}:1/team` }, undefined, /can't be reached: nothing listens there/],
        ];
        for (const [settings, password, message] of cases) {
            await configure(settings, password);
            const started = Date.now();
            const output = await project.failing("preview");
            assert.match(output, message);
            assert.doesNotMatch(output, /at lookUp|\.ts:\d+/, "there is no stack trace");
            assert.ok(Date.now() - started < 30_000);
        }
    });

    it("Docker's trust ends with the stack", async () => {
        await project.destroy();
        assert.ok(!existsSync(`/etc/docker/certs.d/${closed.host}`));
    });

    it("the doctor tries the login at a registry with an authority of its own", async () => {
        const doctor = async (password: string) => {
            const raw = Object.entries(withLogin()).map(([name, value]) => [`nta:${name}`, value]);
            raw.push(["nta:registryPassword", "(encrypted)"]);
            const { found, wrong } = await checkRegistry({
                stack: "test",
                clusterName: "nta-test",
                settings: parseSettings(Object.fromEntries(raw) as Record<string, string>, ["nta:registryPassword"], {
                    project: "nta",
                    readFile: () => assert.fail("the certificate is text"),
                }),
                containers: [],
                mend: () => assert.fail("no setting is proposed"),
                openSecret: () => Promise.resolve({ answer: password }),
            });
            assert.equal(found, `${closed.host}/team/a as ${login.username}`);
            return wrong;
        };
        assert.deepEqual(await doctor(login.password), []);
        const [finding] = await doctor("wrong");
        assert.equal(finding.wrong, `${closed.host} refuses the user name or the password`);
        assert.match(finding.mend, /config set --secret registryPassword/);
    });

    it("each way of being wrong has its own words", async () => {
        const access = { address: closed.host, insecure: false, ca: closed.ca };
        const credentials = { username: login.username, password: { reveal: () => login.password } };
        const wrong = async (changes: object) => (await registryProblem({ ...access, ...changes }))?.wrong ?? "";
        assert.equal(await wrong({ credentials }), "");
        assert.match(await wrong({}), /wants a login/);
        assert.match(await wrong({ insecure: true }), /speaks HTTPS/);
        assert.match(await wrong({ address: plain.host }), /does not speak HTTPS/);
        assert.match(await wrong({ address: "registry.invalid" }), /no such name|can't be looked up/);
    });
});
