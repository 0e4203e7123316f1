/** The stand-in docker plugin under Pulumi's real engine, with a real Docker engine and real registries. */
import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from "node:fs";

import { askRegistry } from "../../plugins/docker/registry-http";
import type { RegistryAnswer } from "../../plugins/docker/registry-http";
import { freePort } from "../free-port";
import { Engine } from "./plugins-engine";
import type { Project } from "./plugins-engine";
import { RegistryServer } from "./registry-server";

const USER = "tester";
const PASSWORD = "registry-password-9361";

/** The answer of a registry that speaks plain HTTP. */
function ask(host: string, path: string): Promise<RegistryAnswer> {
    const accept = "application/vnd.docker.distribution.manifest.v2+json";
    return askRegistry({ host, insecure: true }, { method: "GET", path, accept });
}

/** A context with an executable, a link, an ignored file, and a Dockerfile that builds from nothing. */
function makeContext(project: Project): void {
    mkdirSync(project.path("app", "sub"), { recursive: true });
    writeFileSync(
        project.path("app", "Dockerfile"),
        `FROM scratch\nARG WHO=nobody\nLABEL who=$WHO\nCOPY . /files/\nCMD ["/files/run"]\n`,
    );
    writeFileSync(project.path("app", "run"), "#!/bin/sh\n", { mode: 0o755 });
    writeFileSync(project.path("app", "sub", "data"), "data");
    writeFileSync(project.path("app", "sub", "notes.txt"), "left out");
    symlinkSync("sub/data", project.path("app", "link"));
    writeFileSync(project.path("app", ".dockerignore"), "# left out\n**/*.txt\n!README.txt\n");
}

/** The files of an image: mode, size and name as tar lists them. */
function imageFiles(name: string): Record<string, string> {
    const container = execFileSync("docker", ["create", name], { encoding: "utf8" }).trim();
    try {
        const list = execFileSync("sh", ["-c", `docker export ${container} | tar tv --numeric-owner files`], {
            encoding: "utf8",
        });
        return Object.fromEntries(
            list
                .trimEnd()
                .split("\n")
                .map((line) => {
                    const [mode = "", owner = "", , , , ...path] = line.split(/\s+/);
                    return [path.join(" "), `${mode} ${owner}`];
                }),
        );
    } finally {
        execFileSync("docker", ["rm", container]);
    }
}

describe("docker plugin and engine", function () {
    this.timeout(240_000);
    let engine: Engine;
    const open = new RegistryServer();
    const closed = new RegistryServer({ login: { username: USER, password: PASSWORD } });
    const nowhere = { DOCKER_HOST: "unix:///nonexistent/docker.sock" };

    before(async () => {
        execFileSync("docker", ["version"], { stdio: "ignore" });
        await Promise.all([open.start(), closed.start()]);
        engine = await Engine.create(["docker"]);
    });

    after(async () => {
        await engine.close();
        for (const registry of [open, closed]) {
            registry.removeImages();
            registry.stop();
        }
    });

    function program(build: string, rest = ""): string {
        return `const docker = require("@pulumi/docker"); const pulumi = require("@pulumi/pulumi");
            const image = new docker.Image("image", {
                imageName: "${open.host}/app:v1",
                build: { context: "app", platform: "linux/amd64", ${build} },
                ${rest}
            });
            module.exports = {
                digest: image.repoDigest, name: image.imageName, base: image.baseImageName,
                server: image.registryServer, platform: image.platform,
            };`;
    }

    it("builds and pushes once, and only again when something that counts has changed", async () => {
        const project = await engine.project("image", program(`args: { WHO: process.env.WHO ?? "me" }`));
        makeContext(project);
        const first = await project.up();
        assert.equal(first.operations.image, "create");
        assert.ok(
            first.messages.some((text) => text.includes("COPY . /files/")),
            "the build's output is shown",
        );
        const outputs = await project.outputs();
        const { digest, ...others } = outputs as Record<string, string>;
        assert.deepEqual(others, {
            name: `${open.host}/app:v1`,
            base: `${open.host}/app:v1`,
            server: "",
            platform: "linux/amd64",
        });
        assert.match(digest, /^127\.0\.0\.1:\d+\/app@sha256:[0-9a-f]{64}$/);
        const manifest = await ask(open.host, `/v2/app/manifests/${digest.split("@")[1]}`);
        assert.equal(manifest.status, 200);
        assert.deepEqual(imageFiles(`${open.host}/app:v1`), {
            "files/": "drwxr-xr-x 0/0",
            "files/.dockerignore": "-rw-r--r-- 0/0",
            "files/Dockerfile": "-rw-r--r-- 0/0",
            "files/link -> sub/data": "lrwxrwxrwx 0/0",
            "files/run": "-rwxr-xr-x 0/0",
            "files/sub/": "drwxr-xr-x 0/0",
            "files/sub/data": "-rw-r--r-- 0/0",
        });

        // Neither umask nor times nor ignored files count, and no Docker engine is asked.
        chmodSync(project.path("app", "sub", "data"), 0o600);
        chmodSync(project.path("app", "run"), 0o700);
        utimesSync(project.path("app", "run"), 1, 1);
        writeFileSync(project.path("app", "sub", "notes.txt"), "changed");
        assert.equal((await project.up(nowhere)).operations.image, "same");
        assert.equal((await project.refresh(nowhere)).changes.update, undefined);

        const changes: Record<string, () => void> = {
            "a file's content": () => writeFileSync(project.path("app", "sub", "data"), "other"),
            "the executable bit": () => chmodSync(project.path("app", "sub", "data"), 0o755),
            "a link's target": () => {
                unlinkSync(project.path("app", "link"));
                symlinkSync("run", project.path("app", "link"));
            },
            "a file taken back in": () => writeFileSync(project.path("app", "README.txt"), "read me"),
        };
        for (const [what, change] of Object.entries(changes)) {
            change();
            const preview = await project.preview(nowhere);
            assert.equal(preview.operations.image, "update", what);
        }
        const second = await project.up();
        assert.equal(second.operations.image, "update");
        const changed = String((await project.outputs()).digest);
        assert.notEqual(changed, digest);
        assert.equal((await project.up({ WHO: "you" })).operations.image, "update");
        assert.notEqual((await project.outputs()).digest, changed);

        await project.destroy(nowhere);
        assert.equal((await ask(open.host, "/v2/app/manifests/v1")).status, 200, "what was pushed stays");
    });

    it("builds images on each other by digest, and tells of it in a preview", async () => {
        const project = await engine.project(
            "chain",
            `const docker = require("@pulumi/docker");
            const build = { context: "app", platform: "linux/amd64" };
            const parent = new docker.Image("parent", {
                imageName: "${open.host}/parent", build: { ...build, args: { WHO: process.env.WHO } },
            });
            const child = new docker.Image("child", {
                imageName: "${open.host}/child:v1",
                build: { ...build, dockerfile: "Child.Dockerfile", args: { PARENT: parent.repoDigest } },
            });
            module.exports = { parent: parent.repoDigest, child: child.repoDigest };`,
        );
        makeContext(project);
        writeFileSync(project.path("Child.Dockerfile"), "ARG PARENT\nFROM $PARENT\nCOPY run /child\n");
        const first = await project.up({ WHO: "a" });
        assert.ok(first.order.indexOf("parent") < first.order.indexOf("child"));
        const before = await project.outputs();
        const preview = await project.preview({ WHO: "b", ...nowhere });
        assert.deepEqual(
            [preview.operations.parent, preview.operations.child],
            ["update", "update"],
            "the child's parent is unknown until it is built",
        );
        await project.up({ WHO: "b" });
        const after = await project.outputs();
        assert.notEqual(after.parent, before.parent);
        assert.notEqual(after.child, before.child);
        assert.equal((await project.up({ WHO: "b", ...nowhere })).changes.same, 3);
    });

    it("can leave out the push, and build while previewing", async () => {
        const project = await engine.project(
            "local",
            program(`args: {}`, "skipPush: true, buildOnPreview: true,").replace("/app:v1", "/unpushed:v1"),
        );
        makeContext(project);
        const preview = await project.preview();
        assert.ok(preview.messages.some((text) => text.includes("COPY . /files/")));
        assert.equal((await ask(open.host, "/v2/unpushed/tags/list")).status, 404);
        await project.up();
        const id = execFileSync("docker", ["inspect", "--format", "{{.Id}}", `${open.host}/unpushed:v1`], {
            encoding: "utf8",
        }).trim();
        assert.equal((await ask(open.host, "/v2/unpushed/tags/list")).status, 404);
        assert.equal((await project.outputs()).digest, id);
    });

    it("logs in to a registry without showing the password anywhere", async () => {
        const project = await engine.project(
            "login",
            `const docker = require("@pulumi/docker"); const pulumi = require("@pulumi/pulumi");
            const image = new docker.Image("image", {
                imageName: "${closed.host}/private:v1",
                registry: {
                    server: "${closed.host}", username: "${USER}", password: pulumi.secret(process.env.LOGIN_PASSWORD),
                },
                build: { context: "app", platform: "linux/amd64" },
            });
            module.exports = { digest: image.repoDigest };`,
        );
        makeContext(project);
        const wrong = await project.failing("up", { LOGIN_PASSWORD: "wrong-password-1" });
        assert.match(wrong, new RegExp(`Pushing ${closed.host}/private:v1 failed: ${closed.host} refuses the login`));
        assert.match(wrong, /Check the registry's user name and password/);

        const { result, child } = project.start(["up", "--yes", "--skip-preview"], { LOGIN_PASSWORD: PASSWORD });
        // What any user of the machine could see.
        const seen = new Set<string>();
        const watch = setInterval(() => {
            const list = execFileSync("ps", ["-e", "-o", "args", "ww"], { encoding: "utf8" });
            list.split("\n")
                .filter((line) => line.includes(PASSWORD))
                .forEach((line) => seen.add(line));
        }, 100);
        const { code, output } = await result;
        clearInterval(watch);
        assert.equal(code, 0, output);
        assert.ok(child.pid);
        assert.deepEqual([...seen], []);
        assert.ok(!output.includes(PASSWORD));
        assert.ok(!project.stateFile().includes(PASSWORD));
        // A new password alone is no reason to build.
        const next = await project.up({ LOGIN_PASSWORD: "changed", ...nowhere });
        assert.equal(next.operations.image, "same");
    });

    it("finds the digest of a tag, with and without a login", async () => {
        const project = await engine.project("digest", program(""));
        makeContext(project);
        await project.up();
        const { digest } = await project.outputs();
        project.write(`const docker = require("@pulumi/docker");
            const anonymous = docker.getRegistryImageOutput({ name: "${open.host}/app:v1" });
            const provider = new docker.Provider("with-login", {
                registryAuth: [{ address: "${closed.host}", username: "${USER}", password: "${PASSWORD}" }],
            });
            const known = docker.getRegistryImageOutput({ name: "${closed.host}/private:v1" }, { provider });
            module.exports = { anonymous: anonymous.sha256Digest, known: known.sha256Digest };`);
        await project.up();
        const found = await project.outputs();
        assert.equal(found.anonymous, String(digest).split("@")[1]);
        assert.match(String(found.known), /^sha256:[0-9a-f]{64}$/);

        const lookUp = (name: string): string =>
            `require("@pulumi/docker").getRegistryImageOutput({ name: "${name}" });`;
        const messages: Record<string, RegExp> = {
            [`${open.host}/app:v9`]: /has no such image/,
            [`${closed.host}/private:v1`]: /wants a login, or refuses/,
            [`127.0.0.1:1/app:v1`]: /no registry answers at 127\.0\.0\.1:1/,
            "Not/Lower": /a repository is made of lower-case letters/,
        };
        for (const [name, message] of Object.entries(messages)) {
            project.write(lookUp(name));
            assert.match(await project.failing("preview"), message);
        }
    });

    it("takes large layers to another registry from the one in which the image was, so that Docker does not pack them", async () => {
        const at = (host: string, rest = "") => program("", rest).replaceAll(`${open.host}/app`, `${host}/large`);
        const project = await engine.project("carried", at(open.host));
        makeContext(project);
        // What random bytes are packed into is as large.
        writeFileSync(project.path("app", "large"), randomBytes(12_000_000));
        await project.up();
        const digest = async () => String((await project.outputs()).digest).split("@")[1];
        const before = await digest();

        const login = `{ server: "${closed.host}", username: "${USER}", password: pulumi.secret("${PASSWORD}") }`;
        project.write(at(closed.host, `registry: ${login}`));
        await project.up();
        assert.equal(await digest(), before);
        const uploads = closed.requests().filter((line) => line.includes('"PATCH /v2/large/blobs/uploads/'));
        assert.equal(uploads.length, 1, `Docker has sent the image's configuration alone:\n${uploads.join("\n")}`);
    });

    it("says what is wrong with its inputs", async () => {
        const project = await engine.project("inputs", "");
        makeContext(project);
        const image = (args: string): string => `new (require("@pulumi/docker").Image)("image", ${args});`;
        const messages: [string, RegExp][] = [
            [`{ imageName: "${open.host}/app", build: { context: "nowhere" } }`, /there is no folder "nowhere"/],
            [
                `{ imageName: "${open.host}/app", build: { context: "app", dockerfile: "Dockerfile" } }`,
                /there is no Dockerfile at "Dockerfile"; paths are relative to the program: try "app\/Dockerfile"/,
            ],
            [`{ imageName: "app", build: { context: "app" } }`, /does not say which registry it is pushed to/],
            [
                `{ imageName: "${open.host}/App", build: { context: "app" } }`,
                /is no image name: a repository is made of/,
            ],
            [
                `{ imageName: "a.example/app", registry: { server: "b.example" }, build: { context: "app" } }`,
                /would be pushed to a\.example, not to the given registry "b\.example"/,
            ],
            [
                `{ imageName: "${open.host}/app", build: { context: "app", builderVersion: "V9" } }`,
                /"V9" is not one of BuilderV1, BuilderBuildKit/,
            ],
        ];
        for (const [args, message] of messages) {
            project.write(image(args));
            assert.match(await project.failing("preview"), message);
        }
    });

    it("says why a build or a push failed, and goes on when that is mended", async () => {
        const project = await engine.project("failures", program(""));
        makeContext(project);
        assert.match(await project.failing("up", nowhere), /No Docker engine answers at unix:\/\/\/nonexistent/);

        const dockerfile = project.path("app", "Dockerfile");
        writeFileSync(dockerfile, "FROM scratch\nCOPY missing-file /\n");
        const build = await project.failing("up");
        assert.match(build, new RegExp(`Building ${open.host}/app:v1 failed:`));
        assert.match(build, /missing-file/);

        const port = await freePort();
        writeFileSync(dockerfile, "FROM scratch\nCOPY run /\n");
        project.write(program("").replaceAll(open.host, `127.0.0.1:${port}`));
        assert.match(await project.failing("up"), new RegExp(`no registry answers at 127.0.0.1:${port}`));
        execFileSync("docker", ["rmi", "--force", `127.0.0.1:${port}/app:v1`], { stdio: "ignore" });

        project.write(program(""));
        assert.equal((await project.up()).operations.image, "create");
    });
});
