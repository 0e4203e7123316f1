/** The GitHub workflows, checked by actionlint. */
import * as assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { ensureActionlint } from "../../tools/actionlint";
import { tryCommand } from "../../tools/command";
import { pinned } from "../../tools/pinned";

const root = join(__dirname, "../..");
const folder = join(root, ".github", "workflows");

describe("GitHub workflows", function () {
    // The linter is built once.
    this.timeout(600_000);

    let actionlint: string;

    before(async () => {
        const note = (line: string) => console.log(`    ${line}`);
        actionlint = await ensureActionlint(Object.assign(() => {}, { note }));
    });

    /** What the linter says; without the checks that depend on what else is on this machine. */
    async function lint(name: string, text: string): Promise<string> {
        const line = [actionlint, "-no-color", "-shellcheck=", "-pyflakes=", "-stdin-filename", name, "-"] as const;
        const { code, stdout, stderr } = await tryCommand(line, { cwd: root, input: text });
        assert.equal(stderr, "");
        assert.equal(code === 0, stdout === "", `code ${code}: ${stdout}`);
        return stdout;
    }

    const workflows = readdirSync(folder).sort();

    it("are those that the documentation names", () => {
        assert.deepEqual(workflows, ["ci.yml", "preview.yml"]);
    });

    for (const name of workflows) {
        it(`${name} has no mistakes`, async () => {
            assert.equal(await lint(name, readFileSync(join(folder, name), "utf8")), "");
        });
    }

    it("would be found out: an input, a context and a dependency that do not exist", async () => {
        const text = readFileSync(join(folder, "preview.yml"), "utf8");
        const broken = text
            .replace("fetch-depth: 2", "fetch-deep: 2")
            .replace("vars.PULUMI_STACK != ''", "variables.PULUMI_STACK != ''")
            .replace("  engine:\n", "  engine:\n    needs: nobody\n");
        const found = await lint("preview.yml", broken);
        assert.match(found, /input "fetch-deep" is not defined in action "actions\/checkout@v6"/);
        assert.match(found, /undefined variable "variables"/);
        assert.match(found, /needs job "nobody" which does not exist/);
    });

    it("use the version of the linter's module that is pinned", () => {
        const module = readFileSync(join(root, "tools", "actionlint", "go.mod"), "utf8");
        assert.ok(module.includes(`github.com/rhysd/actionlint v${pinned.actionlint.version}`));
    });
});
