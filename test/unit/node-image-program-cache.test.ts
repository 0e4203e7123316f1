import * as assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kubernetesVersions } from "../../node-image/kubernetes-versions";
import { setKey } from "../../node-image/program-set";
import { ensureSet } from "../../node-image/programs";
import { programSet } from "./node-image-program-set";

describe("node image: programs", () => {
    let work: string;

    beforeEach(() => {
        work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
    });
    afterEach(() => rmSync(work, { recursive: true }));

    /** A folder from which a program is taken. */
    function folderWith(program: string): string {
        const given = join(work, "given");
        mkdirSync(given);
        writeFileSync(join(given, program), "a program");
        return given;
    }

    it("are found in the cache, and made again when they are damaged there", async () => {
        const given = folderWith("pause");
        const lines: string[] = [];
        const ensure = () => ensureSet(programSet("pause"), "amd64", work, (line) => lines.push(line), given);
        const { folder: made, source } = await ensure();
        assert.equal(source, "given");
        assert.equal((await ensure()).source, undefined);
        assert.deepEqual(lines, []);
        assert.equal(readFileSync(join(work, "bin", "pause"), "utf8"), "a program");
        assert.equal(statSync(join(work, "bin", "pause")).mode & 0o777, 0o755);

        writeFileSync(join(made, "pause"), "b program");
        assert.equal((await ensure()).source, "given");
        assert.deepEqual(lines, [`pause: ${join(made, "pause")} in the cache is corrupt; it is made again`]);
        assert.equal(readFileSync(join(work, "bin", "pause"), "utf8"), "a program");
    });

    it("of earlier versions do not stay in the cache", async () => {
        const given = folderWith("pause");
        mkdirSync(join(work, "programs", "pause-0123456789ab"), { recursive: true });
        mkdirSync(join(work, "programs", "pausebutton-0123456789ab"));
        await ensureSet(programSet("pause"), "amd64", work, () => {}, given);
        assert.deepEqual(readdirSync(join(work, "programs")).sort(), [
            `pause-${setKey(programSet("pause"), "amd64")}`,
            "pausebutton-0123456789ab",
        ]);
    });

    it("of other versions of Kubernetes do", async () => {
        const given = folderWith("etcd");
        const sets = kubernetesVersions.map((version) => programSet("etcd", "amd64", version));
        for (const set of sets) {
            await ensureSet(set, "amd64", work, () => {}, given);
        }
        assert.deepEqual(
            readdirSync(join(work, "programs")).sort(),
            sets.map((set) => `etcd-${setKey(set, "amd64")}`).sort(),
        );
    });
});
