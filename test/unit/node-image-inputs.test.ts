import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hashes } from "../../node-image/build";
import { digestOfFiles } from "../../node-image/inputs";
import { linkerFlags, setKey } from "../../node-image/program-set";
import { programSet } from "./node-image-program-set";

const folder = join(__dirname, "..", "..", "node-image");
const sha256 = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");

describe("node image: inputs", () => {
    it("names a set by what it is made from", () => {
        const pause = programSet("pause");
        assert.equal(setKey(pause, "amd64"), setKey(programSet("pause"), "amd64"));
        assert.notEqual(setKey(pause, "amd64"), setKey(pause, "arm64"));
        assert.notEqual(
            setKey(pause, "amd64"),
            setKey({ ...pause, module: join(folder, "modules", "cni-flannel") }, "amd64"),
        );
        assert.notEqual(setKey(pause, "amd64"), setKey({ ...pause, variables: { "main.version": "2" } }, "amd64"));
    });

    it("pins another version's sources beside the default's, of which it changes nothing", () => {
        const work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            for (const name of ["go.mod", "go.sum", "main.go"]) {
                writeFileSync(join(work, name), name);
            }
            const first = { ...programSet("coredns"), module: work };
            const next = { ...first, modFile: "2.0.0.mod" };
            const [alone, base] = [setKey(first, "amd64"), digestOfFiles(work)];
            assert.equal(
                alone,
                sha256(JSON.stringify(["amd64", first.packages, linkerFlags(first), first.releases, base])).slice(
                    0,
                    12,
                ),
            );
            writeFileSync(join(work, "2.0.0.mod"), "a");
            writeFileSync(join(work, "2.0.0.sum"), "a");
            assert.equal(setKey(first, "amd64"), alone);
            const before = setKey(next, "amd64");
            assert.notEqual(before, alone);
            writeFileSync(join(work, "2.0.0.sum"), "b");
            assert.notEqual(setKey(next, "amd64"), before);
        } finally {
            rmSync(work, { recursive: true });
        }
    });

    it("names root file system and image by what they are made from", () => {
        assert.notEqual(hashes("amd64").rootfs, hashes("amd64", "1.35.4").rootfs);
        assert.deepEqual(hashes("amd64"), hashes("amd64"));
        assert.notEqual(hashes("amd64").rootfs, hashes("arm64").rootfs);
        assert.notEqual(hashes("amd64").image, hashes("arm64").image);
        assert.match(hashes("amd64").image, /^[0-9a-f]{12}$/);
    });
});

describe("node image: digest of files", () => {
    it("sees contents, names and the executable bit, and nothing else", () => {
        const base = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            mkdirSync(join(base, "a"));
            writeFileSync(join(base, "a", "one"), "1");
            chmodSync(join(base, "a", "one"), 0o644);
            const first = digestOfFiles(base);
            utimesSync(join(base, "a", "one"), 1, 1);
            chmodSync(join(base, "a", "one"), 0o600);
            assert.equal(digestOfFiles(base), first);
            chmodSync(join(base, "a", "one"), 0o755);
            const executable = digestOfFiles(base);
            assert.notEqual(executable, first);
            writeFileSync(join(base, "a", "one"), "2");
            const changed = digestOfFiles(base);
            assert.notEqual(changed, executable);
            writeFileSync(join(base, "a", "two"), "");
            assert.notEqual(digestOfFiles(base), changed);
        } finally {
            rmSync(base, { recursive: true });
        }
    });
});
