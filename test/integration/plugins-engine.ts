/** Pulumi's real engine with the stand-in plugins and a local backend, in a temporary folder. */
import * as assert from "node:assert/strict";
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";

import { buildPlugins } from "../../plugins/build";
import type { ProviderPlugin } from "../../plugins/build";

/** The engine to test with: NTA_PULUMI, or `pulumi` on PATH. */
function findEngine(): string {
    const candidates = [
        process.env.NTA_PULUMI ?? "",
        ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "pulumi")),
    ];
    const found = candidates.find((path) => path !== "" && existsSync(path));
    if (found === undefined) {
        throw new Error("These tests need Pulumi's engine: put pulumi on PATH (source env) or name it in NTA_PULUMI.");
    }
    return found;
}

export interface CommandResult {
    code: number | null;
    stdout: string;
    stderr: string;
    /** stdout and stderr. */
    output: string;
}

/** What a `pulumi` command did, from its event log. */
export interface EngineResult extends CommandResult {
    /** Operations by the resource's name: "create", "update", "same", "delete", "replace", …; the last one counts. */
    operations: Record<string, string>;
    /** Counts by operation, as the summary has them. */
    changes: Record<string, number>;
    /** Messages, as they came, with the progress lines. */
    messages: string[];
    /** Names in the order in which their operations were done. */
    order: string[];
}

interface EngineEvent {
    resourcePreEvent?: { metadata: { op: string; urn: string } };
    resOutputsEvent?: { metadata: { op: string; urn: string } };
    summaryEvent?: { resourceChanges: Record<string, number> };
    diagnosticEvent?: { message: string; ephemeral?: boolean };
}

/** A state, as `pulumi stack export` has it. */
export interface Deployment {
    resources?: {
        urn: string;
        id?: string;
        type: string;
        inputs?: Record<string, unknown>;
        outputs?: Record<string, unknown>;
    }[];
    pending_operations?: unknown[];
}

/** One engine with plugins of its own, used by all tests of a file. */
export class Engine {
    readonly root = mkdtempSync(join(tmpdir(), "nta-plugins-"));
    private readonly projects: Project[] = [];

    private constructor(readonly env: NodeJS.ProcessEnv) {}

    static async create(providers: readonly ProviderPlugin[]): Promise<Engine> {
        const env: NodeJS.ProcessEnv = { ...process.env };
        for (const name of Object.keys(env)) {
            if (name.startsWith("PULUMI_")) {
                delete env[name];
            }
        }
        const engine = new Engine(env);
        const bin = join(engine.root, "bin");
        mkdirSync(bin);
        mkdirSync(join(engine.root, "state"));
        const binary = findEngine();
        try {
            // A link of its own, because the engine looks for the language host beside its binary.
            linkSync(binary, join(bin, "pulumi"));
        } catch {
            copyFileSync(binary, join(bin, "pulumi"));
        }
        const plugins = join(engine.root, "home", "plugins");
        await buildPlugins(plugins, { providers, languageHost: false });
        await buildPlugins(bin, { providers: [] });
        Object.assign(env, {
            PATH: `${bin}${delimiter}${dirname(process.execPath)}${delimiter}${env.PATH}`,
            PULUMI_HOME: join(engine.root, "home"),
            PULUMI_BACKEND_URL: `file://${join(engine.root, "state")}`,
            PULUMI_CONFIG_PASSPHRASE: "test",
            PULUMI_SKIP_UPDATE_CHECK: "true",
            PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
            PULUMI_NODEJS_TRANSPILE_ONLY: "true",
        });
        return engine;
    }

    /** A project with one stack; `program` is its index.js, or index.ts where told. */
    async project(name: string, program: string, options: { typescript?: boolean } = {}): Promise<Project> {
        const folder = join(this.root, "projects", name);
        mkdirSync(folder, { recursive: true });
        symlinkSync(join(__dirname, "..", "..", "node_modules"), join(folder, "node_modules"));
        const typescript = options.typescript ?? false;
        writeFileSync(
            join(folder, "Pulumi.yaml"),
            `name: ${name}\nruntime:\n  name: nodejs\n  options:\n    typescript: ${typescript}\n`,
        );
        writeFileSync(
            join(folder, "package.json"),
            JSON.stringify({
                name,
                dependencies: { "@pulumi/pulumi": "*" },
                main: typescript ? undefined : "index.js",
            }),
        );
        if (typescript) {
            const compilerOptions = { strict: true, target: "es2022", module: "node16", moduleResolution: "node16" };
            writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
        }
        const project = new Project(this, name, folder, typescript ? "index.ts" : "index.js");
        project.write(program);
        this.projects.push(project);
        await project.run(["stack", "init", "test"]);
        return project;
    }

    async close(): Promise<void> {
        for (const project of this.projects) {
            await project.stop();
        }
        rmSync(this.root, { recursive: true, force: true });
    }
}

export class Project {
    private readonly children = new Set<ChildProcess>();
    private logs = 0;

    constructor(
        readonly engine: Engine,
        readonly name: string,
        readonly folder: string,
        private readonly programFile: string,
    ) {}

    write(program: string): void {
        writeFileSync(join(this.folder, this.programFile), program);
    }

    path(...parts: string[]): string {
        return join(this.folder, ...parts);
    }

    /** Starts `pulumi` and gives its process, for tests that stop it. */
    start(
        args: readonly string[],
        env: NodeJS.ProcessEnv = {},
    ): { child: ChildProcess; result: Promise<CommandResult> } {
        const child = spawn("pulumi", ["--non-interactive", "--color", "never", ...args], {
            cwd: this.folder,
            env: { ...this.engine.env, ...env },
            stdio: ["ignore", "pipe", "pipe"],
        });
        this.children.add(child);
        const result = new Promise<CommandResult>((resolve, reject) => {
            const texts = { stdout: "", stderr: "", output: "" };
            for (const stream of ["stdout", "stderr"] as const) {
                child[stream].on("data", (chunk: Buffer) => {
                    texts[stream] += chunk.toString();
                    texts.output += chunk.toString();
                });
            }
            child.on("error", reject);
            child.on("close", (code) => {
                this.children.delete(child);
                resolve({ code, ...texts });
            });
        });
        return { child, result };
    }

    /** Runs `pulumi` and expects it to succeed. */
    async run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CommandResult> {
        const result = await this.start(args, env).result;
        assert.equal(result.code, 0, `pulumi ${args.join(" ")} failed:\n${result.output}`);
        return result;
    }

    /** Runs an operation (`up`, `preview`, `refresh`, `destroy`) to its end, whatever that is. */
    async operation(
        name: "up" | "preview" | "refresh" | "destroy",
        env: NodeJS.ProcessEnv = {},
        extra: readonly string[] = [],
    ): Promise<EngineResult> {
        const log = join(this.engine.root, `${this.name}-${++this.logs}.json`);
        const flags = name === "preview" ? [] : ["--yes", "--skip-preview"];
        const result = await this.start([name, ...flags, "--event-log", log, ...extra], {
            PULUMI_DEBUG_COMMANDS: "true",
            ...env,
        }).result;
        return { ...result, ...readEvents(log) };
    }

    private async successful(
        name: "up" | "preview" | "refresh" | "destroy",
        env?: NodeJS.ProcessEnv,
        extra?: readonly string[],
    ): Promise<EngineResult> {
        const result = await this.operation(name, env, extra);
        assert.equal(result.code, 0, `pulumi ${name} failed:\n${result.output}`);
        return result;
    }

    up(env?: NodeJS.ProcessEnv, extra?: readonly string[]): Promise<EngineResult> {
        return this.successful("up", env, extra);
    }

    preview(env?: NodeJS.ProcessEnv, extra?: readonly string[]): Promise<EngineResult> {
        return this.successful("preview", env, extra);
    }

    refresh(env?: NodeJS.ProcessEnv, extra?: readonly string[]): Promise<EngineResult> {
        return this.successful("refresh", env, extra);
    }

    destroy(env?: NodeJS.ProcessEnv, extra?: readonly string[]): Promise<EngineResult> {
        return this.successful("destroy", env, extra);
    }

    /** An operation that must fail; its output. */
    async failing(name: "up" | "preview" | "destroy", env?: NodeJS.ProcessEnv): Promise<string> {
        const result = await this.operation(name, env);
        assert.notEqual(result.code, 0, `pulumi ${name} should have failed:\n${result.output}`);
        return result.output;
    }

    /** The stack's outputs, secrets in plain text. */
    async outputs(): Promise<Record<string, unknown>> {
        const { stdout } = await this.run(["stack", "output", "--json", "--show-secrets"]);
        return JSON.parse(stdout) as Record<string, unknown>;
    }

    async state(): Promise<Deployment> {
        const { stdout } = await this.run(["stack", "export"]);
        return (JSON.parse(stdout) as { deployment: Deployment }).deployment;
    }

    /** The resource of that name in the state, with decrypted secrets. */
    async resource(name: string): Promise<NonNullable<Deployment["resources"]>[number]> {
        const { stdout } = await this.run(["stack", "export", "--show-secrets"]);
        const { deployment } = JSON.parse(stdout) as { deployment: Deployment };
        const found = deployment.resources?.find(({ urn }) => urn.endsWith(`::${name}`));
        assert.ok(found, `the state has no resource ${name}`);
        return found;
    }

    /** The state's file as it lies on the disk. */
    stateFile(): string {
        return readFileSync(join(this.engine.root, "state", ".pulumi", "stacks", this.name, "test.json"), "utf8");
    }

    async stop(): Promise<void> {
        for (const child of this.children) {
            child.kill("SIGKILL");
            await new Promise((resolve) => child.on("close", resolve));
        }
    }
}

function readEvents(log: string): Pick<EngineResult, "operations" | "changes" | "messages" | "order"> {
    const operations: Record<string, string> = {};
    const order: string[] = [];
    const messages: string[] = [];
    let changes: Record<string, number> = {};
    const lines = existsSync(log) ? readFileSync(log, "utf8").split("\n").filter(Boolean) : [];
    for (const line of lines) {
        const event = JSON.parse(line) as EngineEvent;
        const nameOf = (urn: string): string => urn.split("::").slice(3).join("::");
        if (event.resourcePreEvent !== undefined) {
            const { op, urn } = event.resourcePreEvent.metadata;
            operations[nameOf(urn)] = op;
        } else if (event.resOutputsEvent !== undefined) {
            order.push(nameOf(event.resOutputsEvent.metadata.urn));
        } else if (event.summaryEvent !== undefined) {
            changes = event.summaryEvent.resourceChanges;
        } else if (event.diagnosticEvent !== undefined) {
            messages.push(event.diagnosticEvent.message.replace(/<\{%.*?%\}>/g, "").trimEnd());
        }
    }
    return { operations, changes, messages, order };
}

/** Waits until `condition` holds. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, seconds = 30): Promise<void> {
    const end = Date.now() + seconds * 1000;
    while (!(await condition())) {
        assert.ok(Date.now() < end, `after ${seconds} s still not so: ${what}`);
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
}

/** Whether a process exists (and is no zombie). */
export function isAlive(pid: number): boolean {
    try {
        process.kill(pid, 0);
    } catch {
        return false;
    }
    try {
        return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
    } catch {
        return false;
    }
}
