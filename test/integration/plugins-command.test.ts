/** The stand-in command plugin under Pulumi's real engine. */
import * as assert from "node:assert/strict";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

import { Engine, isAlive, until } from "./plugins-engine";
import type { Project } from "./plugins-engine";

const IMPORT = `const { local } = require("@pulumi/command"); const pulumi = require("@pulumi/pulumi");\n`;

describe("command plugin and engine", function () {
    this.timeout(180_000);
    let engine: Engine;

    before(async () => {
        engine = await Engine.create(["command"]);
    });
    after(() => engine.close());

    function read(project: Project, file: string): string {
        return existsSync(project.path(file)) ? readFileSync(project.path(file), "utf8") : "";
    }

    it("creates once, updates with the previous output, replaces on triggers, deletes", async () => {
        const project = await engine.project(
            "life",
            `${IMPORT}
            const a = new local.Command("a", {
                create: 'echo "create $TEXT" | tee -a log; echo warned >&2',
                update: 'echo "update $TEXT after $PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR" >> log; echo "[$TEXT]"',
                delete: 'echo "delete $TEXT after $PULUMI_COMMAND_STDOUT" >> log',
                environment: { TEXT: process.env.TEXT },
                triggers: [process.env.TRIGGER],
            });
            module.exports = { stdout: a.stdout, stderr: a.stderr };`,
        );
        const first = await project.up({ TEXT: "one", TRIGGER: "x" });
        assert.equal(first.operations.a, "create");
        assert.ok(first.messages.includes("create one"), "the command's output is shown");
        assert.deepEqual(await project.outputs(), { stdout: "create one", stderr: "warned" });
        const state = await project.resource("a");
        assert.match(state.id ?? "", /^a[0-9a-f]{8}$/);
        assert.deepEqual(state.outputs?.environment, { TEXT: "one" });

        const again = await project.up({ TEXT: "one", TRIGGER: "x" });
        assert.equal(again.operations.a, "same");

        const changed = await project.up({ TEXT: "two", TRIGGER: "x" });
        assert.equal(changed.operations.a, "update");
        assert.equal((await project.outputs()).stdout, "[two]");

        const refreshed = await project.refresh();
        assert.equal(refreshed.changes.update, undefined);

        const replaced = await project.up({ TEXT: "two", TRIGGER: "y" });
        assert.equal(replaced.changes.replace, 1);

        await project.destroy();
        assert.deepEqual(read(project, "log").trimEnd().split("\n"), [
            "create one",
            "update two after create one/warned",
            "create two",
            "delete two after [two]",
            "delete two after create two",
        ]);
        assert.equal((await project.state()).resources?.length ?? 0, 0);
    });

    it("runs create again for an update without a command of its own, in dir, with stdin and an interpreter", async () => {
        const project = await engine.project(
            "inputs",
            `${IMPORT}
            const a = new local.Command("a", {
                create: "process.stdin.on('data', (d) => console.log(process.cwd().split('/').pop(), String(d)))",
                interpreter: [process.execPath, "-e"],
                dir: "below",
                stdin: process.env.TEXT,
                addPreviousOutputInEnv: false,
            });
            const b = new local.Command("b", { delete: "true" });
            module.exports = { a: a.stdout, b: b.stdout };`,
        );
        mkdirSync(project.path("below"));
        await project.up({ TEXT: "one" });
        assert.deepEqual(await project.outputs(), { a: "below one", b: "" });
        await project.up({ TEXT: "two" });
        assert.deepEqual(await project.outputs(), { a: "below two", b: "" });
    });

    it("leaves outputs unknown in a preview and runs nothing", async () => {
        const program = (text: string): string => `${IMPORT}
            const a = new local.Command("a", { create: "echo ${text} >> log" });
            const b = new local.Command("b", { create: "echo b >> log", environment: { A: a.stdout } });
            a.stdout.apply((value) => console.log("known: " + value));`;
        const project = await engine.project("preview", program("one"));
        const first = await project.preview();
        assert.deepEqual(first.changes, { create: 3 });
        assert.ok(!first.output.includes("known:"));
        assert.equal(read(project, "log"), "");

        await project.up();
        assert.ok((await project.preview()).output.includes("known:"));

        project.write(program("two"));
        const second = await project.preview();
        assert.equal(second.operations.a, "update");
        assert.equal(second.operations.b, "update", "what depends on a changed command may change");
        assert.ok(!second.output.includes("known:"));
        assert.equal(read(project, "log"), "one\nb\n");
    });

    it("keeps what secrets flow into secret, and logs what it is told to", async () => {
        const project = await engine.project(
            "secrets",
            `${IMPORT}
            const secret = pulumi.secret("pass" + "word-7531");
            const a = new local.Command("a", {
                create: "echo got $PASSWORD; echo $PASSWORD >&2", environment: { PASSWORD: secret }, logging: "none",
            });
            const b = new local.Command("b", { create: "echo to stdout; echo to stderr >&2", logging: "stderr" });
            module.exports = { a: a.stdout };`,
        );
        const result = await project.up();
        assert.deepEqual(await project.outputs(), { a: "got password-7531" });
        assert.ok(!project.stateFile().includes("password-7531"));
        assert.ok(!result.output.includes("password-7531"));
        assert.ok(result.messages.includes("to stderr"));
        assert.ok(!result.messages.includes("to stdout"));
    });

    it("says how a command failed, keeps nothing of it, and runs it again", async () => {
        const project = await engine.project(
            "failure",
            `${IMPORT}
            new local.Command("a", { create: "echo before; echo problem >&2; test -e ready" });`,
        );
        const output = await project.failing("up");
        assert.match(output, /exit status 1: running "echo before; echo problem >&2; test -e ready":/);
        assert.match(output, /before\n\s*problem/);
        assert.deepEqual(
            (await project.state()).resources?.map(({ type }) => type).filter((type) => type.startsWith("command")),
            [],
        );
        writeFileSync(project.path("ready"), "");
        assert.equal((await project.up()).operations.a, "create");
    });

    it("names inputs of a wrong type and a folder that is missing", async () => {
        const project = await engine.project(
            "bad",
            `${IMPORT}
            new local.Command("a", { create: "true", environment: { A: 1 }, logging: "loud", dir: "nowhere" });`,
        );
        const types = await project.failing("preview");
        assert.match(types, /environment must be a map of strings/);
        assert.match(types, /logging must be one of stdout, stderr, stdoutAndStderr, none/);
        project.write(`${IMPORT} new local.Command("a", { create: "true", dir: "nowhere" });`);
        assert.match(await project.failing("up"), /could not be started in nowhere \(does that folder exist\?\)/);
    });

    it("says what it does not cover", async () => {
        const project = await engine.project(
            "uncovered",
            `const { remote } = require("@pulumi/command");
            new remote.Command("a", { connection: { host: "localhost" }, create: "true" });`,
        );
        const output = await project.failing("preview");
        assert.match(output, /does not cover the resource type command:remote:Command/);
        assert.match(output, /pulumi plugin install resource command 1\.2\.1/);
    });

    it("runs functions in previews as well, and returns files as assets", async () => {
        const project = await engine.project(
            "files",
            `${IMPORT}
            const a = new local.Command("a", {
                create: "mkdir -p out/deep && echo 1 > out/a.txt && echo 2 > out/deep/b.txt && echo 3 > out/c.log",
                assetPaths: ["out/**.txt", "!**/b.txt"],
                archivePaths: ["out/*"],
            });
            const run = local.runOutput({ command: "echo ran in $WHERE", environment: { WHERE: "here" } });
            run.stdout.apply((text) => console.log(text));
            module.exports = {
                assets: a.assets.apply((assets) => Object.keys(assets)),
                archive: a.archive.apply(async (archive) => Object.keys(await archive.assets)),
            };`,
        );
        assert.ok((await project.preview()).output.includes("ran in here"));
        await project.up();
        assert.deepEqual(await project.outputs(), { assets: ["out/a.txt"], archive: ["out/a.txt", "out/c.log"] });
        assert.equal((await project.up()).operations.a, "same");
    });

    it("ends a command and all it started when it is interrupted", async () => {
        const project = await engine.project(
            "interrupt",
            `${IMPORT}
            new local.Command("a", { create: "trap 'echo stopped >> log; exit 1' TERM; sleep 300 & echo $! > pid; wait" });`,
        );
        const { child, result } = project.start(["up", "--yes", "--skip-preview"]);
        await until("the command runs", () => read(project, "pid").endsWith("\n"), 60);
        const pid = Number(read(project, "pid"));
        child.kill("SIGINT");
        const { code, output } = await result;
        assert.notEqual(code, 0);
        assert.match(output, /cancel/i);
        assert.equal(read(project, "log"), "stopped\n", "the command could tidy up");
        await until("what the command started has ended", () => !isAlive(pid), 15);
    });

    it("goes on after the engine was killed in the middle", async () => {
        const project = await engine.project(
            "killed",
            `${IMPORT}
            new local.Command("a", { create: "echo $$ > pid; test -e ready || exec sleep 300" });`,
        );
        const { child, result } = project.start(["up", "--yes", "--skip-preview"]);
        await until("the command runs", () => read(project, "pid").endsWith("\n"), 60);
        const pid = Number(read(project, "pid"));
        child.kill("SIGKILL");
        await until("the command ended with the engine", () => !isAlive(pid), 20);
        await result;
        writeFileSync(project.path("ready"), "");
        await project.run(["cancel", "--yes"]);
        const again = await project.up();
        assert.equal(again.operations.a, "create");
        assert.match(again.output, /pending|interrupted/i);
    });
});
