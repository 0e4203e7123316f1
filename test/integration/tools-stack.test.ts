import assert from "node:assert/strict";
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
    cpSync,
    existsSync,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    symlinkSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { tryCommand, type CommandResult } from "../../tools/command";
import { tryLock } from "../../tools/lock.cjs";

const repository = join(__dirname, "../..");

/**
 * The tools in a checkout of their own with a small program, and with a state folder of their own: the real engine and
 * plugins, but no cluster. The cache is that of whoever runs the tests.
 */
describe("tools: a stack", () => {
    const folder = mkdtempSync(join(tmpdir(), "nta tools-"));
    const checkout = join(folder, "nta");
    const state = join(folder, "state", "nta");
    const environment: NodeJS.ProcessEnv = { ...process.env, XDG_STATE_HOME: join(folder, "state") };

    const run = (tool: string, args: string[] = [], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> =>
        tryCommand(
            [process.execPath, "-r", "ts-node/register/transpile-only", join(checkout, "tools", `${tool}.ts`), ...args],
            { cwd: checkout, env: { ...environment, ...env } },
        );
    const shell = (script: string) =>
        tryCommand(["bash", "-c", `source ./env && ${script}`], { cwd: checkout, env: environment });
    const git = (...args: string[]) => {
        const result = spawnSync(
            "git",
            ["-C", checkout, "-c", "user.name=t", "-c", "user.email=t@localhost", ...args],
            {
                encoding: "utf8",
            },
        );
        assert.equal(result.status, 0, result.stderr);
        return result.stdout;
    };
    const succeeded = (result: CommandResult) => {
        assert.equal(result.code, 0, `${result.stdout}\n${result.stderr}`);
        return result;
    };
    const failed = (result: CommandResult, message: RegExp) => {
        assert.notEqual(result.code, 0, result.stdout);
        assert.match(result.stderr, message);
        // A message, not a stack trace.
        assert.doesNotMatch(result.stderr, /^\s+at /m);
    };

    before(() => {
        // A shell that sourced `env` is about the user's own stack.
        for (const name of Object.keys(environment).filter((key) =>
            /^(PULUMI_|NTA_(?!CACHE|PULUMI)|KUBECONFIG$)/.test(key),
        )) {
            delete environment[name];
        }
        for (const name of [
            "tools",
            "plugins",
            "components",
            "machine",
            "node-image",
            "cloud-init",
            "operations",
            "registry",
            "env",
            "package.json",
            "package-lock.json",
            "tsconfig.json",
        ]) {
            cpSync(join(repository, name), join(checkout, name), { recursive: true });
        }
        symlinkSync(join(repository, "node_modules"), join(checkout, "node_modules"));
        const ignored = readFileSync(join(repository, ".gitignore"), "utf8");
        writeFileSync(join(checkout, ".gitignore"), `${ignored}\nnode_modules\n`);
        if (existsSync(join(repository, "Pulumi.dev.yaml"))) {
            cpSync(join(repository, "Pulumi.dev.yaml"), join(checkout, "Pulumi.dev.yaml"));
        }
        writeFileSync(join(checkout, "Pulumi.yaml"), "name: nta\nruntime: nodejs\n");
        writeFileSync(
            join(checkout, "index.ts"),
            [
                'import * as pulumi from "@pulumi/pulumi";',
                'import { Command } from "@pulumi/command/local";',
                "const config = new pulumi.Config();",
                'const create = config.get("wait") ?? "true";',
                'new Command("slow", { create, logging: "none" });',
                'export const word = config.getSecret("word");',
            ].join("\n"),
        );
        git("init", "--quiet");
        git("add", "--all");
        git("commit", "--quiet", "--message", "start");
    });

    after(() => rmSync(folder, { recursive: true, force: true }));

    it("is made with a local backend and a passphrase that only its owner reads", async () => {
        const { stdout } = succeeded(await run("preview"));
        assert.match(stdout, /^\[6\/6\] Stack: local, state on this machine/m);
        assert.equal(statSync(join(state, "passphrase")).mode & 0o777, 0o600);
        assert.equal(statSync(join(state, "backend")).mode & 0o777, 0o700);
        assert.ok(readFileSync(join(state, "passphrase"), "utf8").trim().length >= 32);
        assert.ok(existsSync(join(state, "backend", ".pulumi", "stacks", "nta", "local.json")));
    });

    it("is what plain pulumi works on after `source env`, and leaves git status clean", async () => {
        succeeded(await shell("pulumi up --yes --skip-preview --non-interactive"));
        succeeded(await shell("pulumi preview --non-interactive --expect-no-changes"));
        assert.equal(git("status", "--porcelain"), "");
        succeeded(await shell("pulumi config set --secret word hidden"));
        succeeded(await shell("pulumi up --yes --skip-preview --non-interactive"));
        const output = succeeded(await shell("pulumi stack output word --show-secrets"));
        assert.equal(output.stdout.trim(), "hidden");
        succeeded(await run("preview"));
    });

    it("keeps its secrets readable when its settings file is lost", async () => {
        const file = join(checkout, "Pulumi.local.yaml");
        const kept = readFileSync(file, "utf8");
        rmSync(file);
        const output = succeeded(await shell("pulumi stack output word --show-secrets"));
        assert.equal(output.stdout.trim(), "hidden");
        succeeded(await run("preview"));
        writeFileSync(file, kept);
    });

    it("is not touched with a wrong passphrase", async () => {
        const file = join(state, "passphrase");
        const right = readFileSync(file, "utf8");
        writeFileSync(file, "something else\n");
        failed(await run("preview"), /The passphrase \(.*\/passphrase\) does not fit the stack local/);
        failed(
            await run("preview", [], { PULUMI_CONFIG_PASSPHRASE: "wrong" }),
            /The passphrase \(PULUMI_CONFIG_PASSPHRASE\)/,
        );
        writeFileSync(file, right);
        succeeded(await run("preview"));
    });

    it("has one run of ours at a time", async () => {
        const lock = tryLock(join(state, "locks", "stack-local.lock"), "npm run up");
        try {
            failed(await run("preview"), new RegExp(`worked on by \`npm run up\` \\(process ${process.pid}, since `));
        } finally {
            lock.release?.();
        }
    });

    it("remembers whose plugins it was made with", async () => {
        const file = join(state, "stacks", "local", "plugins.json");
        const now = JSON.parse(readFileSync(file, "utf8")) as Record<string, string>;
        const other = now.command === "official" ? "stand-in" : "official";
        writeFileSync(file, JSON.stringify({ ...now, command: other }));
        failed(
            await run("preview"),
            new RegExp(`made with other plugins .*command: ${other} → ${now.command}[^]*NTA_ACCEPT_PLUGINS=1`),
        );
        succeeded(await run("preview", [], { NTA_ACCEPT_PLUGINS: "1" }));
        succeeded(await run("preview"));
    });

    describe("while an update runs", () => {
        let update: ChildProcess;
        const locks = () => {
            const directory = join(state, "backend", ".pulumi", "locks", "organization", "nta", "local");
            return existsSync(directory) ? readdirSync(directory).filter((name) => name.endsWith(".json")) : [];
        };

        before(async () => {
            succeeded(await shell("pulumi config set wait 'sleep 61'"));
            update = spawn("bash", ["-c", "source ./env && exec pulumi up --yes --skip-preview --non-interactive"], {
                cwd: checkout,
                env: environment,
                detached: true,
                stdio: ["ignore", "pipe", "ignore"],
            });
            await new Promise<void>((resolve, reject) => {
                update.once("exit", () => reject(new Error("the update ended")));
                update.stdout?.on("data", (text: Buffer) => {
                    if (/Command slow (updating|creating)/.test(text.toString())) {
                        resolve();
                    }
                });
            });
        });

        after(() => {
            try {
                process.kill(-(update.pid ?? 0), "SIGKILL");
            } catch {
                // Ended, as it should have.
            }
        });

        it("a second one stops with a message", async () => {
            failed(await run("preview"), /Another update of the stack local is running \(process \d+, since /);
        });

        it("and is killed, the next one clears up and goes on", async () => {
            update.removeAllListeners("exit");
            const ended = new Promise((resolve) => update.once("exit", resolve));
            // The engine and all that it started.
            process.kill(-(update.pid ?? 0), "SIGKILL");
            await ended;
            assert.equal(locks().length, 1);
            const { stdout } = succeeded(await run("preview"));
            assert.match(stdout, /the last update was killed; its lock is removed \(pulumi cancel\)/);
            assert.match(stdout, /the last update was interrupted while (updating|creating) slow/);
            assert.equal(locks().length, 0);
            succeeded(await shell("pulumi config set wait true"));
            const again = succeeded(await shell("pulumi up --yes --skip-preview --non-interactive"));
            assert.doesNotMatch(again.stdout + again.stderr, /pending operation/);
        });
    });

    // It selects another stack, which stays selected.
    describe("of which the first `up` was cut short, when it is destroyed", () => {
        it("takes machines with it that the engine does not know", async () => {
            const stack = `cut-${process.pid}`;
            const machines = join(state, "machines", `nta-${stack}`);
            const volume = `nta-${stack}-1-etcd`;
            mkdirSync(machines, { recursive: true });
            writeFileSync(join(machines, "state.json"), '{"provider":"docker","unfinished":true}');
            succeeded(await tryCommand(["docker", "volume", "create", "--label", `nta.cluster=nta-${stack}`, volume]));
            succeeded(await run("destroy", [], { NTA_STACK: stack }));
            assert.notEqual((await tryCommand(["docker", "volume", "inspect", volume])).code, 0);
            assert.ok(!existsSync(machines));
        });
    });

    it("is destroyed without a question where there is no terminal", async () => {
        const { stdout } = succeeded(await run("destroy"));
        assert.match(stdout, /deleted/);
        const output = succeeded(await shell("pulumi stack --non-interactive --show-urns"));
        assert.doesNotMatch(output.stdout, /slow/);
    });

    it("has a name that a machine can have", async () => {
        failed(await run("preview", [], { NTA_STACK: "Not_a_name" }), /"Not_a_name" can't be the stack's name/);
    });

    it("is not started where something is wrong, all of which is said at once", async () => {
        mkdirSync(folder, { recursive: true });
        writeFileSync(
            join(checkout, "Pulumi.wrong.yaml"),
            'config:\n  nta:provider: hyperv\n  nta:registry: "https://x y"\n  nta:apiPort: 99999\n',
        );
        const result = await run("up", [], { NTA_STACK: "wrong" });
        failed(result, /nta:provider[^]*nta:registry|nta:registry[^]*nta:provider/);
        assert.match(result.stderr, /nta:apiPort/);
        assert.doesNotMatch(result.stdout, /Docker engine/);
    });

    it("is not started where a port is taken; who has it and which setting moves it is said", async () => {
        const { createServer } = await import("node:net");
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        try {
            const { port } = server.address() as { port: number };
            writeFileSync(join(checkout, "Pulumi.taken.yaml"), `config:\n  nta:apiPort: ${port}\n`);
            const taken = new RegExp(`[Pp]ort ${port} \\(setting apiPort\\) is taken by .*${process.pid}`);
            failed(await run("up", [], { NTA_STACK: "taken" }), taken);
            const doctor = await run("doctor", [], { NTA_STACK: "taken" });
            assert.equal(doctor.code, 1, doctor.stderr);
            assert.match(doctor.stdout, /^ports +wrong +/m);
            assert.match(doctor.stdout, taken);
            assert.match(doctor.stdout, /^ +mend: source env && pulumi config set apiPort \d+$/m);
        } finally {
            await new Promise((resolve) => server.close(resolve));
        }
    });
});
