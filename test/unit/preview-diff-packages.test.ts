import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import { createRequire } from "node:module";
import * as os from "node:os";
import * as path from "node:path";

import { bundle } from "../../tools/bundle.cjs";
import { packPackages } from "../../tools/preview-diff/packed-packages";
import { setVariables } from "../environment";

const folder = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "nta (packages) ")));
after(() => fs.rmSync(folder, { recursive: true, force: true }));

function write(name: string, text: string): string {
    const file = path.join(folder, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file, text);
    return file;
}

describe("preview:diff bundles a program", () => {
    it("whose modules still know where they stood, and names the packages that it needs", async () => {
        const entry = write(
            "program/index.ts",
            'import * as one from "one";\nimport { deep } from "@scope/two/deep";\nimport "node:fs";\n' +
                'import { here } from "./part/here";\nexport const found = [one, deep, here];\n',
        );
        write("program/part/here.ts", "export const here: string[] = [__dirname, __filename];\n");
        const { text, packages } = await bundle(entry, path.join(folder, "program"));
        assert.deepEqual(packages.sort(), ["@scope/two/deep", "one"]);
        const part = path.join(folder, "program", "part");
        write("elsewhere/node_modules/one/index.js", "");
        write("elsewhere/node_modules/@scope/two/deep.js", "exports.deep = 2;");
        const file = write("elsewhere/bundle.js", text);
        const { found } = createRequire(file)(file) as { found: unknown[] };
        assert.deepEqual(found.slice(1), [2, [part, path.join(part, "here.ts")]]);
    });

    it("says where it does not compile", async () => {
        const entry = write("broken/index.ts", "const ok = 1;\nconst = 2;\n");
        await assert.rejects(bundle(entry, path.join(folder, "broken")), /^Error: index\.ts:2:7: /);
    });
});

describe("preview:diff packs Node packages", () => {
    const cache = path.join(folder, "cache");
    const packages = { folder: path.join(folder, "node_modules"), locked: "one 1" };
    let restore: () => void;
    beforeEach(() => {
        restore = setVariables({ NTA_CACHE: cache });
        write("node_modules/one/index.js", 'exports.value = require("./part").value;');
        write("node_modules/one/part.js", "exports.value = 1;");
    });
    afterEach(() => {
        restore();
        fs.rmSync(cache, { recursive: true, force: true });
    });

    const valueIn = (file: string | undefined): number => {
        assert.ok(file !== undefined);
        const packed = createRequire(file)(file) as Record<string, () => { value: number }>;
        assert.deepEqual(Object.keys(packed), ["one"]);
        return packed.one().value;
    };

    it("once for each set of packages, names, and nothing else", async () => {
        const first = await packPackages(["one", "one"], packages);
        assert.equal(valueIn(first), 1);
        write("node_modules/one/part.js", "exports.value = 2;");
        assert.equal(await packPackages(["one"], packages), first, "the lock file is what counts");
        const second = await packPackages(["one"], { ...packages, locked: "one 2" });
        assert.notEqual(second, first);
        assert.equal(valueIn(second), 2);
        write("node_modules/two/index.js", "");
        assert.ok(![first, second].includes(await packPackages(["one", "two"], packages)));
    });

    it("both sides at once, whole", async () => {
        const [left, right] = await Promise.all([packPackages(["one"], packages), packPackages(["one"], packages)]);
        assert.equal(left, right);
        assert.equal(valueIn(left), 1);
        assert.deepEqual(fs.readdirSync(path.dirname(left as string)), [path.basename(left as string)]);
    });

    it("not, where one of them can't be packed", async () => {
        write("node_modules/native/index.js", 'require("./native.node");');
        write("node_modules/native/native.node", "");
        assert.equal(await packPackages(["one", "native"], packages), undefined);
    });

    it("and lets go of those that were made long ago", async () => {
        const old = await packPackages(["one"], packages);
        assert.ok(old !== undefined);
        const longAgo = new Date(Date.now() - 31 * 24 * 60 * 60 * 1000);
        fs.utimesSync(old, longAgo, longAgo);
        await packPackages(["one"], { ...packages, locked: "one 3" });
        assert.ok(!fs.existsSync(old));
    });
});
