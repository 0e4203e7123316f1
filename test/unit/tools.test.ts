import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseSettings } from "../../components/settings/parse";
import type { CheckResult } from "../../tools/doctor/check";
import { platformFinding } from "../../tools/doctor/machine";
import { wantedPorts } from "../../tools/doctor/ports";
import { diskFinding, memoryFinding } from "../../tools/doctor/room";
import { examinationText } from "../../tools/doctor/text";
import { dockerFinding } from "../../tools/doctor/tools";
import { mend, rawConfiguration } from "../../tools/stack-settings";
import { findProgram } from "../../tools/command";
import { installPackages, missingPackages } from "../../tools/debian-packages";
import { dockerState } from "../../tools/docker";
import { findChecksum } from "../../tools/download";
import { planSteps } from "../../tools/gather";
import { atLeast, expand, parseVersion, pinned } from "../../tools/pinned";
import { originsDifference, planPlugins } from "../../tools/plugins";
import { Problem, problemOf } from "../../tools/problem";
import { fitLine, formatDuration, Progress, type Report } from "../../tools/progress";
import { isPackageLine, releasePlatform } from "../../tools/pulumi-engine";
import { choosePulumiHome, shellQuote } from "../../tools/pulumi-home";
import { Activity } from "../../tools/pulumi-run";
import { firstThatWorks, Unavailable } from "../../tools/sources";
import { chooseStack, isLockLive, passphraseFits } from "../../tools/stack";
import { countMocha, countSuite } from "../../tools/test-results";
import manifest from "../../package.json";

const quiet: Report = Object.assign(() => {}, { note: () => {} });

describe("tools: versions", () => {
    it("are found in what programs print", () => {
        assert.deepEqual(parseVersion("Vagrant 2.3.4\n"), [2, 3, 4]);
        assert.deepEqual(parseVersion("go1.26"), [1, 26, 0]);
        assert.deepEqual(parseVersion("v3.259.0+dirty"), [3, 259, 0]);
        assert.equal(parseVersion("unknown"), undefined);
    });

    it("are compared by number, not by text", () => {
        assert.equal(atLeast("v3.259.0", "3.246.0"), true);
        assert.equal(atLeast("3.246.0", "3.246.0"), true);
        assert.equal(atLeast("3.99.9", "3.246.0"), false);
        assert.equal(atLeast("2.300.0", "3.0.0"), false);
        assert.equal(atLeast("", "1.0.0"), false);
    });

    it("of the plugins are those of the installed SDKs", () => {
        const dependencies: Record<string, string> = manifest.dependencies;
        for (const [name, version] of Object.entries(pinned.plugins)) {
            assert.equal(version, dependencies[`@pulumi/${name}`], name);
        }
    });

    it("fill addresses", () => {
        assert.equal(
            expand(pinned.pulumi.archive, { version: "3.259.0", platform: "linux-x64" }),
            "https://github.com/pulumi/pulumi/releases/download/v3.259.0/pulumi-v3.259.0-linux-x64.tar.gz",
        );
    });

    it("of releases exist for the platforms that Pulumi builds", () => {
        assert.equal(releasePlatform("linux", "x64"), "linux-x64");
        assert.equal(releasePlatform("darwin", "arm64"), "darwin-arm64");
        assert.equal(releasePlatform("linux", "riscv64"), undefined);
        assert.equal(releasePlatform("freebsd", "x64"), undefined);
    });
});

describe("tools: sources", () => {
    it("takes the first that has the tool, and asks no further", async () => {
        const asked: string[] = [];
        const source = (name: string, result: string | Unavailable) => ({
            name,
            get: () => {
                asked.push(name);
                return Promise.resolve(result);
            },
        });
        const found = await firstThatWorks<string>(
            "it",
            [source("a", new Unavailable("not here")), source("b", "B"), source("c", "C")],
            quiet,
        );
        assert.deepEqual(found, { source: "b", result: "B" });
        assert.deepEqual(asked, ["a", "b"]);
    });

    it("goes on after a failure and says so", async () => {
        const notes: string[] = [];
        const report = Object.assign(() => {}, { note: (line: string) => notes.push(line) });
        const found = await firstThatWorks<string>(
            "it",
            [
                { name: "a", get: () => Promise.reject(new Error("broken\nmore")) },
                { name: "b", get: () => Promise.resolve("B") },
            ],
            report,
        );
        assert.equal(found.source, "b");
        assert.deepEqual(notes, ["a: broken"]);
    });

    it("names every source when none has it", async () => {
        const failing = firstThatWorks<string>(
            "Pulumi",
            [
                { name: "on this machine", get: () => Promise.resolve(new Unavailable("there is none")) },
                { name: "download", get: () => Promise.reject(new Error("wrong checksum")) },
            ],
            quiet,
        );
        await assert.rejects(failing, (error: Problem) => {
            assert.ok(error instanceof Problem);
            assert.equal(
                error.message,
                "Pulumi could not be had:\n  - on this machine: there is none\n  - download: wrong checksum",
            );
            return true;
        });
    });
});

describe("tools: progress", () => {
    class Stream {
        text = "";
        columns = 60;
        constructor(readonly isTTY: boolean) {}
        write(text: string) {
            this.text += text;
        }
    }

    it("writes durations as people say them", () => {
        assert.equal(formatDuration(999), "0s");
        assert.equal(formatDuration(59_999), "59s");
        assert.equal(formatDuration(125_000), "2m 05s");
        assert.equal(formatDuration(3_725_000), "1h 02m");
    });

    it("keeps a line one line", () => {
        assert.equal(fitLine("a\u001b[31mb\tc\r\n", 10), "ab c ");
        assert.equal(fitLine("abcdefgh", 5), "abcd…");
    });

    it("numbers steps and says what came of them", async () => {
        const stream = new Stream(false);
        const progress = new Progress(2, stream);
        await progress.step("One", (report) => {
            report("at it");
            report("still at it");
            report.note("a fact");
            return Promise.resolve();
        });
        await assert.rejects(progress.step("Two", () => Promise.reject(new Error("no"))));
        assert.equal(stream.text, "[1/2] One: at it (0s)\n[1/2] One: a fact\n[1/2] One: ready\n[2/2] Two: failed\n");
    });

    it("is not silent for 10 s where there is no terminal", async () => {
        const stream = new Stream(false);
        let now = 0;
        const times: number[] = [];
        const progress = new Progress(1, { write: (text: string) => (times.push(now), stream.write(text)) }, () => now);
        const realSetInterval = globalThis.setInterval;
        let tick: () => void = () => {};
        globalThis.setInterval = ((callback: () => void) => {
            tick = callback;
            return realSetInterval(() => {}, 1 << 30);
        }) as typeof setInterval;
        try {
            await progress.step("Slow", async (report) => {
                report("compiling");
                for (let second = 0; second < 60; second++) {
                    now += 1000;
                    tick();
                }
            });
        } finally {
            globalThis.setInterval = realSetInterval;
        }
        const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
        assert.ok(times.length >= 6, stream.text);
        assert.ok(Math.max(...gaps) < 10_000, gaps.join(" "));
    });

    it("redraws one line on a terminal", async () => {
        const stream = new Stream(true);
        const progress = new Progress(1, stream);
        await progress.step("Step", async (report) => {
            report("x".repeat(100));
            await new Promise((resolve) => setTimeout(resolve, 600));
        });
        const drawn = stream.text.split("\r\u001b[K").slice(1);
        assert.ok(drawn.length >= 3, JSON.stringify(stream.text));
        assert.ok(drawn.every((line) => line.length < stream.columns));
        assert.equal(stream.text.split("\n").length, 2);
        assert.ok(stream.text.endsWith("[1/1] Step: ready\n"));
    });
});

describe("tools: plan", () => {
    it("does what is quick before what takes long", () => {
        assert.deepEqual(planSteps("up"), [
            "This machine",
            "Debian packages",
            "Docker engine",
            "Vagrant",
            "Pulumi",
            "Node image",
            "Pulumi's plugins",
            "Stack",
        ]);
        assert.deepEqual(planSteps("destroy"), [
            "Debian packages",
            "Docker engine",
            "Vagrant",
            "Pulumi",
            "Pulumi's plugins",
            "Stack",
        ]);
        assert.deepEqual(planSteps("up", "existing"), [
            "This machine",
            "Debian packages",
            "Docker engine",
            "Pulumi",
            "Pulumi's plugins",
            "Stack",
        ]);
        assert.deepEqual(planSteps("test"), ["Debian packages", "Docker engine", "Vagrant", "Pulumi", "Node image"]);
    });

    it("installs what is missing for the goal, and no more", () => {
        const names = (goal: "run" | "test", closed: boolean, has: string[]) =>
            missingPackages(goal, closed, (program) => has.includes(program)).map((entry) => entry.package);
        assert.deepEqual(names("run", true, ["git"]), ["docker.io", "vagrant", "mmdebstrap"]);
        assert.deepEqual(names("run", false, ["git", "dockerd", "vagrant"]), []);
        assert.deepEqual(names("test", false, ["git", "dockerd", "vagrant", "zsh"]), ["cloud-init", "docker-registry"]);
    });

    it("says exactly what to install where it may not, and tries nothing", async () => {
        const { getuid } = process;
        const { PATH } = process.env;
        const folder = mkdtempSync(join(tmpdir(), "nta-tools-"));
        try {
            process.getuid = () => 1000;
            process.env.PATH = folder;
            const needed = [{ package: "vagrant", command: "vagrant", for: "the machines" }];
            await assert.rejects(installPackages(needed, quiet), /only on Debian and Ubuntu: vagrant/);
            writeFileSync(join(folder, "apt-get"), "#!/bin/sh\nexit 9\n", { mode: 0o755 });
            await assert.rejects(installPackages(needed, quiet), (error: Problem) => {
                assert.ok(error instanceof Problem);
                assert.equal(
                    error.message,
                    "These Debian packages are missing, and installing them takes root rights:\n" +
                        "  - vagrant: the machines\n" +
                        "Run this, then what you ran just now again:\n" +
                        "  sudo apt-get update && sudo apt-get install -y --no-install-recommends vagrant",
                );
                return true;
            });
            await installPackages([], quiet);
        } finally {
            process.getuid = getuid;
            process.env.PATH = PATH;
            rmSync(folder, { recursive: true });
        }
    });

    it("reads how Docker is from what `docker version` says", () => {
        const state = (code: number, stdout: string, stderr = "") => dockerState({ code, stdout, stderr });
        assert.deepEqual(state(0, "20.10.24\n"), { kind: "answers", version: "20.10.24" });
        assert.deepEqual(state(127, ""), { kind: "no client" });
        const denied = "permission denied while trying to connect to the Docker daemon socket";
        assert.deepEqual(state(1, "", denied), { kind: "no permission", message: denied });
        const gone = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.";
        assert.deepEqual(state(1, "", gone), { kind: "not running", message: gone });
    });

    it("finds checksums in a release's list", () => {
        const sum = "a".repeat(64);
        assert.equal(findChecksum(`${"b".repeat(64)}  other.tar.gz\n${sum}  it.tar.gz\n`, "it.tar.gz"), sum);
        assert.equal(findChecksum(`${sum} *it.tar.gz`, "it.tar.gz"), sum);
        assert.equal(findChecksum(`${sum}  my-it.tar.gz\n`, "it.tar.gz"), undefined);
        assert.equal(findChecksum("<html>not found</html>", "it.tar.gz"), undefined);
    });

    it("tells packages from other lines of go build", () => {
        assert.equal(isPackageLine("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"), true);
        assert.equal(isPackageLine("internal/goarch"), true);
        assert.equal(isPackageLine("go: downloading x v1.2.3"), false);
        assert.equal(isPackageLine("# command-line-arguments"), false);
    });

    it("finds programs, but not in the folder that is left out", () => {
        const folder = mkdtempSync(join(tmpdir(), "nta-tools-"));
        try {
            for (const name of ["cache/bin", "usr"]) {
                mkdirSync(join(folder, name), { recursive: true });
                writeFileSync(join(folder, name, "prog"), "", { mode: 0o755 });
            }
            writeFileSync(join(folder, "usr", "plain"), "");
            const path = `${folder}/cache/bin::${folder}/usr`;
            assert.equal(findProgram("prog", path), join(folder, "cache/bin/prog"));
            assert.equal(findProgram("prog", path, join(folder, "cache")), join(folder, "usr/prog"));
            assert.equal(findProgram("plain", path), undefined);
        } finally {
            rmSync(folder, { recursive: true });
        }
    });
});

describe("tools: plugins", () => {
    const official = { origin: "official" } as const;
    const standIn = (source: string) => ({ origin: "stand-in", source }) as const;

    it("prefers Pulumi's own, and builds ours where they can't be had", () => {
        const found = { command: official, docker: undefined, random: standIn("old"), kubernetes: standIn("new") };
        assert.deepEqual(planPlugins(found, true, "new"), { install: ["docker", "random", "kubernetes"], build: [] });
        assert.deepEqual(planPlugins(found, false, "new"), { install: [], build: ["docker", "random"] });
    });

    it("says what differs from those a stack was made with", () => {
        const before = { command: "stand-in", docker: "official" } as const;
        assert.equal(originsDifference(before, { command: "stand-in", docker: "official" }), undefined);
        assert.equal(
            originsDifference(before, { command: "official", docker: "official", random: "official" }),
            "command: stand-in → official",
        );
    });
});

describe("tools: Pulumi's home", () => {
    const facts = {
        environment: {} as NodeJS.ProcessEnv,
        state: "/s",
        userHome: "/home/ada",
        engineIsUsers: false,
        loggedIn: (_home: string) => false,
    };
    const own = {
        PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
        PULUMI_HOME: "/s/pulumi",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_BACKEND_URL: "file:///s/backend",
        PULUMI_CONFIG_PASSPHRASE_FILE: "/s/passphrase",
    };

    it("is ours where there is none", () => {
        const expected = { home: "/s/pulumi", isUsers: false, variables: own, backendFolder: "/s/backend" };
        assert.deepEqual(choosePulumiHome(facts), expected);
        // What `source env` has set does not count as the user's.
        assert.deepEqual(choosePulumiHome({ ...facts, environment: own }), expected);
        // A login counts only together with an engine of the user's.
        assert.deepEqual(choosePulumiHome({ ...facts, loggedIn: () => true }), expected);
    });

    it("is the user's where they have an engine and a login", () => {
        const chosen = choosePulumiHome({
            ...facts,
            engineIsUsers: true,
            loggedIn: (home) => home === "/home/ada/.pulumi",
        });
        assert.deepEqual(chosen, {
            home: "/home/ada/.pulumi",
            isUsers: true,
            variables: {
                PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
                PULUMI_NODEJS_TRANSPILE_ONLY: "true",
                PULUMI_CONFIG_PASSPHRASE_FILE: "/s/passphrase",
            },
        });
    });

    it("leaves a backend and a passphrase of the user's alone", () => {
        const environment = { PULUMI_BACKEND_URL: "s3://bucket", PULUMI_CONFIG_PASSPHRASE: "" };
        const chosen = choosePulumiHome({ ...facts, environment });
        assert.equal(chosen.home, "/s/pulumi");
        assert.equal(chosen.backendFolder, undefined);
        assert.equal("PULUMI_BACKEND_URL" in chosen.variables, false);
        assert.equal("PULUMI_CONFIG_PASSPHRASE_FILE" in chosen.variables, false);
    });

    it("quotes for the shell", () => {
        assert.equal(shellQuote("/a b/it's"), `'/a b/it'\\''s'`);
    });
});

describe("tools: stack", () => {
    it("is what is asked for, else what is selected in this checkout, else dev", () => {
        const home = mkdtempSync(join(tmpdir(), "nta-tools-"));
        try {
            assert.equal(chooseStack({ NTA_STACK: "lab" }, home, undefined, "/c"), "lab");
            assert.equal(chooseStack({ PULUMI_STACK: "lab2" }, home, undefined, "/c"), "lab2");
            assert.equal(chooseStack({}, home, undefined, "/c"), "local");
            const hash = createHash("sha1").update("/c/Pulumi.yaml").digest("hex");
            mkdirSync(join(home, "workspaces"));
            writeFileSync(
                join(home, "workspaces", `nta-${hash}-workspace.json`),
                JSON.stringify({
                    stacks: { "file:///x": "organization/nta/one", "file:///y": "organization/nta/two" },
                }),
            );
            assert.equal(chooseStack({}, home, "file:///y", "/c"), "two");
            assert.equal(chooseStack({}, home, "file:///y", "/other"), "local");
        } finally {
            rmSync(home, { recursive: true });
        }
    });

    it("knows whether a passphrase is the one that a salt was made with", async () => {
        // Written by Pulumi 3.259.0 with the passphrase "abc".
        const salt = "v1:H4iI85Dl1+A=:v1:xqg1+YGdO4jMELwu:BgUKR4w1PE1Vc879e4dr5YLdfW/YXQ==";
        assert.equal(await passphraseFits(salt, "abc"), true);
        assert.equal(await passphraseFits(salt, "abd"), false);
        assert.equal(await passphraseFits("v1:broken", "abc"), false);
    });

    it("takes a lock for stale only if its process can't be at work", () => {
        const lock = { pid: 7, hostname: "here", timestamp: "" };
        assert.equal(
            isLockLive(lock, "here", () => true),
            true,
        );
        assert.equal(
            isLockLive(lock, "here", () => false),
            false,
        );
        assert.equal(
            isLockLive(lock, "elsewhere", () => false),
            true,
        );
    });

    it("reads what the engine is at from its lines", () => {
        const activity = new Activity();
        assert.equal(activity.take(" +  docker:index:Image taurus creating (0s)"), true);
        assert.equal(activity.describe(), "creating docker:index:Image taurus");
        activity.take(" ++ kubernetes:core/v1:Pod web creating replacement (1s) [diff: ~spec]");
        assert.equal(activity.describe(), "creating docker:index:Image taurus and 1 more");
        activity.take(" +  docker:index:Image taurus created (12s)");
        assert.equal(activity.describe(), "creating kubernetes:core/v1:Pod web");
        activity.take(" ++ kubernetes:core/v1:Pod web created replacement (4s) [diff: ~spec]");
        assert.equal(activity.describe(), "");
        assert.equal(activity.take("@ updating......"), false);
        assert.equal(activity.take("   "), false);
        assert.equal(activity.take("    step 3 of 4"), true);
    });
});

describe("tools: checks", () => {
    const settings = (raw: Record<string, string>) =>
        parseSettings(raw, [], { project: "nta", readFile: () => assert.fail("no file") });

    it("reads the configuration as the engine hands it on", () => {
        const text = [
            "encryptionsalt: v1:x",
            "config:",
            "  nta:apiPort: 16443",
            "  nta:registry: example.com/team",
            "  nta:registryPassword:",
            "    secure: v1:abc",
            "  nta:taurus:",
            "    httpsPort: 8443",
            "    collectors: { xigniteApiToken: { secure: v1:def } }",
            "  kubernetes:context: lab",
        ].join("\n");
        assert.deepEqual(rawConfiguration(text), {
            raw: {
                "nta:apiPort": "16443",
                "nta:registry": "example.com/team",
                "nta:registryPassword": "(encrypted)",
                "nta:taurus": '{"httpsPort":8443,"collectors":{"xigniteApiToken":"(encrypted)"}}',
                "kubernetes:context": "lab",
            },
            secretKeys: ["nta:registryPassword", "nta:taurus"],
        });
        assert.deepEqual(rawConfiguration(""), { raw: {}, secretKeys: [] });
    });

    it("wants the ports that the settings expose, and no others", () => {
        const ports = (raw: Record<string, string>) =>
            Object.fromEntries(wantedPorts(settings(raw)).map(({ setting, port }) => [setting, port]));
        assert.deepEqual(ports({}), {
            apiPort: 6443,
            registryPort: 5000,
            "taurus.httpsPort": 443,
            "taurus.supervisorPort": 9001,
            "taurus.metricsPort": 2003,
        });
        const other = {
            "nta:registry": "example.com/a",
            "nta:taurus.expose": "false",
            "nta:support.rabbitmq.expose": "true",
        };
        const existing = { "nta:cluster": "existing", "nta:kubeContext": "lab", "nta:registry": "example.com" };
        assert.deepEqual(ports(existing), {});
        assert.deepEqual(ports(other), { apiPort: 6443, "support.rabbitmq.managementPort": 15672 });
    });

    it("says what there is too little of, and what to do", () => {
        const set = (setting: string, value: number) => `${setting} := ${value}`;
        assert.deepEqual(memoryFinding(3000, 4096, set), {
            wrong:
                "too little memory: 3000 MiB are free, and the cluster takes up to 4096 MiB: " +
                "close something, or make the node smaller",
            mend: "memory := 2304",
        });
        assert.match(memoryFinding(2000, 4096, set)?.mend ?? "", /at least 2048 MiB/);
        assert.equal(memoryFinding(8000, 4096, set), undefined);
        const GiB = 2 ** 30;
        const disk = diskFinding({ path: "/a", free: 3 * GiB, needed: 16 * GiB });
        assert.match(disk?.wrong ?? "", /3\.0 GiB are free at \/a.*16 GiB/);
        assert.equal(diskFinding({ path: "/b", free: 30 * GiB, needed: 8 * GiB }), undefined);
    });

    it("says what is wrong with the Docker engine and with the machine", () => {
        assert.equal(dockerFinding({ kind: "answers", version: "20.10.24" }), undefined);
        assert.match(dockerFinding({ kind: "answers", version: "19.3.1" })?.wrong ?? "", /version 19\.3\.1/);
        assert.equal(dockerFinding({ kind: "no client" })?.mend, "npm run up");
        assert.match(dockerFinding({ kind: "not running", message: "refused" })?.wrong ?? "", /refused/);
        assert.match(dockerFinding({ kind: "no permission", message: "x" })?.mend ?? "", /usermod/);
        assert.equal(platformFinding("linux", "x64"), undefined);
        assert.match(platformFinding("win32", "x64")?.mend ?? "", /WSL/);
    });

    it("shows all checks in a table, and below it what is wrong with the command that mends it", () => {
        const results: CheckResult[] = [
            {
                name: "ports",
                found: "443, 6443",
                wrong: [{ wrong: "port 443 is taken", mend: "pulumi config set x 1" }],
            },
            { name: "disk", found: "9 GiB free", wrong: [] },
        ];
        assert.equal(
            examinationText(results),
            [
                "CHECK  STATE  FOUND",
                "ports  wrong  443, 6443",
                "disk   ok     9 GiB free",
                "",
                "ports: Port 443 is taken.",
                "    mend: pulumi config set x 1",
            ].join("\n"),
        );
    });

    it("says how to change a setting before and after there is an engine", () => {
        assert.equal(
            mend("taurus.httpsPort", 8443, "dev", true),
            "source env && pulumi config set --path taurus.httpsPort 8443",
        );
        assert.equal(
            mend("apiPort", 7443, "lab", false),
            "a line `  nta:apiPort: 7443` under `config:` in Pulumi.lab.yaml",
        );
    });

    it("reports all problems in one message", () => {
        assert.equal(problemOf([]), undefined);
        assert.equal(problemOf(["one"])?.message, "one");
        assert.equal(problemOf(["one\nmore", "two"])?.message, "2 problems:\n  - one\n    more\n  - two");
    });
});

describe("tools: test results", () => {
    it("reads mocha's summary", () => {
        assert.deepEqual(countMocha("\n  12 passing (3s)\n  1 pending\n  2 failing\n"), { passed: 12, failed: 2 });
        assert.deepEqual(countMocha("  3 passing (10ms)\n"), { passed: 3, failed: 0 });
        assert.equal(countMocha("TypeError: …"), undefined);
    });

    it("does not take a crash for a success", () => {
        assert.deepEqual(countSuite(1, "SyntaxError", true), { passed: 0, failed: 1 });
        assert.deepEqual(countSuite(1, "  3 passing (1s)\n", true), { passed: 3, failed: 1 });
        assert.deepEqual(countSuite(0, "", true), { passed: 0, failed: 1 });
        assert.deepEqual(countSuite(0, "fine", false), { passed: 1, failed: 0 });
        assert.deepEqual(countSuite(2, "lint errors", false), { passed: 0, failed: 1 });
    });
});
