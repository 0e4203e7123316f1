import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** Another process, as another `pulumi` run has. Resolves to its exit code and what it said. */
function runScript(script: string, ...args: string[]): Promise<{ code: number | null; said: string }> {
    const line = ["--require", "ts-node/register/transpile-only", "--eval", script, ...args];
    const child = spawn(process.execPath, line, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    return new Promise((resolve, reject) => {
        child.on("error", reject);
        child.on("close", (code) => resolve({ code, said }));
    });
}

const loaded = `
    const { layOutContext } = require("${path.resolve(__dirname, "../../components/images/build-context")}");
    const { existsSync, writeFileSync } = require("node:fs");
    const pause = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
    const [root, own, other] = process.argv.slice(1);
`;

/** Lays out one context after the other, each at the moment at which the other process begins with it as well. */
const inStep = `
    ${loaded}
    for (let round = 0; round < 150; round++) {
        writeFileSync(\`\${root}/\${own}.\${round}\`, "");
        const began = Date.now();
        while (!existsSync(\`\${root}/\${other}.\${round}\`)) {
            if (Date.now() - began > 30000) throw new Error("the other run has ended");
            pause(0.1);
        }
        layOutContext(\`\${root}/contexts/\${round}\`, { files: \`\${root}/source\` });
    }
`;

/** Lays out one context over and over, from one source and from another. */
const backAndForth = `
    ${loaded}
    for (let round = 0; round < 150; round++) {
        layOutContext(\`\${root}/context\`, { files: \`\${root}/\${round % 2 === 0 ? own : other}\` });
    }
`;

describe("build contexts of two runs at once", function () {
    this.timeout(120_000);
    let root: string;

    beforeEach(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), "nta-contexts-"))));
    afterEach(() => fs.rmSync(root, { recursive: true }));

    function source(name: string, content: Buffer): void {
        for (const file of ["Dockerfile", "bin/serve", "bin/ready", "conf/a/one", "conf/a/two", "conf/b/three"]) {
            const target = path.join(root, name, file);
            fs.mkdirSync(path.dirname(target), { recursive: true });
            fs.writeFileSync(target, content);
        }
    }

    it("are laid out by both, whole", async () => {
        source("source", Buffer.alloc(20_000, "a"));
        fs.symlinkSync("serve", path.join(root, "source/bin/link"));
        const runs = await Promise.all([runScript(inStep, root, "one", "two"), runScript(inStep, root, "two", "one")]);
        assert.deepEqual(runs, [
            { code: 0, said: "" },
            { code: 0, said: "" },
        ]);
        const names = fs.readdirSync(path.join(root, "source"), { recursive: true, encoding: "utf8" }).sort();
        for (let round = 0; round < 150; round++) {
            const copy = path.join(root, "contexts", String(round), "files");
            assert.deepEqual(fs.readdirSync(copy, { recursive: true, encoding: "utf8" }).sort(), names);
        }
        const beside = fs.readdirSync(path.join(root, "contexts"));
        assert.equal(beside.length, 150, "neither locks nor half-made files are left");
    });

    it("are read whole by one while the other lays them out", async () => {
        // Of other sizes: files of one size that were written at the same moment are taken for the same.
        const contents = ["a", "b"].map((letter, index) => Buffer.alloc(200_000 + index, letter));
        source("a", contents[0]);
        source("b", contents[1]);
        let done = false;
        const writing = runScript(backAndForth, root, "a", "b").finally(() => (done = true));
        const file = path.join(root, "context/files/bin/serve");
        const seen = { a: 0, b: 0, neither: 0 };
        while (!done) {
            if (seen.a + seen.b > 0 || fs.existsSync(file)) {
                const read = fs.existsSync(file) ? fs.readFileSync(file) : undefined;
                const which = contents.findIndex((content) => read?.equals(content));
                seen[which === 0 ? "a" : which === 1 ? "b" : "neither"]++;
            }
            await new Promise((resolve) => setImmediate(resolve));
        }
        assert.deepEqual(await writing, { code: 0, said: "" });
        assert.equal(seen.neither, 0, "the file was missing, or not whole");
        assert.ok(seen.a > 0 && seen.b > 0, `each source's was read: ${seen.a} and ${seen.b} times`);
    });
});
