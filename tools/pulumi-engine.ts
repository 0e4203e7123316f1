import { chmod, copyFile, mkdir, rename, rm, symlink } from "node:fs/promises";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensureArtifact } from "./artifact";
import { command, CommandError, findProgram, tryCommand } from "./command";
import { cacheDirectory, root } from "./directories";
import { download, fetchText, findChecksum, reaches } from "./download";
import type { Report } from "./progress";
import { firstThatWorks, Unavailable } from "./sources";
import { atLeast, expand, pinned } from "./pinned";

const { version, minimum } = pinned.pulumi;

/** A Pulumi engine that can be used. */
export interface PulumiEngine {
    /** Path of the `pulumi` program. */
    program: string;
    version: string;
    /** Whether Pulumi's own language host for Node.js is beside it; otherwise ours has to be put there. */
    hasLanguageHost: boolean;
    /** Whether it was on the machine already, so that its user's settings count. */
    isUsers: boolean;
}

/** How Pulumi's release archives name this machine; undefined where there is none. */
export function releasePlatform(
    platform: NodeJS.Platform = process.platform,
    arch: string = process.arch,
): string | undefined {
    const cpu = { x64: "x64", arm64: "arm64" }[arch];
    return (platform === "linux" || platform === "darwin") && cpu !== undefined ? `${platform}-${cpu}` : undefined;
}

/** The user's own Pulumi, if it can run this program. */
export async function findInstalledPulumi(): Promise<PulumiEngine | Unavailable> {
    const program = findProgram("pulumi", process.env.PATH, cacheDirectory());
    if (program === undefined) {
        return new Unavailable("there is no pulumi on the path");
    }
    const result = await tryCommand([program, "version"], {
        timeout: 20000,
        env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    });
    const found = result.stdout.trim();
    if (result.code !== 0 || !atLeast(found, minimum)) {
        return new Unavailable(`${program} is ${found || "broken"}, and ${minimum} or later is needed`);
    }
    const host = findProgram("pulumi-language-nodejs", process.env.PATH, cacheDirectory());
    if (host === undefined) {
        return new Unavailable(`${program} has no pulumi-language-nodejs`);
    }
    return { program, version: found, hasLanguageHost: true, isUsers: true };
}

async function downloadRelease(report: Report): Promise<PulumiEngine | Unavailable> {
    const platform = releasePlatform();
    if (platform === undefined) {
        return new Unavailable(`there is no release for ${process.platform} on ${process.arch}`);
    }
    const url = expand(pinned.pulumi.archive, { version, platform });
    if (!(await reaches(url))) {
        return new Unavailable(`${new URL(url).host} can't be reached`);
    }
    const folder = join(cacheDirectory(), "pulumi", `${version}-release`);
    await ensureArtifact(
        folder,
        async (into) => {
            report("reading the checksums");
            const checksums = await fetchText(expand(pinned.pulumi.checksums, { version }));
            const name = url.slice(url.lastIndexOf("/") + 1);
            const sha256 = findChecksum(checksums, name);
            if (sha256 === undefined) {
                throw new Error(`the release's checksums do not name ${name}`);
            }
            const archive = join(cacheDirectory(), "downloads", name);
            await download({ url, file: archive, sha256, report });
            report("unpacking");
            await command(["tar", "-xzf", archive, "-C", into, "--strip-components=1"]);
            await rm(archive);
        },
        report.note,
    );
    return { program: join(folder, "pulumi"), version, hasLanguageHost: true, isUsers: false };
}

/** The number of packages in a line of `go build -v`, which prints the path of each as it is compiled. */
export function isPackageLine(line: string): boolean {
    return /^[a-z0-9][\w.\-~]*(\/[\w.\-~]+)*$/i.test(line);
}

async function buildFromModule(report: Report): Promise<PulumiEngine | Unavailable> {
    const folder = join(cacheDirectory(), "pulumi", `${version}-go`);
    await ensureArtifact(
        folder,
        async (into) => {
            const go = await findGo();
            if (go instanceof Unavailable) {
                throw new Error(go.reason);
            }
            const cwd = join(root, "tools", "pulumi");
            const env = { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off" };
            const main = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi";
            let modules = 0;
            report("downloading Go modules");
            const { stdout } = await command([go, "list", "-deps", main], {
                cwd,
                env,
                onLine: (line) => {
                    if (line.startsWith("go: downloading")) {
                        report(`downloading Go modules, ${++modules} so far`);
                    }
                },
            });
            const total = stdout.trim().split("\n").length;
            let compiled = 0;
            report(`compiling ${total} packages`);
            const flags = `-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v${version}`;
            await command([go, "build", "-v", "-trimpath", "-ldflags", flags, "-o", join(into, "pulumi"), main], {
                cwd,
                env,
                onLine: (line) => {
                    if (isPackageLine(line)) {
                        report(`compiled ${++compiled} of ${total} packages, at ${line}`);
                    }
                },
            });
            await command([join(into, "pulumi"), "version"]);
        },
        report.note,
    );
    return { program: join(folder, "pulumi"), version, hasLanguageHost: false, isUsers: false };
}

/** A Go toolchain that can build our modules: Go from 1.21 on fetches the version that a module asks for itself. */
export async function findGo(): Promise<string | Unavailable> {
    const program = findProgram("go", `${process.env.PATH ?? ""}:/usr/local/go/bin`);
    const needed = `Go ${pinned.go.minimum} or later is needed to build what can't be downloaded here: install it from your distribution or https://go.dev/dl`;
    if (program === undefined) {
        return new Unavailable(`there is no Go on this machine; ${needed}`);
    }
    const { stdout, code } = await tryCommand([program, "env", "GOVERSION"], { timeout: 60000 });
    return code === 0 && atLeast(stdout, pinned.go.minimum)
        ? program
        : new Unavailable(`${program} is ${stdout.trim() || "broken"}; ${needed}`);
}

/** Gets the engine from the first place that has it. */
export async function ensurePulumiEngine(report: Report): Promise<{ source: string; result: PulumiEngine }> {
    const found = await firstThatWorks<PulumiEngine>(
        `Pulumi ${version}`,
        [
            { name: "on this machine", get: findInstalledPulumi },
            { name: "official release", get: downloadRelease },
            { name: "built from its Go module", get: buildFromModule },
        ],
        report,
    );
    const ours = join(cacheDirectory(), "bin", "pulumi");
    if (found.result.isUsers) {
        await rm(ours, { force: true });
    } else {
        await link(ours, found.result.program);
    }
    return found;
}

/** Copies our language host beside an engine that came without one. */
export async function placeLanguageHost(engine: PulumiEngine, built: string): Promise<void> {
    for (const name of ["pulumi-language-nodejs.js", "pulumi-language-nodejs"]) {
        const target = join(dirname(engine.program), name);
        await copyFile(join(built, name), `${target}.${process.pid}`);
        await chmod(`${target}.${process.pid}`, 0o755);
        await rename(`${target}.${process.pid}`, target);
    }
}

/** Makes `file` a symbolic link to `target`, whatever it was before. */
export async function link(file: string, target: string): Promise<void> {
    await mkdir(dirname(file), { recursive: true });
    const partial = `${file}.${process.pid}`;
    await rm(partial, { force: true });
    await symlink(target, partial);
    await rename(partial, file);
}

/** Installs one of Pulumi's own provider plugins; throws what the engine says. */
export async function installOfficialPlugin(
    engine: PulumiEngine,
    name: string,
    pluginVersion: string,
    env: NodeJS.ProcessEnv,
    report: Report,
): Promise<void> {
    try {
        await command([engine.program, "plugin", "install", "resource", name, `v${pluginVersion}`], {
            env,
            timeout: 600000,
            onLine: (line) => report(`${name} ${pluginVersion}: ${line}`),
        });
    } catch (error) {
        throw error instanceof CommandError ? new Error(error.message.split("\n").at(-1)) : error;
    }
}

/** Whether the plugin's program stands in the folder. */
export function hasPlugin(home: string, name: string, pluginVersion: string): boolean {
    return existsSync(join(home, "plugins", `resource-${name}-v${pluginVersion}`, `pulumi-resource-${name}`));
}
