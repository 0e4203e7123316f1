/**
 * A parallel job outside of Kubernetes: RabbitMQ in a container, the master and the workers as processes that are started
 * again when they die, as their controllers would.
 */
import { ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { layOutContext } from "../../components/images/build-context";
import { imageRecipes } from "../../components/images/catalog";
import { contextParts } from "../../components/images/images";
import { imagePrograms, programArchitecture, programsDirectory } from "../../components/images/program";
import { ensureDebianBase } from "../../images/base/debian-base";
import releases from "../../images/base/releases.json";
import { ensureSet } from "../../node-image/programs";
import { command, tryCommand } from "../../tools/command";
import { freePort } from "../free-port";

/** The program of the image `parallel`, built if it is not in the cache. */
export async function parallelProgram(progress: (line: string) => void = () => {}): Promise<string> {
    const { folder } = await ensureSet(imagePrograms("parallel"), programArchitecture, programsDirectory(), progress);
    return path.join(folder, "parallel");
}

/** RabbitMQ in a container, at a port of 127.0.0.1, with its data where a kill does not take it. */
export class BrokerContainer {
    readonly password = randomBytes(12).toString("hex");
    private readonly name = `nta-parallel-test-${randomBytes(4).toString("hex")}`;
    private constructor(readonly port: number) {}

    static async start(): Promise<BrokerContainer> {
        const broker = new BrokerContainer(await freePort());
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-parallel-"));
        try {
            const recipe = imageRecipes.find(({ name }) => name === "rabbitmq");
            const release = releases.find(({ suite }) => suite === "bookworm");
            if (recipe === undefined || release === undefined) {
                throw new Error("there is no recipe of the image rabbitmq");
            }
            const base = `nta-debian-base:${release.suite}-amd64`;
            await ensureDebianBase({ ...release, tag: base, architecture: "amd64", progress: () => {} });
            layOutContext(folder, contextParts(recipe, folder));
            const dockerfile = path.join(folder, "files", "Dockerfile");
            await command(
                [
                    "docker",
                    "build",
                    "--quiet",
                    `--build-arg=BASE=${base}`,
                    `--tag=${broker.name}`,
                    `--file=${dockerfile}`,
                    folder,
                ],
                { env: { ...process.env, DOCKER_BUILDKIT: "0" } },
            );
        } finally {
            fs.rmSync(folder, { recursive: true, force: true });
        }
        await command([
            ...(["docker", "run", "--detach", `--name=${broker.name}`] as const),
            `--publish=127.0.0.1:${broker.port}:5672`,
            `--env=RABBITMQ_PASSWD=${broker.password}`,
            broker.name,
        ]);
        await broker.ready();
        return broker;
    }

    async ready(): Promise<void> {
        for (let tries = 0; tries < 120; tries++) {
            if ((await tryCommand(["docker", "exec", this.name, "/opt/nta/bin/ready"])).code === 0) {
                return;
            }
            await sleep(1000);
        }
        throw new Error(`RabbitMQ is not ready:\n${(await tryCommand(["docker", "logs", this.name])).stdout}`);
    }

    /** SIGKILL, and a new start on the same data. */
    async kill(): Promise<void> {
        await command(["docker", "kill", this.name]);
        await command(["docker", "start", this.name]);
    }

    private async rabbitmqctl(...args: string[]): Promise<string> {
        return (await command(["docker", "exec", this.name, "rabbitmqctl", "--quiet", ...args])).stdout;
    }

    /** Names of the queues that begin with `prefix`. */
    async queues(prefix: string): Promise<string[]> {
        const names = (await this.rabbitmqctl("list_queues", "--no-table-headers", "name")).split("\n");
        return names.filter((name) => name.startsWith(prefix));
    }

    /** The end of what the broker told. */
    async log(): Promise<string> {
        return (await tryCommand(["docker", "logs", "--tail=40", this.name])).stdout;
    }

    /** Takes queues away with all that is in them. */
    async lose(prefix: string): Promise<void> {
        for (const name of await this.queues(prefix)) {
            await this.rabbitmqctl("delete_queue", name);
        }
    }

    async remove(): Promise<void> {
        await tryCommand(["docker", "rm", "--force", "--volumes", this.name]);
        await tryCommand(["docker", "image", "rm", "--no-prune", this.name]);
    }
}

/** A line of the results. */
export interface TaskResult {
    task: number;
    command: string;
    outcome: "succeeded" | "failed" | "lost" | "unfinished";
    tries: number;
    exitCode: number | null;
    output: string | null;
    outputCut: boolean;
    worker: string | null;
}

/** A process that is started again whenever it ends by a signal. */
class Kept {
    private child: ChildProcess;
    private wanted = true;
    log = "";
    starts = 0;
    /** The exit code, once the process has ended by itself. */
    readonly ended: Promise<number>;
    private settle: (code: number) => void = () => {};

    constructor(
        private readonly program: string,
        private readonly args: string[],
        private readonly env: NodeJS.ProcessEnv,
    ) {
        this.ended = new Promise((resolve) => (this.settle = resolve));
        this.child = this.start();
    }

    private start(): ChildProcess {
        this.starts++;
        const child = spawn(this.program, this.args, { env: this.env, stdio: ["ignore", "pipe", "pipe"] });
        for (const stream of [child.stdout, child.stderr]) {
            stream.setEncoding("utf8").on("data", (text: string) => (this.log += text));
        }
        child.on("close", (code) => {
            if (code === null && this.wanted) {
                this.child = this.start();
            } else {
                this.settle(code ?? -1);
            }
        });
        return child;
    }

    kill(): void {
        this.child.kill("SIGKILL");
    }

    async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
        this.wanted = false;
        this.child.kill(signal);
        return this.ended;
    }
}

export interface RunOptions {
    tasks: readonly string[];
    workers?: number;
    tries?: number;
    taskTimeout?: number;
    deadline?: number;
    /** Path of a list that is taken instead of one with `tasks`. */
    list?: string;
}

/** One run of a parallel job. */
export class ParallelRun {
    /** Of the run's own, for what tasks leave. */
    readonly folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-parallel-run-"));
    readonly workers: Kept[];
    readonly master: Kept;
    readonly queues = `test.${randomBytes(4).toString("hex")}`;

    constructor(program: string, broker: BrokerContainer, options: RunOptions) {
        const tasks = options.list ?? path.join(this.folder, "list");
        if (options.list === undefined) {
            fs.writeFileSync(tasks, options.tasks.map((task) => `${task}\n`).join(""));
        }
        const env = {
            PATH: process.env["PATH"],
            RUN_FOLDER: this.folder,
            PARALLEL_BROKER_HOST: "127.0.0.1",
            PARALLEL_BROKER_PORT: String(broker.port),
            PARALLEL_BROKER_USER: "taurus",
            PARALLEL_BROKER_PASSWORD: broker.password,
            PARALLEL_QUEUES: this.queues,
        };
        const seconds = (value: number | undefined) => (value === undefined ? "" : String(value));
        this.master = new Kept(program, ["master"], {
            ...env,
            PARALLEL_RUN: "run",
            PARALLEL_TASKS: tasks,
            PARALLEL_RESULTS: this.folder,
            PARALLEL_TRIES: String(options.tries ?? 3),
            PARALLEL_DEADLINE: seconds(options.deadline),
        });
        this.workers = Array.from({ length: options.workers ?? 1 }, (_, index) => {
            const variables = { PARALLEL_WORKER: `w${index}`, PARALLEL_TASK_TIMEOUT: seconds(options.taskTimeout) };
            return new Kept(program, ["worker", "--", "/bin/sh", "-c"], { ...env, ...variables });
        });
    }

    /** What is recorded so far. */
    results(): TaskResult[] {
        const file = path.join(this.folder, "latest", "results.jsonl");
        const text = fs.existsSync(file) ? fs.readFileSync(file, "utf8") : "";
        const lines = text.split("\n").slice(0, -1);
        return lines.map((line) => JSON.parse(line) as TaskResult);
    }

    /** Waits until as many outcomes are recorded. */
    async recorded(count: number): Promise<void> {
        while (this.results().length < count) {
            await sleep(20);
        }
    }

    /** Ends what runs, and removes the files. */
    async remove(): Promise<void> {
        await Promise.all([this.master, ...this.workers].map((one) => one.stop("SIGKILL")));
        fs.rmSync(this.folder, { recursive: true, force: true });
    }
}
