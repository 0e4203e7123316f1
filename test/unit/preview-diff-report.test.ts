import * as assert from "node:assert/strict";

import type { ResourceChange } from "../../tools/preview-diff/comparison";
import { maskedSecret } from "../../tools/preview-diff/declaration";
import { jsonReport, type PreviewDifference } from "../../tools/preview-diff/difference";
import { commentLimit, markdownReport } from "../../tools/preview-diff/report";

/** GitHub's own limit. */
const githubLimit = 65_536;

function difference(change: Partial<PreviewDifference> = {}): PreviewDifference {
    return {
        stack: "dev",
        base: { ref: "origin/main", commit: "0123456789abcdef0123456789abcdef01234567" },
        head: {},
        notes: [],
        settings: [],
        dependencies: [],
        images: [],
        resources: [],
        outputs: [],
        ...change,
    };
}

function change(
    operation: ResourceChange["operation"],
    name: string,
    more: Partial<ResourceChange> = {},
): ResourceChange {
    const type = "kubernetes:core/v1:Secret";
    const urn = `urn:pulumi:dev::nta::${type}::${name}`;
    return { operation, urn, type, name, reasons: [], properties: [], protected: false, ...more };
}

const example = difference({
    notes: ["The source is `auto`."],
    settings: [
        { name: "memory", before: "4096", after: "8192" },
        { name: "registryPassword", before: "[secret]", after: "[secret]" },
        { name: "jobs", before: "[]", after: '[{"command":"a | b"}]' },
    ],
    dependencies: [{ name: "diff", after: "9.0.0" }],
    images: [
        {
            name: "images-mysql",
            operation: "rebuilt",
            reasons: ["stands on `images-base`"],
            files: [
                { path: "files/server.cnf", change: "changed" },
                { path: "files/new", change: "added" },
            ],
        },
    ],
    outputs: [{ path: "registry", before: "a", after: "b" }],
    resources: [
        change("add", "new", { properties: [{ path: "data.key", after: maskedSecret("0123") }] }),
        change("same", "same"),
        change("change", "changed", {
            properties: [
                { path: "spec.replicas", before: 1, after: 2 },
                { path: "data", before: "a\nb\nc\n", after: "a\nB\nc\n" },
            ],
        }),
        change("remove", "old", { protected: true }),
        change("replace", "pass<word>", {
            formerly: "kubernetes:core/v1:Secret before",
            reasons: [
                { kind: "immutable", path: "data", text: "`data` of a Secret can't be changed in place" },
                { kind: "replaceOnChanges", path: "data", text: "the program asks for it when `data` changes" },
            ],
            properties: [{ path: "data", before: maskedSecret("1"), after: maskedSecret("2") }],
        }),
    ],
});

describe("preview:diff's report", () => {
    it("has a summary as first line, and then everything that changes, the most dangerous first", () => {
        assert.equal(
            markdownReport(example),
            `**Preview of stack \`dev\`: 1 to replace, 1 to remove, 1 to change, 1 to add**, 1 unchanged

What the program declares in the working tree, against \`origin/main\` (0123456). No cluster was asked.

- The source is \`auto\`.

### Settings

| setting | before | after |
| --- | --- | --- |
| \`memory\` | \`4096\` | \`8192\` |
| \`registryPassword\` | \`[secret]\` | \`[secret]\` |
| \`jobs\` | \`[]\` | \`[{"command":"a \\| b"}]\` |

### Dependencies

| package | before | after |
| --- | --- | --- |
| \`diff\` | – | \`9.0.0\` |

### Images

- \`images-mysql\` rebuilt: stands on \`images-base\`; 2 files: \`files/server.cnf\`, \`files/new\` (added)

Digests below are made from what an image is built from; the registry's will be others.

### Outputs

\`\`\`diff
- registry: "a"
+ registry: "b"
\`\`\`

### Resources

<details><summary><b>replace</b> pass&lt;word&gt; <code>kubernetes:core/v1:Secret</code></summary>

It was \`kubernetes:core/v1:Secret before\` before.

Replaced: \`data\` of a Secret can't be changed in place; the program asks for it when \`data\` changes.

\`\`\`diff
- data: [secret]
+ data: [secret]
\`\`\`

</details>

<details><summary><b>remove</b> old <code>kubernetes:core/v1:Secret</code></summary>

It is protected: the engine will refuse this.

</details>

<details><summary><b>change</b> changed <code>kubernetes:core/v1:Secret</code></summary>

\`\`\`diff
- spec.replicas: 1
+ spec.replicas: 2
@@ data, line 1 before, 1 now @@
 a
-b
+B
 c
\`\`\`

</details>

<details><summary><b>add</b> new <code>kubernetes:core/v1:Secret</code></summary>

\`\`\`diff
+ data.key: [secret]
\`\`\`

</details>
`,
        );
    });

    it("says in one line that nothing changes", () => {
        const [first] = markdownReport(difference({ resources: [change("same", "a")] })).split("\n");
        assert.equal(first, "**Preview of stack `dev`: no resource changes**, 1 unchanged");
    });

    it("stays below GitHub's limit however much changes, and counts what it leaves out", () => {
        const long = { path: "data", before: Array(6).fill("x".repeat(500)), after: "y".repeat(900) };
        const resources = Array.from({ length: 60 }, (_, index) =>
            change(index < 50 ? "change" : "replace", `resource-${String(index).padStart(3, "0")}`, {
                properties: [long],
            }),
        );
        const report = markdownReport(difference({ resources }));
        assert.ok(report.length <= commentLimit, `${report.length} characters`);
        assert.ok(commentLimit < githubLimit);
        const shown = report.match(/<details>/g)?.length ?? 0;
        const closed = report.match(/<\/details>/g)?.length ?? 0;
        assert.ok(shown >= 10 && shown < 60, `${shown} shown`);
        assert.equal(closed, shown);
        // All ten replacements come first.
        assert.match(
            report,
            new RegExp(`\\*\\*${60 - shown} more resources are left out here\\*\\* \\(${60 - shown} to change\\)`),
        );
        assert.match(report.split("\n")[0], /10 to replace, 0 to remove, 50 to change/);
        const all = markdownReport(difference({ resources }), 0);
        assert.equal(all.match(/<details>/g)?.length, 60);
    });

    it("stays below the limit with any number of settings, images, files and outputs", () => {
        const many = Array.from({ length: 3000 }, (_, index) => index);
        const value = "v".repeat(5000);
        const report = markdownReport(
            difference({
                settings: many.map((index) => ({ name: `s${index}`, before: value, after: value })),
                images: many.map((index) => ({ name: `i${index}`, operation: "rebuilt", reasons: [], files: [] })),
                outputs: many.map((index) => ({ path: `o${index}`, before: value, after: "" })),
                resources: [change("remove", "old")],
            }),
        );
        assert.ok(report.length <= commentLimit, `${report.length} characters`);
        assert.match(report, /\| `s39` .*\|\n\nand 2960 more\n\n### Images/);
        assert.match(report, /- `i39` rebuilt\n\nand 2960 more\n/);
        assert.match(report, /… \(\d+ more characters\)\n\+ o\d+: ""\n```\n\nand (\d+) more lines\n\n### Resources/);
        assert.ok(report.includes("<b>remove</b> old"));
    });

    it("cuts one resource's long list, with a count", () => {
        const properties = Array.from({ length: 500 }, (_, index) => ({ path: `p${index}`, after: index }));
        const report = markdownReport(difference({ resources: [change("add", "a", { properties })] }));
        assert.match(report, /\+ p199: 199\n```\n\nand 300 more lines\n/);
    });

    it("can't be broken by what is in a value: backticks, tags, line breaks", () => {
        const properties = [{ path: "text", after: "a\n```\n</details>\n" }];
        const settings = [{ name: "x", before: "`tick`", after: "a\nb" }];
        const report = markdownReport(difference({ settings, resources: [change("add", "a", { properties })] }));
        assert.match(report, /\n````diff\n\+ text: \|\n\+ {5}a\n\+ {5}```\n\+ {5}<\/details>\n````\n/);
        assert.ok(report.includes("| `x` | `` `tick` `` | `a b` |"));
    });

    it("says that the base does not run, and still shows the working tree", () => {
        const base = { ...difference().base, error: 'index.ts:1:2: Unexpected "}"' };
        const report = markdownReport(difference({ base, resources: [change("add", "a"), change("add", "b")] }));
        const [first] = report.split("\n");
        assert.equal(first, "**Preview of stack `dev`: 2 resources declared**, not compared");
        assert.match(report, /The program at `origin\/main` fails.*\n\n```\nindex\.ts:1:2: Unexpected "}"\n```/);
        assert.match(report, /<b>add<\/b> b /);
    });

    it("says that the working tree's program does not run", () => {
        const [first, , , , told, , , error] = markdownReport(difference({ head: { error: "no such setting" } })).split(
            "\n",
        );
        assert.equal(first, "**Preview of stack `dev`: the program does not run**");
        assert.equal(told, "**The program of the working tree fails:**");
        assert.equal(error, "no such setting");
    });

    it("as JSON has counts and every change, without what is secret or the same", () => {
        const report = JSON.parse(jsonReport(example)) as Record<string, unknown> & { resources: ResourceChange[] };
        assert.equal(report["version"], 1);
        assert.deepEqual(report["summary"], { add: 1, change: 1, replace: 1, remove: 1, same: 1 });
        assert.deepEqual(
            report.resources.map(({ name }) => name),
            ["new", "changed", "old", "pass<word>"],
        );
        assert.deepEqual(report.resources[3].properties, [{ path: "data", before: "[secret]", after: "[secret]" }]);
        assert.deepEqual(report["base"], example.base);
        assert.deepEqual(report["settings"], example.settings);
    });
});
