/** The program of parallel jobs, with a real RabbitMQ: what is killed, when, and that nothing is lost or told twice. */
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { command } from "../../tools/command";
import { BrokerContainer, parallelProgram, ParallelRun, RunOptions } from "./parallel-run";

const moduleFolder = path.resolve(__dirname, "../../images/parallel");

describe("parallel job", function () {
    this.timeout(3 * 60_000);
    let program: string;
    let broker: BrokerContainer;
    let run: ParallelRun | undefined;

    before(async function () {
        // The program and the broker's image are built where they are not in the caches.
        this.timeout(20 * 60_000);
        program = await parallelProgram();
        broker = await BrokerContainer.start();
    });
    after(() => broker?.remove());
    afterEach(async function () {
        if (this.currentTest?.isFailed() === true && run !== undefined) {
            const workers = run.workers.map(({ log }) => log.slice(-2000));
            console.log([`master:\n${run.master.log}`, ...workers, `broker:\n${await broker.log()}`].join("\n"));
        }
        await run?.remove();
        run = undefined;
    });

    const begin = (options: RunOptions) => (run = new ParallelRun(program, broker, options));
    /** A task that says by a line in a file that it ran. */
    const traced = (what: string) => `echo $TASK_ID >> $RUN_FOLDER/ran; ${what}`;
    const ran = ({ folder }: ParallelRun) => fs.readFileSync(path.join(folder, "ran"), "utf8").trim().split("\n");
    const until = async (what: () => boolean) => {
        while (!what()) {
            await sleep(10);
        }
    };

    it("passes its own unit tests, race detector apart", async () => {
        const { stdout } = await command(["go", "test", "./..."], {
            cwd: moduleFolder,
            env: { ...process.env, GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" },
        });
        assert.match(stdout, /^ok\s/m);
    });

    it("reads a file with one command a line, runs each, and ends with success, its queues gone", async () => {
        const tasks = ["echo one", "", "echo 'two  words' >&2", "   ", "printf three"];
        const one = begin({ tasks, workers: 2 });
        assert.equal(await one.master.ended, 0, one.master.log);
        const told = one.results().sort((a, b) => a.task - b.task);
        assert.deepEqual(
            told.map(({ task, command: text, outcome, tries, exitCode, output }) => ({
                task,
                text,
                outcome,
                tries,
                exitCode,
                output,
            })),
            [
                { task: 1, text: "echo one", outcome: "succeeded", tries: 1, exitCode: 0, output: "one\n" },
                {
                    task: 2,
                    text: "echo 'two  words' >&2",
                    outcome: "succeeded",
                    tries: 1,
                    exitCode: 0,
                    output: "two  words\n",
                },
                { task: 3, text: "printf three", outcome: "succeeded", tries: 1, exitCode: 0, output: "three" },
            ],
        );
        assert.match(one.master.log, /done in .*: 3 tasks succeeded, 0 did not/);
        assert.deepEqual(await broker.queues(one.queues), []);
        const { stdout } = await command([program, "results", one.folder]);
        assert.equal(stdout.trim().split("\n").length, 3);
    });

    it("names a file of tasks that is not there", async () => {
        const one = begin({ tasks: ["true"], list: "/absent/tasks" });
        assert.equal(await one.master.ended, 3);
        assert.match(one.master.log, /\/absent\/tasks/);
    });

    it("tries a failing task as often as it is told, then sets it aside and ends without success", async () => {
        const one = begin({ tasks: [traced("exit 3"), traced("[ $TASK_TRY = 2 ]"), traced("true")], tries: 3 });
        assert.equal(await one.master.ended, 1, one.master.log);
        const told = one.results().map(({ task, outcome, tries, exitCode }) => [task, outcome, tries, exitCode]);
        assert.deepEqual(told.sort(), [
            [1, "failed", 3, 3],
            [2, "succeeded", 2, 0],
            [3, "succeeded", 1, 0],
        ]);
        assert.deepEqual(ran(one).sort(), ["1", "1", "1", "2", "2", "3"]);
    });

    it("acknowledges a task when it has ended: one whose worker is killed runs again", async () => {
        const one = begin({ tasks: [traced("sleep 1; echo $$")], tries: 1 });
        await until(() => fs.existsSync(path.join(one.folder, "ran")));
        one.workers[0].kill();
        assert.equal(await one.master.ended, 0, one.master.log);
        assert.deepEqual(ran(one), ["1", "1"]);
        assert.deepEqual(
            one.results().map(({ outcome, tries }) => [outcome, tries]),
            [["succeeded", 1]],
        );
    });

    it("lets a worker that is told to stop end its task, which runs once", async () => {
        const one = begin({ tasks: [traced("sleep 1; echo done")] });
        await until(() => fs.existsSync(path.join(one.folder, "ran")));
        assert.equal(await one.workers[0].stop("SIGTERM"), 0);
        assert.equal(await one.master.ended, 0, one.master.log);
        assert.deepEqual(ran(one), ["1"]);
        assert.equal(one.results()[0].output, "done\n");
    });

    it("does not run a task again that ended while the broker was away", async () => {
        const one = begin({ tasks: [traced("sleep 4; echo done")] });
        await until(() => fs.existsSync(path.join(one.folder, "ran")));
        await broker.kill();
        assert.equal(await one.master.ended, 0, one.master.log);
        assert.deepEqual(ran(one), ["1"]);
        assert.equal(one.results().length, 1);
    });

    it("sets a task aside that takes every worker with it", async () => {
        const one = begin({ tasks: [traced("kill -9 $PPID"), traced("true")], workers: 2 });
        assert.equal(await one.master.ended, 1, one.master.log);
        const told = one.results().map(({ task, outcome, exitCode }) => [task, outcome, exitCode]);
        assert.deepEqual(told.sort(), [
            [1, "lost", null],
            [2, "succeeded", 0],
        ]);
        assert.equal(ran(one).filter((id) => id === "1").length, 21);
        assert.match(one.master.log, /task 1 failed for good, .*its worker was gone 21 times/);
    });

    it("ends a try that takes too long, with all that it started", async () => {
        const one = begin({
            tasks: [traced("sleep 1000 & echo $! > $RUN_FOLDER/pid; wait")],
            taskTimeout: 1,
            tries: 1,
        });
        assert.equal(await one.master.ended, 1, one.master.log);
        assert.deepEqual(
            one.results().map(({ outcome, exitCode }) => [outcome, exitCode]),
            [["failed", 124]],
        );
        const pid = fs.readFileSync(path.join(one.folder, "pid"), "utf8").trim();
        const stat = path.join("/proc", pid, "stat");
        // Whoever is the first process here may leave it as a zombie.
        assert.ok(!fs.existsSync(stat) || /\) Z /.test(fs.readFileSync(stat, "utf8")), `process ${pid} is alive`);
    });

    it("ends at its deadline with the tasks that have ended, and tells which have not", async () => {
        const one = begin({ tasks: ["true", "sleep 20", "true"], deadline: 3 });
        assert.equal(await one.master.ended, 1, one.master.log);
        const told = one.results().map(({ task, outcome }) => [task, outcome]);
        assert.deepEqual(told.sort(), [
            [1, "succeeded"],
            [2, "unfinished"],
            [3, "unfinished"],
        ]);
    });

    it("keeps the end of a long output, and hides its own variables from the tasks", async () => {
        const one = begin({ tasks: ["seq 1 10000", "env | grep -c PARALLEL; echo $TASK_ID"] });
        assert.equal(await one.master.ended, 0, one.master.log);
        const [long, variables] = one.results().sort((a, b) => a.task - b.task);
        assert.equal(long.output?.length, 8192);
        assert.ok(long.output?.endsWith("9999\n10000\n"));
        assert.equal(long.outputCut, true);
        assert.equal(variables.output, "0\n2\n");
    });

    it("loses no task and records none twice while workers, the broker and the master are killed", async () => {
        const tasks = Array.from({ length: 3000 }, () => traced("echo $TASK_ID"));
        const one = begin({ tasks, workers: 4 });
        for (const [round, count] of [100, 800, 1500, 2200].entries()) {
            await one.recorded(count);
            one.workers[round].kill();
            one.master.kill();
            if (round % 2 === 1) {
                await broker.kill();
            }
        }
        assert.equal(await one.master.ended, 0, one.master.log);
        assert.equal(one.master.starts, 5);
        const told = one.results();
        assert.deepEqual(
            told.map(({ task }) => task).sort((a, b) => a - b),
            tasks.map((_, index) => index + 1),
        );
        for (const { task, output, tries } of told) {
            assert.deepEqual([output, tries], [`${task}\n`, 1]);
        }
        // A worker has at most 16 tasks under way: four were killed, and the broker twice took all four's. The master, killed
        // four times, had at most 50 tasks under way to the queue. The broker holds back up to 64 acknowledgements from the disk.
        const again = ran(one).length - tasks.length;
        assert.ok(
            again <= 16 * (4 + 2 * 4) + 50 * 4 + 64 * 2,
            `${again} tasks ran more than once: more than were under way at the kills`,
        );
    });

    // RabbitMQ has not written down everything about a queue then: all of it may be gone afterwards.
    it("goes on when the broker is killed in the job's first second", async () => {
        const tasks = Array.from({ length: 200 }, () => "echo $TASK_ID");
        for (const recorded of [0, 1, 20]) {
            const one = begin({ tasks, workers: 2 });
            await until(() => fs.existsSync(path.join(one.folder, "run", "journal.jsonl")));
            await one.recorded(recorded);
            await broker.kill();
            assert.equal(await one.master.ended, 0, one.master.log);
            assert.deepEqual(
                one
                    .results()
                    .map(({ task }) => task)
                    .sort((a, b) => a - b),
                tasks.map((_, index) => index + 1),
            );
            await one.remove();
        }
    });

    it("queues again what a broker lost with all its data", async () => {
        const one = begin({ tasks: Array.from({ length: 20 }, () => "sleep 0.2"), workers: 1 });
        await one.recorded(3);
        await broker.lose(one.queues);
        assert.equal(await one.master.ended, 0, one.master.log);
        assert.equal(new Set(one.results().map(({ task }) => task)).size, 20);
        assert.match(one.master.log, /the broker has lost the queues/);
    });
});
