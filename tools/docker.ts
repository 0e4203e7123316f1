import { existsSync, openSync, closeSync, readFileSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { command, findProgram, tryCommand } from "./command";
import { asCommand, installPackages, rootPrefix } from "./debian-packages";
import { shortPath, stateDirectory } from "./directories";
import { Problem } from "./problem";
import type { Report } from "./progress";
import { atLeast, pinned } from "./pinned";

/** What `docker` says about its engine. */
export type DockerState =
    | { kind: "answers"; version: string }
    | { kind: "no client" }
    | { kind: "no permission"; message: string }
    | { kind: "not running"; message: string };

/** Reads the outcome of `docker version`. */
export function dockerState(result: { code: number; stdout: string; stderr: string }): DockerState {
    if (result.code === 127) {
        return { kind: "no client" };
    }
    if (result.code === 0 && result.stdout.trim() !== "") {
        return { kind: "answers", version: result.stdout.trim() };
    }
    const message = result.stderr.trim().split("\n").at(-1) ?? "";
    return { kind: /permission denied/i.test(result.stderr) ? "no permission" : "not running", message };
}

/** Asks the engine that `docker` talks to. */
export async function askDocker(): Promise<DockerState> {
    const result = await tryCommand(["docker", "version", "--format", "{{.Server.Version}}"], { timeout: 15000 });
    return dockerState(result);
}

/** Where the log and the pid of an engine that was started by hand are kept. */
export function dockerEngineFiles(): { folder: string; pid: string; log: string } {
    const folder = join(stateDirectory(), "docker");
    return { folder, pid: join(folder, "dockerd.pid"), log: join(folder, "dockerd.log") };
}

/**
 * Makes sure that a Docker engine answers: the one that `docker` talks to, else the installed one, started, else
 * Debian's. An engine started here keeps running; `npm run docker:stop` stops it.
 * @returns its version and how it was had
 */
export async function ensureDocker(report: Report): Promise<string> {
    let state = await askDocker();
    let how = "";
    if (state.kind !== "answers") {
        how = await startDocker(state, report);
        state = await askDocker();
        if (state.kind !== "answers") {
            throw new Problem(`The Docker engine was started but \`docker version\` does not answer: ${state.kind}.`);
        }
    }
    if (!atLeast(state.version, pinned.docker.minimum)) {
        throw new Problem(
            `The Docker engine is version ${state.version}; ${pinned.docker.minimum} or later is needed. ` +
                "Update it, then run this again.",
        );
    }
    return `${state.version}${how}`;
}

async function startDocker(state: Exclude<DockerState, { kind: "answers" }>, report: Report): Promise<string> {
    if (state.kind === "no permission") {
        throw new Problem(
            `Docker's engine runs, but this user may not use it: ${state.message}\n` +
                "Run `sudo usermod -aG docker $USER`, log in again, then run this again.",
        );
    }
    if (process.env.DOCKER_HOST !== undefined && process.env.DOCKER_HOST !== "") {
        throw new Problem(
            `No Docker engine answers at DOCKER_HOST=${process.env.DOCKER_HOST}` +
                `${state.kind === "not running" ? ` (${state.message})` : ": there is no `docker` program"}.\n` +
                "Start it, or unset DOCKER_HOST to use this machine's own, then run this again.",
        );
    }
    if (process.platform !== "linux") {
        throw new Problem("No Docker engine answers. Start Docker Desktop (or Colima), then run this again.");
    }
    const sbin = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
    const root = await rootPrefix();
    if (root === undefined) {
        const installed = findProgram("dockerd", sbin) !== undefined;
        throw new Problem(
            installed
                ? "No Docker engine runs, and starting one takes root rights.\n" +
                      "Run `sudo systemctl start docker` (and `sudo usermod -aG docker $USER` once), then run this again."
                : "There is no Docker engine, and installing one takes root rights.\n" +
                      "Run `sudo apt-get install -y docker.io && sudo usermod -aG docker $USER`, log in again, then run this again.",
        );
    }
    let how = ", started";
    if (findProgram("dockerd", sbin) === undefined || state.kind === "no client") {
        await installPackages([{ package: "docker.io", command: "dockerd", for: "the Docker engine" }], report);
        how = ", installed and started";
        if ((await askDocker()).kind === "answers") {
            return how;
        }
    }
    if (existsSync("/run/systemd/system")) {
        report("starting docker.service");
        await command(asCommand([...root, "systemctl", "start", "docker"]), { timeout: 120000 });
        return how;
    }
    await startByHand(root, report);
    return `${how} by hand (log: ${shortPath(dockerEngineFiles().log)}; npm run docker:stop stops it)`;
}

/** Starts dockerd in a session of its own, so that neither Ctrl-C nor this process' end stops it. */
async function startByHand(root: readonly string[], report: Report): Promise<void> {
    const files = dockerEngineFiles();
    await mkdir(files.folder, { recursive: true });
    const old = readEnginePid(files.pid);
    if (old === undefined) {
        // dockerd does not start over a pid file of which another program has the number now.
        await rm(files.pid, { force: true });
    }
    closeSync(openSync(files.log, "a"));
    report("starting dockerd");
    const line = 'setsid dockerd --pidfile "$1" >>"$2" 2>&1 </dev/null &';
    const env = { ...process.env, PATH: `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin` };
    await command(asCommand([...root, "sh", "-c", line, "sh", files.pid, files.log]), { env });
    const started = Date.now();
    for (;;) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        const state = await askDocker();
        if (state.kind === "answers") {
            return;
        }
        const ended = Date.now() - started > 5000 && readEnginePid(files.pid) === undefined;
        if (ended || Date.now() - started > 90000) {
            const tail = readFileSync(files.log, "utf8").trim().split("\n").slice(-5).join("\n");
            throw new Problem(
                `dockerd ${ended ? "ended at once" : "does not answer after 90 s"}. The end of its log (${shortPath(files.log)}):\n${tail}`,
            );
        }
        report("waiting for dockerd to answer");
    }
}

/** The process id in the file, if that process is a dockerd. */
function readEnginePid(file: string): number | undefined {
    try {
        const pid = Number(readFileSync(file, "utf8").trim());
        return readFileSync(`/proc/${pid}/comm`, "utf8").trim() === "dockerd" ? pid : undefined;
    } catch {
        return undefined;
    }
}

/** Stops the engine that `ensureDocker` started by hand; false when there is none. */
export async function stopDocker(): Promise<boolean> {
    const files = dockerEngineFiles();
    const pid = readEnginePid(files.pid);
    if (pid === undefined) {
        return false;
    }
    const root = await rootPrefix();
    if (root === undefined) {
        throw new Problem(`Stopping dockerd takes root rights: run \`sudo kill ${pid}\`.`);
    }
    await command(asCommand([...root, "kill", String(pid)]));
    for (let waited = 0; waited < 30000; waited += 250) {
        if (readEnginePid(files.pid) === undefined) {
            return true;
        }
        await new Promise((resolve) => setTimeout(resolve, 250));
    }
    throw new Problem(`dockerd (process ${pid}) does not end; its log is ${shortPath(files.log)}.`);
}
