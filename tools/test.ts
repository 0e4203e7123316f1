import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { asCommand } from "./debian-packages";
import { cacheDirectory, root } from "./directories";
import { gather, planSteps } from "./gather";
import { Problem, runMain } from "./problem";
import { formatDuration, Progress } from "./progress";
import { countLine, countSuite, type TestCount } from "./test-results";

interface Suite {
    command: string[];
    isMocha: boolean;
    /** Whether it runs real parts, which have to be gathered first. */
    needsTools: boolean;
}

const mocha = ["node_modules/mocha/bin/mocha.js"];
const suites: Record<string, Suite> = {
    lint: { command: ["npm", "run", "--silent", "lint"], isMocha: false, needsTools: false },
    typecheck: { command: ["npm", "run", "--silent", "typecheck"], isMocha: false, needsTools: false },
    unit: { command: [process.execPath, ...mocha, "test/unit/**/*.test.ts"], isMocha: true, needsTools: false },
    integration: {
        // The flags stand in the configuration, so that one file alone is run with them too.
        command: [
            process.execPath,
            ...mocha,
            "--config=test/integration/.mocharc.yaml",
            "test/integration/**/*.test.ts",
        ],
        isMocha: true,
        needsTools: true,
    },
    e2e: {
        command: [process.execPath, ...mocha, "--timeout", "600000", "test/e2e/**/*.test.ts"],
        isMocha: true,
        needsTools: true,
    },
    // A virtual machine, which takes a quarter of an hour where processors are emulated: asked for by name only.
    vm: {
        command: [process.execPath, ...mocha, "--timeout", "3600000", "test/vm/**/*.test.ts"],
        isMocha: true,
        needsTools: true,
    },
    // Another version of Kubernetes, which has to be built where it can't be downloaded: asked for by name only.
    upgrade: {
        command: [process.execPath, ...mocha, "test/upgrade/**/*.test.ts"],
        isMocha: true,
        needsTools: true,
    },
};

/** How long a suite may hang around after its last test before it counts as failed, in ms. */
const lingering = 60000;

async function runSuite(name: string, suite: Suite): Promise<TestCount> {
    console.log(`\n=== ${name}`);
    const started = Date.now();
    const [program, ...args] = asCommand(suite.command);
    const child = spawn(program, args, {
        cwd: root,
        stdio: ["ignore", "pipe", "pipe"],
        env: {
            ...process.env,
            PATH: `${join(cacheDirectory(), "bin")}:${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`,
            FORCE_COLOR: process.stdout.isTTY === true ? "1" : "0",
        },
    });
    let output = "";
    let last = Date.now();
    let ended: NodeJS.Timeout | undefined;
    const read = async (stream: NodeJS.ReadableStream) => {
        for await (const line of createInterface({ input: stream, crlfDelay: Infinity })) {
            output += `${line}\n`;
            last = Date.now();
            console.log(line);
            if (suite.isMocha && /^\s*\d+ passing\b/.test(line)) {
                ended ??= setTimeout(() => {
                    console.log(
                        `${name}: a test left something open that keeps Node running for ${lingering / 1000} s`,
                    );
                    child.kill("SIGKILL");
                }, lingering);
            }
        }
    };
    const timer = setInterval(() => {
        if (Date.now() - last >= 9000) {
            last = Date.now();
            console.log(`… ${name}, ${formatDuration(Date.now() - started)}`);
        }
    }, 1000);
    const reading = [child.stdout, child.stderr].map(read);
    const code = await new Promise<number>((settle) => {
        child.once("error", (error) => {
            console.log(error.message);
            settle(127);
        });
        child.once("exit", (exitCode) => settle(exitCode ?? 1));
    });
    clearTimeout(ended);
    await Promise.race([Promise.all(reading), new Promise((settle) => setTimeout(settle, 2000).unref())]);
    clearInterval(timer);
    const count = countSuite(code, output, suite.isMocha);
    console.log(`=== ${name}: ${countLine(count)} (${formatDuration(Date.now() - started)})`);
    return count;
}

runMain(async () => {
    const asked = process.argv.slice(2);
    const names = asked.length > 0 ? asked : ["lint", "typecheck", "unit", "integration"];
    const chosen = names.map((name): [string, Suite] => {
        const suite = suites[name];
        if (suite === undefined) {
            throw new Problem(`There is no suite "${name}": ${Object.keys(suites).join(", ")}.`, 2);
        }
        return [name, suite];
    });
    const total: TestCount = { passed: 0, failed: 0 };
    let gathered = false;
    for (const [name, suite] of chosen) {
        if (suite.needsTools && !gathered) {
            console.log("\n=== tools");
            await gather("test", new Progress(planSteps("test").length));
            gathered = true;
        }
        const count = await runSuite(name, suite);
        total.passed += count.passed;
        total.failed += count.failed;
    }
    console.log(`\n${countLine(total)}`);
    return total.failed === 0 && total.passed > 0 ? 0 : 1;
});
