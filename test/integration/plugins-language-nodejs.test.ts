/** The stand-in language host under Pulumi's real engine. */
import * as assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";

import { Engine, isAlive, until } from "./plugins-engine";
import type { Project } from "./plugins-engine";

describe("language host and engine", function () {
    this.timeout(180_000);
    let engine: Engine;

    before(async () => {
        engine = await Engine.create(["command"]);
    });
    after(() => engine.close());

    function pid(project: Project): number {
        return existsSync(project.path("pid")) ? Number(readFileSync(project.path("pid"), "utf8")) : 0;
    }

    it("runs a TypeScript program with its configuration and shows what it prints", async () => {
        const project = await engine.project(
            "typescript",
            `import * as pulumi from "@pulumi/pulumi";
            const config = new pulumi.Config();
            console.log("on standard output");
            console.error("on standard error");
            export const where: string = [pulumi.getOrganization(), pulumi.getProject(), pulumi.getStack()].join("/");
            export const plain: string = config.require("plain");
            export const hidden: pulumi.Output<string> = config.requireSecret("hidden");
            export const previewing = pulumi.runtime.isDryRun();`,
            { typescript: true },
        );
        await project.run(["config", "set", "plain", 'äöü = "x"']);
        await project.run(["config", "set", "--secret", "hidden", "nobody-knows-42"]);
        const result = await project.up();
        assert.ok(result.messages.includes("on standard output"));
        assert.ok(result.messages.includes("on standard error"));
        assert.deepEqual(await project.outputs(), {
            where: "organization/typescript/test",
            plain: 'äöü = "x"',
            hidden: "nobody-knows-42",
            previewing: false,
        });
        assert.ok(!project.stateFile().includes("nobody-knows-42"));
        assert.ok((await project.preview()).output.includes("1 unchanged"));
    });

    it("checks types unless told to only transpile", async () => {
        const project = await engine.project("types", `export const text: string = 1;`, { typescript: true });
        await project.preview();
        const output = await (async () => {
            const result = await project.operation("preview", { PULUMI_NODEJS_TRANSPILE_ONLY: "false" });
            assert.notEqual(result.code, 0);
            return result.output;
        })();
        assert.match(output, /Type 'number' is not assignable to type 'string'/);
    });

    it("shows an exception once, and says how a program ended otherwise", async () => {
        const project = await engine.project("failing", `throw new Error("went wrong on purpose");`);
        const thrown = await project.failing("up");
        assert.match(thrown, /went wrong on purpose/);
        assert.doesNotMatch(thrown, /non-zero exit code/);

        project.write(`process.exit(7);`);
        assert.match(await project.failing("up"), /Program exited with non-zero exit code: 7/);

        project.write(`require("node:process").kill(process.pid, "SIGKILL");`);
        assert.match(await project.failing("up"), /Program was stopped by SIGKILL/);
    });

    it("says when the SDK is not installed", async () => {
        const project = await engine.project("bare", ``);
        rmSync(project.path("node_modules"));
        assert.match(await project.failing("preview"), /@pulumi\/pulumi\) is not installed .*"npm install"/);
    });

    it("takes part in refresh, destroy --run-program and about", async () => {
        const project = await engine.project(
            "others",
            `const { local } = require("@pulumi/command");
            console.log("the program ran");
            new local.Command("a", { create: "true" });`,
        );
        await project.up();
        assert.ok((await project.refresh({}, ["--run-program"])).messages.includes("the program ran"));
        const about = await project.run(["about"]);
        assert.ok(about.stdout.includes(process.version));
        assert.ok((await project.destroy({}, ["--run-program"])).messages.includes("the program ran"));
    });

    it("asks for the plugins of the program's own dependencies", async () => {
        const project = await engine.project("required", ``);
        writeFileSync(
            project.path("package.json"),
            JSON.stringify({ main: "index.js", dependencies: { "@pulumi/pulumi": "*", "@pulumi/command": "*" } }),
        );
        const about = await project.run(["about", "--json"]);
        const { plugins } = JSON.parse(about.stdout) as { plugins: { name: string; version: string }[] };
        assert.ok(
            plugins.some(({ name, version }) => name === "command" && version === "1.2.1"),
            about.stdout,
        );
    });

    it("ends the program with an interrupt and with a killed engine", async () => {
        const project = await engine.project(
            "stopped",
            `require("node:fs").writeFileSync("pid", String(process.pid)); setInterval(() => undefined, 1000);`,
        );
        for (const signal of ["SIGINT", "SIGKILL"] as const) {
            rmSync(project.path("pid"), { force: true });
            const { child, result } = project.start(["preview"]);
            await until("the program runs", () => pid(project) > 0, 60);
            const program = pid(project);
            child.kill(signal);
            await until(`the program ended after ${signal}`, () => !isAlive(program), 20);
            assert.notEqual((await result).code, 0);
        }
    });
});
