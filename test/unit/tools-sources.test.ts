import assert from "node:assert/strict";

import { atLeast, expand, parseVersion, pinned } from "../../tools/pinned";
import { Problem } from "../../tools/problem";
import { type Report } from "../../tools/progress";
import { releasePlatform } from "../../tools/pulumi-engine";
import { firstThatWorks, Unavailable } from "../../tools/sources";
import manifest from "../../package.json";

const quiet: Report = Object.assign(() => {}, { note: () => {} });

describe("tools: versions", () => {
    it("are found in what programs print", () => {
        assert.deepEqual(parseVersion("Vagrant 2.3.4\n"), [2, 3, 4]);
        assert.deepEqual(parseVersion("go1.26"), [1, 26, 0]);
        assert.deepEqual(parseVersion("v3.259.0+dirty"), [3, 259, 0]);
        assert.equal(parseVersion("unknown"), undefined);
    });

    it("are compared by number, not by text", () => {
        assert.equal(atLeast("v3.259.0", "3.246.0"), true);
        assert.equal(atLeast("3.246.0", "3.246.0"), true);
        assert.equal(atLeast("3.99.9", "3.246.0"), false);
        assert.equal(atLeast("2.300.0", "3.0.0"), false);
        assert.equal(atLeast("", "1.0.0"), false);
    });

    it("of the plugins are those of the installed SDKs", () => {
        const dependencies: Record<string, string> = manifest.dependencies;
        for (const [name, version] of Object.entries(pinned.plugins)) {
            assert.equal(version, dependencies[`@pulumi/${name}`], name);
        }
    });

    it("fill addresses", () => {
        assert.equal(
            expand(pinned.pulumi.archive, { version: "3.259.0", platform: "linux-x64" }),
            "https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-x64.tar.gz",
        );
    });

    it("of releases exist for the platforms that Pulumi builds", () => {
        assert.equal(releasePlatform("linux", "x64"), "linux-x64");
        assert.equal(releasePlatform("darwin", "arm64"), "darwin-arm64");
        assert.equal(releasePlatform("linux", "riscv64"), undefined);
        assert.equal(releasePlatform("freebsd", "x64"), undefined);
    });
});

describe("tools: sources", () => {
    it("takes the first that has the tool, and asks no further", async () => {
        const asked: string[] = [];
        const source = (name: string, result: string | Unavailable) => ({
            name,
            get: () => {
                asked.push(name);
                return Promise.resolve(result);
            },
        });
        const found = await firstThatWorks<string>(
            "it",
            [source("a", new Unavailable("not here")), source("b", "B"), source("c", "C")],
            quiet,
        );
        assert.deepEqual(found, { source: "b", result: "B" });
        assert.deepEqual(asked, ["a", "b"]);
    });

    it("goes on after a failure and says so", async () => {
        const notes: string[] = [];
        const report = Object.assign(() => {}, { note: (line: string) => notes.push(line) });
        const found = await firstThatWorks<string>(
            "it",
            [
                { name: "a", get: () => Promise.reject(new Error("broken\nmore")) },
                { name: "b", get: () => Promise.resolve("B") },
            ],
            report,
        );
        assert.equal(found.source, "b");
        assert.deepEqual(notes, ["a: broken"]);
    });

    it("names every source when none has it", async () => {
        const failing = firstThatWorks<string>(
            "Pulumi",
            [
                { name: "on this machine", get: () => Promise.resolve(new Unavailable("there is none")) },
                { name: "download", get: () => Promise.reject(new Error("wrong checksum")) },
            ],
            quiet,
        );
        await assert.rejects(failing, (error: Problem) => {
            assert.ok(error instanceof Problem);
            assert.equal(
                error.message,
                "Pulumi could not be had:\n  - on this machine: there is none\n  - download: wrong checksum",
            );
            return true;
        });
    });
});
