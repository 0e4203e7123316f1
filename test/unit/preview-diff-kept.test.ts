import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { KeptDeclaration } from "../../tools/preview-diff/kept-declarations";
import type { Surroundings } from "../../tools/preview-diff/surroundings";
import { setVariables } from "../environment";

const root = path.resolve(__dirname, "../..");
let folder: string;
let restore: () => void;

/** Gives each test of a suite a folder and a cache of its own. */
function withFolder(): void {
    beforeEach(() => {
        folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "nta-kept-")));
        restore = setVariables({ NTA_CACHE: path.join(folder, "cache"), NTA_TEST_LOOKED_AT: undefined });
    });
    afterEach(() => {
        fs.rmSync(folder, { recursive: true, force: true });
        restore();
    });
}

const none: Surroundings = { variables: [], files: [], listed: [], ranPrograms: false };

describe("preview:diff keeps what a commit declares", () => {
    withFolder();
    const keep = (surroundings: Surroundings | undefined, ...decides: string[]) =>
        new KeptDeclaration(decides).write({ surroundings });
    const kept = (...decides: string[]) => new KeptDeclaration(decides).read();

    it("for what decides about it, and nothing else", () => {
        assert.equal(kept("commit", "settings"), undefined);
        keep(none, "commit", "settings");
        assert.deepEqual(kept("commit", "settings"), { surroundings: none });
        for (const others of [["other", "settings"], ["commit", "other"], ["commits", "ettings"], ["commit"]]) {
            assert.equal(kept(...others), undefined, others.join());
        }
    });

    const file = () => path.join(folder, "looked-at");
    const changes: [string, () => void, () => void][] = [
        ["a file's content", () => fs.writeFileSync(file(), "1"), () => fs.writeFileSync(file(), "22")],
        ["a file that appears", () => {}, () => fs.writeFileSync(file(), "")],
        ["a file that goes", () => fs.writeFileSync(file(), ""), () => fs.rmSync(file())],
        [
            "a file somewhere in a folder whose entries it read",
            () => fs.mkdirSync(path.join(file(), "in/it"), { recursive: true }),
            () => fs.writeFileSync(path.join(file(), "in/it/new"), ""),
        ],
        ["a variable", () => (process.env.NTA_TEST_LOOKED_AT = "1"), () => (process.env.NTA_TEST_LOOKED_AT = "2")],
    ];
    for (const [what, prepare, change] of changes) {
        it(`until what its program looked at changes: ${what}`, () => {
            prepare();
            const looked = { ...none, variables: ["NTA_TEST_LOOKED_AT"], files: [file()], listed: [file()] };
            keep(looked, "commit");
            assert.notEqual(kept("commit"), undefined);
            change();
            assert.equal(kept("commit"), undefined);
        });
    }

    it("not, where nobody knows what it depends on", () => {
        keep({ ...none, ranPrograms: true }, "commit");
        keep(undefined, "commit");
        assert.equal(kept("commit"), undefined);
    });
});

describe("preview:diff notes what a program looks at", function () {
    this.timeout(60_000);
    withFolder();

    /** What a program is seen to look at that is run in a process of its own. */
    function seen(program: string): Surroundings {
        const script =
            'const { watchSurroundings } = require("./tools/preview-diff/surroundings");' +
            `const result = watchSurroundings([${JSON.stringify(path.join(folder, "inside"))}]);` +
            `(async () => { ${program} })().then(() => process.stdout.write(JSON.stringify(result())));`;
        const text = execFileSync(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", script], {
            cwd: root,
            encoding: "utf8",
        });
        const { files, listed, ...rest } = JSON.parse(text) as Surroundings;
        const ours = (paths: string[]) =>
            paths.filter((one) => one.startsWith(folder)).map((one) => path.relative(folder, one));
        return { ...rest, files: ours(files), listed: ours(listed) };
    }

    it("by each of fs's ways, outside of what is known", () => {
        fs.mkdirSync(path.join(folder, "inside"));
        for (const name of ["inside/known", "sync", "callback", "promise", "stream"]) {
            fs.writeFileSync(path.join(folder, name), "");
        }
        const at = (name: string) => JSON.stringify(path.join(folder, name));
        const { files, listed, ranPrograms } = seen(
            `const fs = require("node:fs");
            fs.readFileSync(${at("inside/known")});
            fs.readFileSync(${at("sync")});
            fs.existsSync(${at("absent")});
            fs.statSync(new URL("file://" + ${at("by-url")}), { throwIfNoEntry: false });
            fs.readdirSync(${at(".")}, { recursive: true });
            await new Promise((settle) => fs.readFile(${at("callback")}, settle));
            await require("node:fs/promises").readFile(${at("promise")});
            for await (const _ of fs.createReadStream(${at("stream")}));`,
        );
        assert.deepEqual(files, ["", "absent", "by-url", "callback", "promise", "stream", "sync"]);
        assert.deepEqual(listed, [""]);
        assert.equal(ranPrograms, false);
    });

    it("in the environment, and that it runs programs", () => {
        const { variables: names } = seen('process.env.ONE; "TWO" in process.env;');
        assert.ok(names.includes("ONE") && names.includes("TWO"), names.join());
        assert.equal(seen('require("node:child_process").execFileSync("true");').ranPrograms, true);
    });
});
