/** Building and pushing with the docker command line tool. */
import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";

import { runProcess } from "../protocol";
import type { Logger } from "../protocol";
import { CommandProgress } from "./command-progress";
import { credentialKey } from "./image-name";

/** Which Docker engine, and what the environment adds to that. */
export interface DockerEnvironment {
    env: NodeJS.ProcessEnv;
    signal: AbortSignal;
    log: Logger;
}

export interface Login {
    host: string;
    username: string;
    password: string;
}

export interface BuildRequest {
    name: string;
    stream: Readable;
    /** Path inside the stream. */
    dockerfile: string;
    args: Record<string, string>;
    platform: string | undefined;
    target: string | undefined;
    network: string | undefined;
    addHosts: string[];
    cacheFrom: string[];
    /** undefined takes BuildKit where the tool can. */
    builder: "BuilderV1" | "BuilderBuildKit" | undefined;
}

/**
 * Runs `work` with a Docker configuration that knows `login` besides what the user's own one holds. The password is in a
 * file of mode 0600 that is gone afterwards; it is never in an argument or an environment variable.
 */
export async function withLogin<T>(
    docker: DockerEnvironment,
    login: Login | undefined,
    work: (docker: DockerEnvironment) => Promise<T>,
): Promise<T> {
    if (login === undefined) {
        return work(docker);
    }
    const own = docker.env.DOCKER_CONFIG ?? join(homedir(), ".docker");
    const folder = await mkdtemp(join(tmpdir(), "nta-docker-config-")); // mode 0700
    try {
        let config: { auths?: Record<string, unknown>; credHelpers?: Record<string, string> } = {};
        if (existsSync(own)) {
            for (const name of await readdir(own)) {
                if (name !== "config.json") {
                    await symlink(join(own, name), join(folder, name)); // contexts, command line plugins
                }
            }
            try {
                config = JSON.parse(await readFile(join(own, "config.json"), "utf8")) as typeof config;
            } catch {
                // None, or one that docker itself could not read.
            }
        }
        const key = credentialKey(login.host);
        const auth = Buffer.from(`${login.username}:${login.password}`).toString("base64");
        config.auths = { ...config.auths, [key]: { auth } };
        // An empty helper means "from this file", whatever credsStore says.
        config.credHelpers = { ...config.credHelpers, [key]: "" };
        await writeFile(join(folder, "config.json"), JSON.stringify(config), { mode: 0o600 });
        return await work({ ...docker, env: { ...docker.env, DOCKER_CONFIG: folder } });
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}

/**
 * Builds an image and tags it.
 * @returns the image's id, "sha256:…"
 * @throws Error with the last lines of the build's output, or saying what is wrong with the Docker engine.
 */
export async function buildImage(docker: DockerEnvironment, request: BuildRequest): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), "nta-docker-build-"));
    const idFile = join(folder, "id");
    try {
        const args = ["build", "--file", request.dockerfile, "--tag", request.name, "--iidfile", idFile];
        const flags: [string, string | undefined][] = [
            ["--platform", request.platform],
            ["--target", request.target],
            ["--network", request.network],
            ...request.addHosts.map((host): [string, string] => ["--add-host", host]),
            ...request.cacheFrom.map((image): [string, string] => ["--cache-from", image]),
        ];
        for (const [flag, value] of flags) {
            if (value !== undefined) {
                args.push(flag, value);
            }
        }
        const buildKit = request.builder === "BuilderV1" ? false : await hasBuildKit(docker);
        if (request.builder === "BuilderBuildKit" && !buildKit) {
            docker.log.debug("docker has no buildx: building with the classic builder");
        }
        const env: NodeJS.ProcessEnv = { ...docker.env, DOCKER_BUILDKIT: buildKit ? "1" : "0" };
        if (buildKit) {
            args.push("--progress", "plain");
        }
        for (const [name, value] of Object.entries(request.args)) {
            // Through the environment, where other users can't read it, unless docker itself would take it to heart.
            if (env[name] === undefined && !/^(DOCKER|BUILD|COMPOSE|GO|SSL|LD)_|^(PATH|HOME)$|_PROXY$/i.test(name)) {
                env[name] = value;
                args.push("--build-arg", name);
            } else {
                args.push("--build-arg", `${name}=${value}`);
            }
        }
        await run(
            { ...docker, env },
            [...args, "-"],
            `building ${request.name}`,
            (output) => buildFailure(request.name, output),
            request.stream,
        );
        return (await readFile(idFile, "utf8")).trim();
    } finally {
        await rm(folder, { recursive: true, force: true });
    }
}

/**
 * Pushes a tagged image.
 * @returns the digest under which the registry has it, "sha256:…"
 * @throws Error naming the image, the registry's refusal and what to do about it.
 */
export async function pushImage(docker: DockerEnvironment, name: string, host: string): Promise<string> {
    const output = await run(docker, ["push", name], `pushing ${name}`, (text) => pushFailure(name, host, text));
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(output)?.[1];
    if (digest === undefined) {
        throw new Error(`docker pushed ${name} but did not say under which digest:\n${lastLines(output, 10)}`);
    }
    return digest;
}

/** Whether the tool can build with BuildKit: it has buildx, or is old enough to bring BuildKit's client itself. */
async function hasBuildKit(docker: DockerEnvironment): Promise<boolean> {
    const buildx = await runProcess("docker", { args: ["buildx", "version"], env: docker.env, signal: docker.signal });
    if (buildx.exitCode === 0) {
        return true;
    }
    const version = await runProcess("docker", { args: ["--version"], env: docker.env, signal: docker.signal });
    const major = Number(/version (\d+)\./.exec(version.stdout)?.[1]);
    return major >= 19 && major < 23;
}

async function run(
    docker: DockerEnvironment,
    args: string[],
    what: string,
    failure: (output: string) => string,
    stdin?: Readable,
): Promise<string> {
    const progress = new CommandProgress(what, (text) => docker.log.status(text));
    const ticks = setInterval(() => progress.tick(), 1_000);
    let streamError: Error | undefined;
    stdin?.on("error", (error: Error) => {
        streamError = error;
    });
    try {
        const result = await runProcess("docker", {
            args,
            env: docker.env,
            stdin,
            signal: docker.signal,
            onLine: (line) => progress.line(line),
        });
        if (streamError !== undefined) {
            throw new Error(`The build context could not be read: ${streamError.message}`, { cause: streamError });
        }
        if (result.exitCode !== 0) {
            throw new Error(engineFailure(docker, result.output) ?? failure(result.output));
        }
        return result.output;
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            throw new Error(`Failed ${what}: there is no docker command on PATH. Install Docker's command line tool.`, {
                cause: error,
            });
        }
        throw error;
    } finally {
        clearInterval(ticks);
    }
}

function lastLines(output: string, count: number): string {
    return output.trimEnd().split("\n").slice(-count).join("\n");
}

/** A message for output that says that no engine answers. */
function engineFailure(docker: DockerEnvironment, output: string): string | undefined {
    const host = docker.env.DOCKER_HOST ?? "the default socket";
    if (/cannot connect to the docker daemon|error during connect|is the docker daemon running/i.test(output)) {
        return `No Docker engine answers at ${host}. Start it (for example: systemctl start docker), or set DOCKER_HOST.`;
    }
    if (/permission denied while trying to connect to the docker/i.test(output)) {
        return `This user may not use the Docker engine at ${host}. Add the user to the group "docker", or run as root.`;
    }
    return undefined;
}

function buildFailure(name: string, output: string): string {
    return `Building ${name} failed:\n${lastLines(output, 40)}`;
}

function pushFailure(name: string, host: string, output: string): string {
    const said = lastLines(output, 3);
    const because = (reason: string, advice: string): string => `Pushing ${name} failed: ${reason}. ${advice}\n${said}`;
    if (/connection refused|no route to host|i\/o timeout|no such host|connection reset/i.test(output)) {
        return because(`no registry answers at ${host}`, "Check that it runs and that the host and port are right.");
    }
    if (/x509|certificate/i.test(output)) {
        return because(
            `the certificate of ${host} is not trusted`,
            `Give its CA to the Docker engine (/etc/docker/certs.d/${host}/ca.crt), or list ${host} in the engine's ` +
                `"insecure-registries".`,
        );
    }
    if (/server gave HTTP response to HTTPS client/i.test(output)) {
        return because(
            `${host} speaks plain HTTP`,
            `List ${host} in the Docker engine's "insecure-registries", or give the registry a certificate.`,
        );
    }
    if (/unauthorized|authentication required|no basic auth credentials|denied|forbidden|\b40[13]\b/i.test(output)) {
        return because(
            `${host} refuses the login`,
            "Check the registry's user name and password, and their right to push.",
        );
    }
    return `Pushing ${name} failed:\n${lastLines(output, 20)}`;
}
