/** The docker plugin's pure parts: ignore files, image names, the digest and the archive of a build context. */
import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { extract } from "tar-stream";

import { contextArchive, contextDigest, readBuildContext } from "../../plugins/docker/build-context";
import { DockerIgnore } from "../../plugins/docker/dockerignore";
import { parseImageName, registryHost } from "../../plugins/docker/image-name";

describe("dockerignore", () => {
    const cases: [string, string[], string[]][] = [
        ["# comment\n\n*.log", ["a.log"], ["sub/a.log", "# comment", "alog"]],
        ["**/*.log", ["a.log", "deep/er/a.log"], ["a.logs"]],
        ["/build/", ["build", "build/a/b"], ["sub/build"]],
        ["*/temp*", ["sub/temporary", "sub/temp/x"], ["temp", "a/b/temp"]],
        ["temp?", ["temp1"], ["temp", "temp12"]],
        ["*.md\n!README.md", ["other.md"], ["README.md"]],
        ["*\n!src\nsrc/*.o", ["a", "src/x.o"], ["src", "src/x.c"]],
        ["a[0-9]", ["a1"], ["ax"]],
        ["docs/**", ["docs/a", "docs/a/b"], ["docs"]],
        [".", [], ["a"]],
        ["  spaced  ", ["spaced"], []],
        ["./a/../b", ["b"], ["a"]],
    ];
    for (const [text, excluded, kept] of cases) {
        it(JSON.stringify(text), () => {
            const ignore = new DockerIgnore(text);
            assert.deepEqual(
                excluded.filter((path) => !ignore.excludes(path)),
                [],
                "should be left out",
            );
            assert.deepEqual(
                kept.filter((path) => ignore.excludes(path)),
                [],
                "should be kept",
            );
        });
    }

    it("names a line that is no pattern", () => {
        assert.throws(() => new DockerIgnore("ok\n[a"), /"\[a" is no valid pattern/);
    });
});

describe("image names", () => {
    it("are taken apart", () => {
        assert.deepEqual(parseImageName("localhost:5000/team/app:v1"), {
            host: "localhost:5000",
            repository: "team/app",
            tag: "v1",
            digest: undefined,
        });
        assert.deepEqual(parseImageName("debian"), {
            host: "docker.io",
            repository: "library/debian",
            tag: undefined,
            digest: undefined,
        });
        const digest = `sha256:${"a".repeat(64)}`;
        assert.equal(parseImageName(`r.example/a:b@${digest}`).digest, digest);
        assert.equal(parseImageName("[::1]:5000/a").host, "[::1]:5000");
        assert.equal(parseImageName("user/app").host, "docker.io");
    });
    it("are refused with a reason", () => {
        assert.throws(() => parseImageName("r.example/App"), /lower-case/);
        assert.throws(() => parseImageName("r.example/app:-x"), /"-x" is no tag/);
        assert.throws(() => parseImageName("r_.example/app"), /is no registry host/);
        assert.throws(() => parseImageName("app@sha256:12"), /is no digest/);
        assert.throws(() => parseImageName(""), /no image name/);
    });
    it("know their registry", () => {
        assert.equal(registryHost("https://index.docker.io/v1/"), "docker.io");
        assert.equal(registryHost("https://r.example:5000/v2/"), "r.example:5000");
    });
});

describe("build context", () => {
    let folder: string;
    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "nta-context-"));
        mkdirSync(join(folder, "sub"));
        writeFileSync(join(folder, "Dockerfile"), "FROM scratch\n");
        writeFileSync(join(folder, "sub", "run"), "x".repeat(3 * 1024 * 1024));
        chmodSync(join(folder, "sub", "run"), 0o711);
        symlinkSync("sub/run", join(folder, "link"));
        writeFileSync(join(folder, ".dockerignore"), "Dockerfile\n");
    });
    afterEach(() => rmSync(folder, { recursive: true, force: true }));

    const digestOf = async (dockerfile = join(folder, "Dockerfile")): Promise<string> =>
        contextDigest(await readBuildContext(folder, dockerfile));

    it("has the digest that the official provider computes for plain modes", async () => {
        rmSync(join(folder, "link"));
        const sha = (text: string): Buffer => createHash("sha256").update(text).digest();
        const zero = Buffer.from([0]);
        const expected = createHash("sha256").update(
            Buffer.concat([
                Buffer.from("Dockerfile----------"),
                sha("FROM scratch\n"),
                zero,
                Buffer.from(".dockerignore-rw-r--r--"),
                sha("Dockerfile\n"),
                zero,
                Buffer.from("sub/run-rwxr-xr-x"),
                sha("x".repeat(3 * 1024 * 1024)),
                zero,
            ]),
        );
        assert.equal(await digestOf(), expected.digest("hex"));
    });

    it("ignores umask and notices names, links and the executable bit", async () => {
        const before = await digestOf();
        chmodSync(join(folder, "sub", "run"), 0o755);
        assert.equal(await digestOf(), before);
        chmodSync(join(folder, "sub", "run"), 0o644);
        assert.notEqual(await digestOf(), before);
        chmodSync(join(folder, "sub", "run"), 0o755);
        rmSync(join(folder, "link"));
        symlinkSync("nowhere", join(folder, "link"));
        assert.notEqual(await digestOf(), before);
    });

    async function archived(dockerfile: string): Promise<{ dockerfile: string; entries: string[] }> {
        const archive = await contextArchive(await readBuildContext(folder, dockerfile));
        const entries: string[] = [];
        const reader = extract();
        archive.stream.pipe(reader);
        for await (const entry of reader) {
            const { name, mode, uid, gid, size, linkname } = entry.header;
            entries.push([name, mode?.toString(8), uid, gid, size, linkname ?? ""].join(" ").trim());
            entry.resume();
        }
        return { dockerfile: archive.dockerfile, entries };
    }

    it("is archived with normalised modes and the Dockerfile, even an ignored one", async () => {
        assert.deepEqual(await archived(join(folder, "Dockerfile")), {
            dockerfile: "Dockerfile",
            entries: [
                "Dockerfile 644 0 0 13",
                ".dockerignore 644 0 0 11",
                "link 777 0 0 0 sub/run",
                "sub/ 755 0 0 0",
                "sub/run 755 0 0 3145728",
            ],
        });
    });

    it("takes a Dockerfile from elsewhere, with its own ignore file", async () => {
        const outside = mkdtempSync(join(tmpdir(), "nta-dockerfile-"));
        try {
            writeFileSync(join(outside, "My.Dockerfile"), "FROM scratch\n");
            writeFileSync(join(outside, "My.Dockerfile.dockerignore"), "sub\nlink\n");
            const { dockerfile, entries } = await archived(join(outside, "My.Dockerfile"));
            assert.match(dockerfile, /^\.dockerfile\.[0-9a-f]{20}$/);
            assert.deepEqual(entries, [
                `${dockerfile} 644 0 0 13`,
                ".dockerignore 644 0 0 11",
                "Dockerfile 644 0 0 13",
            ]);
        } finally {
            rmSync(outside, { recursive: true, force: true });
        }
    });
});
