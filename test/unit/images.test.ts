import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { layOutContext } from "../../components/images/build-context";
import { imageNames, imageRecipes } from "../../components/images/catalog";
import { hostCertificates } from "../../components/images/host-certificates";
import { contextParts, Images, ImagesArgs } from "../../components/images/images";
import { imagePrograms, programsDirectory } from "../../components/images/program";
import { publicRepository, resolveSource } from "../../components/images/source";
import { SecretText } from "../../components/settings";
import { setFolder } from "../../node-image/program-set";
import { MockRun, Registration, runProgram, SecretValue } from "../../tools/preview-diff/mock-engine";
import { withVariables } from "../environment";
import { imageType, pushed } from "./pushed-image";

const imagesFolder = path.resolve(__dirname, "../../images");
const sample = path.join(imagesFolder, "sample");
const commandType = "command:local:Command";

let folder: string;

/** Gives each test of the present group a folder of its own. */
function withFolder(): void {
    beforeEach(() => (folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-images-"))));
    afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));
}

function write(name: string, text = "", mode = 0o644): string {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    fs.chmodSync(file, mode);
    return file;
}

/** Paths below a folder with their modes: `644 a/b`. */
function listing(root: string): string[] {
    return (fs.readdirSync(root, { recursive: true }) as string[])
        .map((name) => `${(fs.statSync(path.join(root, name)).mode & 0o777).toString(8)} ${name}`)
        .sort();
}

describe("Images", function () {
    // The first test loads the SDKs, which takes seconds on a busy machine.
    this.timeout(60_000);
    withFolder();

    function digestOf(registration: Registration): string {
        const { imageName } = registration.inputs as { imageName: string };
        return imageName.replace(/:latest$/, `@sha256:of-${registration.name}`);
    }

    async function run(more: Partial<ImagesArgs> = {}): Promise<MockRun> {
        return runProgram(
            () => {
                const images = new Images("images", {
                    registry: "registry.example.com:5443/team",
                    source: sample,
                    contexts: path.join(folder, "contexts"),
                    buildCertificates: "PEM",
                    ...more,
                });
                return { refs: images.refs };
            },
            {
                provide: async (registration) => {
                    if (registration.type === imageType) {
                        await delay(20);
                        return pushed(registration, digestOf(registration));
                    }
                    return registration.type === commandType
                        ? { ...registration.inputs, stdout: `id-of-${registration.name}` }
                        : undefined;
                },
            },
        );
    }

    /** Runs with a cache in which the program of an image is already. */
    async function withProgram(name: string, body: () => Promise<void>): Promise<void> {
        await withVariables({ NTA_CACHE: path.join(folder, "cache") }, async () => {
            const built = setFolder(imagePrograms(name), "amd64", programsDirectory());
            write(path.relative(folder, path.join(built, name)), "program", 0o755);
            await body();
        });
    }

    const buildOf = (registration: Registration) =>
        registration.inputs["build"] as { args: Record<string, string>; platform: string; context: string };

    it("builds each on its base by digest, after it", () =>
        withProgram("ci-build", async () => {
            const { find } = await run({ onDemand: ["static-files", "ci-build"] });
            for (const { name, base } of imageRecipes) {
                if (base === "scratch") {
                    continue;
                }
                const image = find(imageType, `images-${name}`);
                if ("debian" in base) {
                    const debian = find(imageType, `images-debian-${base.debian}-image`);
                    assert.equal(buildOf(image).args["BASE"], digestOf(debian));
                } else {
                    const parent = find(imageType, `images-${base.image}`);
                    assert.equal(buildOf(image).args["BASE"], digestOf(parent));
                    assert.ok(image.began > parent.ended, `${name} waits for ${base.image}`);
                }
            }
        }));

    it("builds side by side what does not stand on each other", async () => {
        const { find } = await run();
        const chain = find(imageType, "images-nta.utils");
        for (const name of ["mysql", "rabbitmq", "taurus-dynamodb"]) {
            assert.ok(find(imageType, `images-${name}`).began < chain.ended, name);
        }
    });

    it("says platform, name and certificates, and gives certificates to builds that download alone", async () => {
        const { all, outputs } = await run();
        const ours = all(imageType).filter(({ name }) => !name.includes("debian"));
        assert.equal(ours.length, imageNames.length);
        for (const image of ours) {
            const name = image.name.replace("images-", "");
            const { args, platform } = buildOf(image);
            assert.equal(platform, "linux/amd64");
            assert.equal(image.inputs["imageName"], `registry.example.com:5443/team/${name}:latest`);
            const downloads = !["mysql", "rabbitmq"].includes(name);
            assert.deepEqual(Object.keys(args).sort(), downloads ? ["BASE", "BUILD_CA"] : ["BASE"]);
        }
        assert.deepEqual(Object.keys(outputs["refs"] as object).sort(), [...imageNames].sort());
    });

    it("builds on demand what is not for every stack: from nothing, around a program that is in the cache", () =>
        withProgram("parallel", async () => {
            const { find, outputs } = await run({ onDemand: ["parallel"] });
            const { args, context } = buildOf(find(imageType, "images-parallel"));
            assert.deepEqual(args, {});
            assert.equal(fs.readFileSync(path.join(context, "program", "parallel"), "utf8"), "program");
            assert.ok("parallel" in (outputs["refs"] as object));
        }));

    it("makes one base of each release, in the same registry", async () => {
        const { all, find } = await run();
        assert.deepEqual(
            all(commandType).map(({ inputs }) => String(inputs["create"]).split(" ").at(-1)),
            ["bullseye", "bookworm"],
        );
        const bookworm = find(imageType, "images-debian-bookworm-image");
        assert.equal(bookworm.inputs["imageName"], "registry.example.com:5443/team/debian:bookworm");
        assert.deepEqual(buildOf(bookworm).args, {
            BASE: "nta-debian-base:bookworm-amd64",
            BASE_ID: "id-of-images-debian-bookworm",
        });
    });

    it("logs in to the registry's host, with a secret password", async () => {
        const { all } = await run({ credentials: { username: "ada", password: new SecretText("s3cr3t") } });
        assert.equal(all(imageType).length, imageNames.length + 2);
        for (const { inputs } of all(imageType)) {
            assert.deepEqual(inputs["registry"], {
                server: "registry.example.com:5443",
                username: "ada",
                password: new SecretValue("s3cr3t"),
            });
        }
    });

    const pulledRef = (name: string) => `registry.example.com:5443/team/${name}@sha256:there`;
    const prebuiltBut = (...built: string[]) =>
        Object.fromEntries(imageNames.filter((name) => !built.includes(name)).map((name) => [name, pulledRef(name)]));

    it("builds nothing and asks for no base where all are there", async () => {
        const { all, outputs } = await run({ prebuilt: prebuiltBut() });
        assert.deepEqual([...all(imageType), ...all(commandType)], []);
        assert.deepEqual(outputs["refs"], prebuiltBut());
    });

    it("builds one image on another that is there", async () => {
        const { all, outputs } = await run({ prebuilt: prebuiltBut("taurus") });
        const [taurus, ...others] = all(imageType);
        assert.deepEqual(others, []);
        assert.equal(buildOf(taurus).args["BASE"], pulledRef("taurus.metric_collectors"));
        assert.deepEqual(outputs["refs"], { ...prebuiltBut("taurus"), taurus: digestOf(taurus) });
        assert.deepEqual(all(commandType), []);
    });
});

describe("Dockerfiles", () => {
    withFolder();

    for (const { name, base, downloads } of imageRecipes) {
        const text = fs.readFileSync(path.join(imagesFolder, name, "Dockerfile"), "utf8");
        const stages = text.split(/^(?=FROM )/m).slice(1);
        const shipped = stages.at(-1) as string;

        it(`${name}: the host's certificates stay out of the stage that is shipped`, () => {
            assert.equal(stages.length > 1, downloads);
            assert.doesNotMatch(shipped, /BUILD_CA|trust-build-ca/);
            for (const [, from] of shipped.matchAll(/^COPY --from=build (\S+)/gm)) {
                assert.match(from, /^\/(out|opt\/dynamodb)\/$/, "whole folders of the build stage are not copied");
            }
        });

        it(`${name}: runs without root, by a command that is there`, () => {
            assert.match(shipped, /^USER (999:999|10001:10001)$/m);
            assert.equal(/^FROM scratch$/m.test(shipped), base === "scratch");
            const command = /^CMD \["\/opt\/nta\/bin\/([a-z]+)"\]$/m.exec(text)?.[1];
            if (command !== undefined) {
                for (const script of [command, "ready"]) {
                    const mode = fs.statSync(path.join(imagesFolder, name, "bin", script)).mode;
                    assert.ok(mode & 0o111, `${script} can be run`);
                }
            }
        });

        it(`${name}: builds without BuildKit`, () => {
            assert.doesNotMatch(text, /--mount|<<|^# syntax|--link/m);
        });

        it(`${name}: finds what it copies in its context`, () => {
            const recipe = imageRecipes.find((candidate) => candidate.name === name);
            assert.ok(recipe);
            const context = path.join(folder, "context");
            for (const program of Object.keys(recipe.programs ?? {})) {
                write(`built/${program}`);
            }
            const built = path.join(folder, "built");
            layOutContext(
                context,
                contextParts(recipe, sample, () => built),
            );
            for (const [, sources] of text.matchAll(/^COPY (?!--from)(?:--chown=\S+ )?(.+) \S+$/gm)) {
                for (const one of sources.split(" ")) {
                    assert.ok(fs.existsSync(path.join(context, one)), one);
                }
            }
        });
    }
});

describe("build contexts", () => {
    withFolder();

    it("hold each part with the same modes everywhere, without leavings", () => {
        write("a/Dockerfile", "FROM scratch", 0o600);
        write("a/bin/serve", "#!/bin/sh", 0o700);
        write("a/x.pyc");
        write("b/.git/config");
        write("b/module.egg-info/top_level.txt");
        write("b/external/old.jar");
        write("b/setup.py", "", 0o664);
        const context = path.join(folder, "context");
        const parts = { files: path.join(folder, "a"), source: path.join(folder, "b") };
        layOutContext(context, parts);
        const expected = [
            "644 files/Dockerfile",
            "644 source/setup.py",
            "755 files",
            "755 files/bin",
            "755 files/bin/serve",
            "755 source",
        ];
        assert.deepEqual(listing(context), expected);
    });

    it("follow changes, and lose what is gone", () => {
        const kept = write("a/kept", "1");
        const gone = write("a/folder/gone", "1");
        const context = path.join(folder, "context");
        layOutContext(context, { files: path.join(folder, "a"), old: path.join(folder, "a") });
        fs.writeFileSync(kept, "22");
        fs.rmSync(path.dirname(gone), { recursive: true });
        layOutContext(context, { files: path.join(folder, "a") });
        assert.deepEqual(listing(context), ["644 files/kept", "755 files"]);
        assert.equal(fs.readFileSync(path.join(context, "files/kept"), "utf8"), "22");
    });

    it("leave unchanged files alone", () => {
        const kept = write("a/kept", "1");
        // As most files have it: a copy's time can't be set to the nanosecond.
        fs.utimesSync(kept, 1_700_000_000.1234567, 1_700_000_000.7654321);
        const context = path.join(folder, "context");
        layOutContext(context, { files: path.join(folder, "a") });
        // Changes with anything that is written; an inode's number is given to the next file.
        const written = () => fs.statSync(path.join(context, "files/kept"), { bigint: true }).ctimeNs;
        const before = written();
        layOutContext(context, { files: path.join(folder, "a") });
        assert.equal(written(), before);
        fs.utimesSync(kept, 1_700_000_001, 1_700_000_001);
        layOutContext(context, { files: path.join(folder, "a") });
        assert.notEqual(written(), before);
    });
});

describe("host certificates", () => {
    withFolder();

    const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----`;

    it("are collected once each, in the order of their files, without what stands beside them", () => {
        write("b/two.crt", `# comment\n${pem("TWO")}\n${pem("ONE")}\n`);
        write("a.crt", `${pem("ONE")}\n`);
        write("key.pem", pem("NOT A CRT"));
        assert.equal(hostCertificates(folder), `${pem("ONE")}\n${pem("TWO")}`);
    });

    it("may be none", () => {
        assert.equal(hostCertificates(path.join(folder, "absent")), "");
    });
});

describe("source", () => {
    withFolder();

    const settings = (source: string, sourceRef = "main") => ({
        source,
        sourceRef,
        cache: path.join(folder, "cache"),
        memory: path.join(folder, "stack", "source.json"),
    });

    /** A git repository with what must be in a tree. */
    function repository(folders = ["nta.utils", "htmengine", "taurus_metric_collectors", "taurus_engine"]): string {
        for (const name of folders) {
            write(`repository/${name}/setup.py`, "1");
        }
        const git = (...args: string[]) =>
            execFileSync("git", [
                "-c",
                "user.name=n",
                "-c",
                "user.email=e",
                "-C",
                path.join(folder, "repository"),
                ...args,
            ]);
        git("init", "--quiet", "--initial-branch=main");
        git("add", ".");
        git("commit", "--quiet", "--message=first");
        return `file://${path.join(folder, "repository")}`;
    }

    /** Makes git take the public repository from an address of ours. */
    function instead<T>(address: string, action: () => T): Promise<T> {
        const variables = {
            GIT_CONFIG_COUNT: "1",
            GIT_CONFIG_KEY_0: `url.${address}.insteadOf`,
            GIT_CONFIG_VALUE_0: publicRepository,
        };
        return withVariables(variables, action);
    }

    it("sample is a tree that comes with the program", () => {
        assert.deepEqual(resolveSource(settings("sample")), { path: sample, kind: "sample" });
        assert.equal(resolveSource(settings(sample)).kind, "path");
    });

    it("a path that is no tree is an error that names what is missing and what to do", () => {
        write("tree/nta.utils/setup.py");
        write("tree/taurus_engine/setup.py");
        assert.throws(
            () => resolveSource(settings(path.join(folder, "tree"))),
            /nta:source is ".*tree".*has no htmengine\/setup\.py, taurus_metric_collectors\/setup\.py.*pulumi config set/s,
        );
        assert.throws(() => resolveSource(settings(path.join(folder, "absent"))), /there is no folder .*absent/);
    });

    it("a git address is fetched once", () => {
        const address = repository();
        const commit = execFileSync("git", ["-C", path.join(folder, "repository"), "rev-parse", "HEAD"], {
            encoding: "utf8",
        });
        const first = resolveSource(settings(address, commit.trim()));
        assert.ok(fs.existsSync(path.join(first.path, "taurus_engine/setup.py")));
        fs.rmSync(path.join(folder, "repository"), { recursive: true });
        assert.deepEqual(resolveSource(settings(address, commit.trim())), first);
    });

    it("a git address that does not answer is an error that names the settings", () => {
        assert.throws(
            () => resolveSource(settings(`file://${path.join(folder, "absent")}`)),
            /nta:source is "file:.*can't be fetched.*nta:sourceRef.*pulumi config set/s,
        );
    });

    it("auto takes the public repository where it answers, and stays with it", async () => {
        const address = repository();
        const found = await instead(address, () => resolveSource(settings("auto")));
        assert.equal(found.kind, "repository");
        fs.rmSync(path.join(folder, "repository"), { recursive: true });
        assert.deepEqual(await instead(address, () => resolveSource(settings("auto"))), found);
        fs.rmSync(path.join(folder, "cache"), { recursive: true });
        await assert.rejects(
            instead(address, () => resolveSource(settings("auto"))),
            /can't be reached/,
        );
    });

    it("auto takes the sample where the public repository does not answer, and stays with it", async () => {
        const address = `file://${path.join(folder, "repository")}`;
        assert.equal((await instead(address, () => resolveSource(settings("auto")))).kind, "sample");
        repository();
        assert.equal((await instead(address, () => resolveSource(settings("auto")))).kind, "sample");
    });
});
