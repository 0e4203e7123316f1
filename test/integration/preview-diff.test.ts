/** `npm run preview:diff` as a user runs it, on a git repository with this project in it. */
import * as assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

const repository = path.resolve(__dirname, "../..");

interface Run {
    code: number | null;
    stdout: string;
    stderr: string;
}

interface Report {
    summary: Record<string, number>;
    base: { ref: string; commit: string; error?: string };
    head: { error?: string };
    settings: { name: string; before?: string; after?: string }[];
    dependencies: { name: string; before?: string; after?: string }[];
    images: { name: string; operation: string; reasons: string[]; files: { path: string; change: string }[] }[];
    outputs: { path: string; before?: unknown; after?: unknown }[];
    resources: {
        operation: string;
        type: string;
        name: string;
        reasons: { kind: string; text: string }[];
        properties: { path: string; before?: unknown; after?: unknown }[];
    }[];
}

describe("npm run preview:diff", function () {
    this.timeout(300_000);

    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta preview-diff-"));
    const project = path.join(folder, "nta");
    const temporary = path.join(folder, "tmp");

    const file = (name: string) => path.join(project, name);
    const edit = (name: string, change: (text: string) => string, root = project) => {
        const before = fs.readFileSync(path.join(root, name), "utf8");
        const after = change(before);
        assert.notEqual(after, before, `the edit of ${name} changes it`);
        fs.writeFileSync(path.join(root, name), after);
    };
    const git = (...args: string[]) =>
        execFileSync("git", ["-c", "user.name=t", "-c", "user.email=t@example.com", ...args], {
            cwd: project,
            encoding: "utf8",
        });
    /**
     * A tag with changes on top of the base, made beside the working tree: its packages are this checkout's own, and a
     * lock file of another version in it would have them installed anew.
     */
    const tag = (name: string, change: (root: string) => void) => {
        const root = path.join(folder, name);
        git("worktree", "add", "--quiet", "--detach", root, "base");
        change(root);
        git("-C", root, "commit", "--quiet", "--all", "--message", name);
        git("-C", root, "tag", name);
        git("worktree", "remove", "--force", root);
    };

    function preview(...args: string[]): Run {
        const { status, stdout, stderr } = spawnSync("npm", ["run", "--silent", "preview:diff", "--", ...args], {
            cwd: project,
            encoding: "utf8",
            env: {
                ...process.env,
                NTA_CACHE: path.join(folder, "cache"),
                NTA_STATE: path.join(folder, "state"),
                TMPDIR: temporary,
            },
        });
        return { code: status, stdout, stderr };
    }

    function report(...args: string[]): Report {
        const { code, stdout, stderr } = preview("--json", ...args);
        assert.equal(stderr, "");
        assert.equal(code, 0, stdout);
        return JSON.parse(stdout) as Report;
    }

    before(() => {
        fs.mkdirSync(temporary);
        const listed = execFileSync("git", ["-C", repository, "ls-files", "-coz", "--exclude-standard"], {
            encoding: "utf8",
        });
        for (const name of listed
            .split("\0")
            .filter((one) => fs.existsSync(path.join(repository, one)) && one !== "")) {
            fs.mkdirSync(path.dirname(file(name)), { recursive: true });
            fs.copyFileSync(path.join(repository, name), file(name));
        }
        fs.symlinkSync(path.join(repository, "node_modules"), file("node_modules"));
        git("init", "--quiet", "--initial-branch=main");
        fs.appendFileSync(file(".git/info/exclude"), "node_modules\n");
        git("add", "--all");
        git("commit", "--quiet", "--message", "base");
        git("tag", "base");
    });
    after(() => fs.rmSync(folder, { recursive: true, force: true }));
    afterEach(() => {
        git("reset", "--quiet", "--hard", "base");
        git("clean", "--quiet", "--force", "-d");
        const left = fs.readdirSync(temporary).filter((name) => name.startsWith("nta-"));
        assert.deepEqual(left, [], "nothing is left in the temporary folder");
        assert.ok(!fs.existsSync(path.join(folder, "state")), "no state is written");
    });

    it("finds nothing where nothing changed", () => {
        const { code, stdout } = preview("--base", "main");
        assert.equal(code, 0);
        assert.match(stdout.split("\n")[0], /^\*\*Preview of stack `dev`: no resource changes\*\*, [5-9]\d unchanged$/);
    });

    describe("with changes of many kinds in the working tree", () => {
        let found: Report;
        const resource = (name: string) => {
            const one = found.resources.find((candidate) => candidate.name === name);
            assert.ok(one, `${name} is in the report`);
            return one;
        };

        before(() => {
            const git = () => execFileSync("git", ["status", "--porcelain"], { cwd: project, encoding: "utf8" });
            edit("Pulumi.dev.yaml", (text) => `${text}  nta:memory: 8192\n`);
            edit("images/htmengine/Dockerfile", (text) => `${text}# one more line\n`);
            edit("cloud-init/files/nta-node.sh", (text) => text.replace("set -eu", "set -eu\n# a changed script"));
            edit("components/taurus/schema.ts", (text) =>
                text.replace("containers: [", "hostNetwork: false, containers: ["),
            );
            edit("index.ts", (text) =>
                text.replace(
                    "export const kubeconfig",
                    'import { Secret } from "@pulumi/kubernetes/core/v1";\n' +
                        'new Secret("hidden", { metadata: { name: "hidden" }, stringData: { key: "plain-in-the-program" } },\n' +
                        '    { provider: cluster.provider });\nexport const password = pulumi.secret("secret-output");\n' +
                        "export const kubeconfig",
                ),
            );
            edit("package.json", (text) => text.replace(/"zod": "[^"]+"/, '"zod": "99.0.0"'));
            const status = git();
            // The packages do not fit package.json now, which nothing asks for: what counts is the lock file.
            found = report("--base", "base");
            assert.equal(git(), status, "the checkout is as it was");
            const again = ["--base", "base"];
            const [first, second] = [preview(...again), preview(...again)];
            assert.equal(first.stdout, second.stdout, "the same bytes");
            markdown = first.stdout;
        });
        let markdown: string;

        // One run is looked at from many sides: the outer afterEach resets the tree, which no test here needs.
        it("counts them", () => {
            const { same, ...summary } = found.summary;
            assert.deepEqual(summary, { add: 1, change: 4, replace: 3, remove: 0 });
            assert.ok(same > 40, `${same} the same`);
            assert.match(markdown, /^\*\*[^*]*: 3 to replace, 0 to remove, 4 to change, 1 to add\*\*, \d+ unchanged\n/);
        });

        it("names settings and dependencies", () => {
            assert.deepEqual(found.settings, [{ name: "memory", before: "4096", after: "8192" }]);
            assert.equal(found.dependencies.length, 1);
            assert.equal(found.dependencies[0].name, "zod");
            assert.equal(found.dependencies[0].after, "99.0.0");
        });

        it("names the image that is rebuilt and those that stand on it, and what uses them", () => {
            assert.deepEqual(
                found.images.map(({ name, operation, reasons, files }) => [
                    name,
                    operation,
                    ...reasons,
                    ...files.map((one) => one.path),
                ]),
                [
                    ["images-htmengine", "rebuilt", "files/Dockerfile"],
                    ["images-taurus", "rebuilt", "stands on `images-taurus.metric_collectors`"],
                    ["images-taurus.metric_collectors", "rebuilt", "stands on `images-htmengine`"],
                ],
            );
            const paths = resource("taurus-collectors-pods").properties.map((one) => one.path);
            assert.ok(
                paths.some((one) => one.endsWith(".image")),
                paths.join("\n"),
            );
            assert.ok(!found.resources.some(({ name }) => name === "support-mysql-server-pods"));
        });

        it("says why the schema's Job is replaced", () => {
            const { operation, reasons } = resource("taurus-schema-job");
            assert.equal(operation, "replace");
            assert.ok(
                reasons.some(
                    ({ text }) => text === "`spec.template.spec.hostNetwork` of a Job can't be changed in place",
                ),
                JSON.stringify(reasons),
            );
        });

        it("shows the machine's size and each cloud-init document, and that the machine stays", () => {
            const { operation, properties } = resource("cluster-machine");
            assert.equal(operation, "change");
            const paths = properties.map((one) => one.path);
            assert.ok(paths.includes("stdin: memory"), paths.join("\n"));
            assert.ok(paths.includes('stdin: nodes["nta-dev-1"].userData'), paths.join("\n"));
            assert.match(
                markdown,
                /@@ stdin: nodes\["nta-dev-1"\]\.userData, line \d+ before, \d+ now @@\n(.*\n){1,4} .*set -eu\n\+ +# a changed script\n/,
            );
        });

        it("shows no secret: of the program, of Kubernetes, of outputs", () => {
            assert.deepEqual(
                resource("hidden").properties.filter(({ path: one }) => one.startsWith("stringData")),
                [{ path: "stringData", after: "[secret]" }],
            );
            for (const text of [JSON.stringify(found), markdown]) {
                assert.ok(!text.includes("plain-in-the-program"));
                assert.ok(!text.includes("secret-output"));
            }
            assert.match(markdown, /\+ password: \[secret\]/);
        });
    });

    it("takes another stack's settings, the working tree's where the base has none", () => {
        fs.writeFileSync(file("Pulumi.other.yaml"), "config:\n  nta:taurus.httpsPort: 8443\n");
        const { stdout, code } = preview("--base", "base", "--stack", "other");
        assert.equal(code, 0);
        assert.match(stdout, /^\*\*Preview of stack `other`: no resource changes/);
        assert.match(stdout, /Pulumi\.other\.yaml is not in the base/);
    });

    it("says that there is no such commit, and what to do", () => {
        for (const ref of ["origin/nowhere", "--help"]) {
            const { code, stdout, stderr } = preview(`--base=${ref}`);
            assert.equal(code, 1, ref);
            assert.equal(stdout, "");
            assert.ok(stderr.includes(`--base "${ref}" is no commit, branch or tag`), stderr);
            assert.ok(stderr.includes(`git fetch origin ${ref === "--help" ? "<branch>" : "nowhere"}`), stderr);
        }
    });

    it("wants to be asked properly", () => {
        const { code, stderr } = preview();
        assert.equal(code, 2);
        assert.match(stderr, /--base is missing/);
        assert.match(preview("--base", "main", "--wrong").stderr, /Unknown option '--wrong'/);
        assert.match(preview("--base", "main", "--stack", "nowhere").stderr, /There is no Pulumi\.nowhere\.yaml/);
    });

    it("says that the base does not compile, and still shows the working tree", () => {
        tag("broken", (root) => edit("index.ts", (text) => `${text}\nconst = 1;\n`, root));
        const { base, summary } = report("--base", "broken");
        assert.match(base.error ?? "", /^index\.ts:\d+:7: /);
        assert.ok(summary["add"] > 50);
        const [first] = preview("--base", "broken").stdout.split("\n");
        assert.match(first, /^\*\*Preview of stack `dev`: \d+ resources declared\*\*, not compared$/);
    });

    it("says that the base fails when it runs, also when that is because it would go to the network", () => {
        tag("throws", (root) => edit("index.ts", (text) => `${text}\nthrow new Error("not today");\n`, root));
        assert.equal(report("--base", "throws").base.error, "not today");
        const fetching =
            'void fetch("http://127.0.0.1:65432/").catch((error) => { throw error.cause ?? error; });\n' +
            "export const later = new Promise(() => {});\n";
        tag("network", (root) => edit("index.ts", (text) => `${text}\n${fetching}`, root));
        assert.match(report("--base", "network").base.error ?? "", /goes to the network/);
    });

    it("keeps what the base declares, as long as nothing changes that its program looked at", () => {
        const outside = path.join(folder, "outside.txt");
        const reading =
            'import * as files from "node:fs";\n' +
            `export const outside = files.readFileSync(${JSON.stringify(outside)}, "utf8");\n`;
        tag("looks", (root) => edit("index.ts", (text) => `${text}\n${reading}`, root));
        const declared = path.join(folder, "cache/preview-diff/declared");
        const before = new Set(fs.existsSync(declared) ? fs.readdirSync(declared) : []);
        fs.writeFileSync(outside, "first");
        const outputs = () => report("--base", "looks").outputs.map((one) => [one.path, one.before]);
        assert.deepEqual(outputs(), [["outside", "first"]]);
        // What is kept is what is shown: otherwise this test would say nothing about it.
        const [kept] = fs.readdirSync(declared).filter((name) => !before.has(name));
        const text = fs.readFileSync(path.join(declared, kept), "utf8");
        fs.writeFileSync(path.join(declared, kept), text.replace('"outside":"first"', '"outside":"kept"'));
        assert.deepEqual(outputs(), [["outside", "kept"]]);
        fs.writeFileSync(outside, "second one");
        assert.deepEqual(outputs(), [["outside", "second one"]]);
        // Settings of the stack decide too.
        edit("Pulumi.dev.yaml", (text) => `${text}  nta:memory: 8192\n`);
        fs.writeFileSync(path.join(declared, kept), "not to be read");
        assert.deepEqual(outputs(), [["outside", "second one"]]);
    });

    it("fails, with the reason in the report, where the working tree's own program does", () => {
        edit("Pulumi.dev.yaml", (text) => `${text}  nta:nodez: 1\n`);
        const { code, stdout } = preview("--base", "base");
        assert.equal(code, 1);
        assert.match(stdout.split("\n")[0], /the program does not run/);
        assert.match(stdout, /nta:nodez/);
    });

    it("installs the base's own packages where they are others, once", () => {
        tag("small", (root) => {
            const write = (name: string, text: string) => fs.writeFileSync(path.join(root, name), text);
            const dependencies = { "@pulumi/pulumi": "3.246.0" };
            write("package.json", JSON.stringify({ name: "nta", version: "0.0.1", main: "index.ts", dependencies }));
            fs.rmSync(path.join(root, "package-lock.json"));
            const lock = ["install", "--package-lock-only", "--prefer-offline", "--ignore-scripts"];
            execFileSync("npm", lock, { cwd: root, stdio: "ignore" });
            write(
                "index.ts",
                'import * as pulumi from "@pulumi/pulumi";\n' +
                    'class Old extends pulumi.ComponentResource { constructor() { super("nta:old:Old", "old"); } }\n' +
                    "new Old();\n",
            );
        });
        const first = preview("--base", "small", "--json");
        assert.equal(first.code, 0, first.stderr);
        assert.match(first.stderr, /Node packages of the base: ready/);
        const { summary, base, resources } = JSON.parse(first.stdout) as Report;
        assert.equal(base.error, undefined);
        assert.equal(summary["remove"], 1);
        assert.deepEqual(
            resources.filter(({ operation }) => operation === "remove").map(({ type, name }) => [type, name]),
            [["nta:old:Old", "old"]],
        );
        const second = preview("--base", "small", "--json");
        assert.equal(second.stderr, "", "they are kept");
        assert.equal(second.stdout, first.stdout);
    });
});
