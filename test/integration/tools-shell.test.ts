import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
    chmodSync,
    copyFileSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    rmSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { tryCommand } from "../../tools/command";

const repository = join(__dirname, "../..");

/** A folder that is removed at the end, and what runs in it. */
class Sandbox {
    // A name that breaks scripts that forget to quote.
    readonly folder = mkdtempSync(join(tmpdir(), "nta tools's-"));

    path(...names: string[]): string {
        return join(this.folder, ...names);
    }

    write(name: string, text: string, mode = 0o644): string {
        const file = this.path(name);
        mkdirSync(join(file, ".."), { recursive: true });
        writeFileSync(file, text);
        chmodSync(file, mode);
        return file;
    }

    copy(...names: string[]): void {
        for (const name of names) {
            mkdirSync(join(this.path(name), ".."), { recursive: true });
            copyFileSync(join(repository, name), this.path(name));
        }
    }

    remove(): void {
        rmSync(this.folder, { recursive: true, force: true });
    }
}

describe("tools: env", () => {
    let sandbox: Sandbox;
    let environment: NodeJS.ProcessEnv;

    beforeEach(() => {
        sandbox = new Sandbox();
        mkdirSync(sandbox.path("nta"));
        copyFileSync(join(repository, "env"), sandbox.path("nta", "env"));
        // No pulumi of this machine's must be found, and nothing that a shell around this test has set.
        mkdirSync(sandbox.path("bin"));
        for (const program of ["sha1sum", "dirname", "env", "zsh", "bash", "cat"]) {
            const found = spawnSync("bash", ["-c", `command -v ${program}`], { encoding: "utf8" }).stdout.trim();
            if (found !== "") {
                symlinkSync(found, sandbox.path("bin", program));
            }
        }
        environment = { HOME: sandbox.path("home"), PATH: sandbox.path("bin") };
    });

    afterEach(() => sandbox.remove());

    const shells: [string, string[]][] = [
        ["bash", ["--norc", "-eu", "-c"]],
        ["zsh", ["-f", "-eu", "-c"]],
    ];
    for (const [shell, options] of shells) {
        describe(`in ${shell}`, () => {
            /** The variables after `script`, and what was written to stderr. */
            const after = (script: string, cwd = "/") => {
                const result = spawnSync(sandbox.path("bin", shell), [...options, `${script}\nenv -0`], {
                    cwd,
                    env: environment,
                    encoding: "utf8",
                });
                assert.equal(result.status, 0, result.stderr);
                const pairs = result.stdout.split("\0").filter((line) => line.includes("="));
                const variables = Object.fromEntries(pairs.map((line) => line.split(/=(.*)/s).slice(0, 2)));
                return { variables: variables as Record<string, string>, stderr: result.stderr };
            };
            const source = () => `source "${sandbox.path("nta", "env")}"`;

            before(function () {
                if (spawnSync(shell, ["--version"]).error !== undefined) {
                    assert.fail(`${shell} is not installed: npm test installs it`);
                }
            });

            it("works before the tools are gathered, and says what to do", () => {
                const { variables, stderr } = after(source());
                const home = sandbox.path("home");
                const expected = {
                    NTA_CACHE: `${home}/.cache/nta`,
                    NTA_STATE: `${home}/.local/state/nta`,
                    PATH: `${home}/.cache/nta/bin:${sandbox.path("bin")}`,
                    PULUMI_HOME: `${home}/.local/state/nta/pulumi`,
                    PULUMI_BACKEND_URL: `file://${home}/.local/state/nta/backend`,
                    PULUMI_CONFIG_PASSPHRASE_FILE: `${home}/.local/state/nta/passphrase`,
                    PULUMI_NODEJS_TRANSPILE_ONLY: "true",
                    PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
                    KUBECONFIG: `${home}/.local/state/nta/machines/nta-local/kubeconfig`,
                    VAGRANT_CWD: `${home}/.local/state/nta/machines/nta-local`,
                };
                const actual = Object.fromEntries(Object.keys(expected).map((name) => [name, variables[name]]));
                assert.deepEqual(actual, expected);
                assert.match(stderr, /^The tools are not gathered yet: run `npm run up` in .*\/nta first\.\n$/);
            });

            it("takes over what the tools decided, also with a pulumi of the user's", () => {
                sandbox.write("bin/pulumi", "#!/bin/sh\n", 0o755);
                sandbox.write("home/.local/state/nta/environment.sh", "export PULUMI_HOME='/ada/it'\\''s'\n");
                const { variables, stderr } = after(source());
                assert.equal(variables.PULUMI_HOME, "/ada/it's");
                assert.equal(variables.PULUMI_BACKEND_URL, undefined);
                assert.equal(stderr, "");
            });

            it("can be sourced again, and from anywhere", () => {
                const once = after(source()).variables;
                const thrice = after(`${source()}; ${source()}; . ./nta/env`, sandbox.folder).variables;
                const names = Object.keys(once).filter((name) => /^(PATH|NTA_|PULUMI_|KUBECONFIG|VAGRANT_)/.test(name));
                assert.ok(names.length > 8);
                for (const name of names) {
                    assert.equal(thrice[name], once[name], name);
                }
            });

            it("follows NTA_STACK, and otherwise the stack that is selected in this checkout", () => {
                const hash = createHash("sha1")
                    .update(`${sandbox.path("nta")}/Pulumi.yaml`)
                    .digest("hex");
                const home = sandbox.path("home");
                const backend = `file://${home}/.local/state/nta/backend`;
                sandbox.write(
                    `home/.local/state/nta/pulumi/workspaces/nta-${hash}-workspace.json`,
                    JSON.stringify(
                        { stacks: { "file:///x": "organization/nta/x", [backend]: "organization/nta/lab" } },
                        undefined,
                        4,
                    ),
                );
                const selected = after(source()).variables;
                assert.equal(selected.KUBECONFIG, `${home}/.local/state/nta/machines/nta-lab/kubeconfig`);
                assert.equal(selected.PULUMI_STACK, undefined);
                const asked = after(`export NTA_STACK=other; ${source()}`).variables;
                assert.equal(asked.KUBECONFIG, `${home}/.local/state/nta/machines/nta-other/kubeconfig`);
                assert.equal(asked.PULUMI_STACK, "other");
            });

            it("takes less than 50 ms", () => {
                const empty = () => timed(() => after(":"));
                const sourced = () => timed(() => after(source()));
                // The best of several: this is about the script, not about what else the machine does.
                const best = (run: () => number) => Math.min(...Array.from({ length: 7 }, run));
                const took = best(sourced) - best(empty);
                assert.ok(took < 50, `${took.toFixed(0)} ms`);
            });
        });
    }

    function timed(run: () => void): number {
        const started = performance.now();
        run();
        return performance.now() - started;
    }
});

describe("tools: bootstrap", () => {
    let sandbox: Sandbox;
    let environment: NodeJS.ProcessEnv;

    beforeEach(() => {
        sandbox = new Sandbox();
        sandbox.copy("tools/bootstrap.mjs", "tools/lock.cjs", "tsconfig.json");
        sandbox.write("package.json", JSON.stringify({ name: "it", version: "1.0.0" }));
        sandbox.write(
            "package-lock.json",
            JSON.stringify({ packages: { "": {}, "node_modules/a": { version: "1.0.0" } } }),
        );
        const tool = 'console.log("tool", process.argv.slice(2).join(","), process.cwd());\nprocess.exitCode = 7;\n';
        sandbox.write("tools/hello.ts", `const answer: number = 1;\n${tool}export { answer };\n`);
        // Stands for npm: takes a moment, counts how often it ran, and leaves what bootstrap asks for.
        sandbox.write(
            "bin/npm",
            [
                "#!/bin/sh",
                'echo "$*" >>ran',
                "sleep 1",
                "mkdir -p node_modules",
                `for name in ts-node typescript; do ln -sfn '${join(repository, "node_modules").replaceAll("'", "'\\''")}'/$name node_modules/$name; done`,
                "cp package-lock.json node_modules/.package-lock.json",
                "exit ${NPM_CODE:-0}",
            ].join("\n"),
            0o755,
        );
        environment = {
            ...process.env,
            PATH: `${sandbox.path("bin")}:${process.env.PATH}`,
            NTA_CACHE: sandbox.path("cache"),
        };
    });

    afterEach(() => sandbox.remove());

    const run = (args: string[], env = environment) =>
        tryCommand([process.execPath, sandbox.path("tools", "bootstrap.mjs"), ...args], { env, cwd: "/" });
    const installations = () =>
        existsSync(sandbox.path("ran")) ? readFileSync(sandbox.path("ran"), "utf8").trim().split("\n") : [];

    it("installs the packages once, and hands on arguments, folder and exit code", async () => {
        const first = await run(["hello", "-x", "a b"]);
        assert.equal(first.code, 7, first.stderr);
        assert.match(first.stdout, /^Node packages: not installed yet; npm ci …$/m);
        assert.ok(first.stdout.endsWith(`tool -x,a b ${sandbox.folder}\n`), first.stdout);
        const second = await run(["hello"]);
        assert.equal(second.stdout, `tool  ${sandbox.folder}\n`);
        assert.deepEqual(installations(), ["ci --no-audit --no-fund --loglevel=error"]);
    });

    it("installs them again when they do not fit the lock file any more", async () => {
        await run(["hello"]);
        sandbox.write(
            "package-lock.json",
            JSON.stringify({ packages: { "": {}, "node_modules/a": { version: "2.0.0" } } }),
        );
        const result = await run(["hello"]);
        assert.match(result.stdout, /^Node packages: a is not at 2\.0\.0; npm ci …$/m);
        assert.equal(installations().length, 2);
    });

    it("leaves packages of other platforms out of account", async () => {
        await run(["hello"]);
        const packages = {
            "": {},
            "node_modules/a": { version: "1.0.0" },
            "node_modules/b-darwin": { version: "1.0.0", optional: true },
        };
        sandbox.write("package-lock.json", JSON.stringify({ packages }));
        await run(["hello"]);
        assert.equal(installations().length, 1);
    });

    it("installs them once when two start at the same time", async () => {
        const results = await Promise.all([run(["hello"]), run(["hello"])]);
        assert.deepEqual(
            results.map((result) => result.code),
            [7, 7],
        );
        assert.equal(installations().length, 1);
        assert.equal(results.filter((result) => /waiting for process \d+/.test(result.stdout)).length, 1);
    });

    it("stops with a message when npm fails", async () => {
        const result = await run(["hello"], { ...environment, NPM_CODE: "1" });
        assert.equal(result.code, 1);
        assert.match(result.stderr, /npm ci failed/);
        assert.doesNotMatch(result.stdout, /^tool/m);
    });

    it("knows no other tools", async () => {
        for (const name of ["nothing", "../tools/hello", ""]) {
            const result = await run([name]);
            assert.equal(result.code, 2);
        }
    });
});

describe(".ci/run", () => {
    let sandbox: Sandbox;

    beforeEach(() => {
        sandbox = new Sandbox();
        sandbox.copy(".ci/run");
    });

    afterEach(() => sandbox.remove());

    const run = async (npm: string) => {
        sandbox.write("bin/npm", `#!/bin/sh\n[ "$CI" = true ] || exit 99\n${npm}\n`, 0o755);
        const env = { ...process.env, CI: "", PATH: `${sandbox.path("bin")}:${process.env.PATH}` };
        const result = await tryCommand(["bash", sandbox.path(".ci", "run")], { env, cwd: "/" });
        return { code: result.code, last: result.stdout.trimEnd().split("\n").at(-1) };
    };

    it("adds up what the suites say", async () => {
        const npm =
            'case "$*" in ci) ;; test) echo "10 passed, 0 failed";; "run test:e2e") echo "5 passed, 0 failed";; *) exit 9;; esac';
        assert.deepEqual(await run(npm), { code: 0, last: "15 passed, 0 failed" });
    });

    it("goes on after failures and counts them", async () => {
        const npm =
            'case "$*" in test) echo "10 passed, 2 failed"; exit 1;; "run test:e2e") echo "5 passed, 0 failed";; esac';
        assert.deepEqual(await run(npm), { code: 1, last: "15 passed, 2 failed" });
    });

    it("counts a suite that ended without a result as a failure", async () => {
        assert.deepEqual(await run('[ "$*" = ci ]'), { code: 1, last: "0 passed, 2 failed" });
        const lying = 'case "$*" in test) echo "3 passed, 0 failed"; exit 1;; *) echo "1 passed, 0 failed";; esac';
        assert.deepEqual(await run(lying), { code: 1, last: "4 passed, 1 failed" });
    });

    it("says so when the packages can't be installed", async () => {
        assert.deepEqual(await run("exit 1"), { code: 1, last: "0 passed, 1 failed" });
    });
});
