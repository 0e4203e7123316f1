import { existsSync, statSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { findProgram, tryCommand } from "./command";
import type { Settings } from "../components/settings/schema";
import { providerAbility, type VirtualProvider } from "../machine/provider";
import { currentFile, defaultKubernetes } from "../node-image/kubernetes-versions";
import { asCommand, installPackages, missingPackages, rootPrefix } from "./debian-packages";
import { cacheDirectory, shortPath, stateDirectory } from "./directories";
import { ensureDocker } from "./docker";
import type { Finding } from "./doctor/check";
import { findingsBefore } from "./doctor/checks";
import { inotifyFinding, inotifyUse, instancesOf } from "./doctor/inotify";
import { findingText } from "./doctor/text";
import { reaches } from "./download";
import { ensureLibvirt } from "./libvirt";
import { waitForLock, type LockHolder } from "./lock.cjs";
import { ensurePlugins, rememberPlugins, type PluginOrigins } from "./plugins";
import { presentStack } from "./present-stack";
import { problemOf, Problem } from "./problem";
import { Progress, type Report } from "./progress";
import { ensurePulumiEngine, findGo, link, type PulumiEngine } from "./pulumi-engine";
import { preparePulumiHome, writeEnvironmentFile, type PulumiHome } from "./pulumi-home";
import { project, StackSession } from "./stack";
import { readSettings } from "./stack-settings";
import { Unavailable } from "./sources";
import { atLeast, pinned } from "./pinned";

/** What the tools are gathered for. */
export type Goal = "up" | "preview" | "destroy" | "test";

/** Everything that a stack needs. */
export interface Tools {
    pulumi: string;
    home: PulumiHome;
    origins: PluginOrigins;
}

/** Where Kubernetes runs. */
export type ClusterKind = Settings["cluster"];

/** The steps that a goal takes, in the order in which they are done: what is quick and may fail comes first. */
export function planSteps(goal: Goal, cluster: ClusterKind = "vagrant"): string[] {
    const machine = goal === "up" || goal === "test" ? ["This machine"] : [];
    const vagrant = cluster === "vagrant" ? ["Vagrant"] : [];
    const nodeImage = cluster === "vagrant" && (goal === "up" || goal === "test") ? ["Node image"] : [];
    // Tests make their own Pulumi homes and stacks.
    const stack = goal === "test" ? [] : ["Pulumi's plugins", "Stack"];
    return [...machine, "Debian packages", "Docker engine", ...vagrant, "Pulumi", ...nodeImage, ...stack];
}

/** Who holds a lock, in words; one of another machine can't be known to be over, so its file is named. */
export function describeHolder(holder: LockHolder, file: string): string {
    const since = holder.since.replace(/\.\d+Z$/, "Z");
    return holder.hostname === hostname()
        ? `\`${holder.purpose}\` (process ${holder.pid}, since ${since})`
        : `\`${holder.purpose}\` (process ${holder.pid} on ${holder.hostname}, since ${since}; if that is over, remove ${shortPath(file)})`;
}

/** Two runs at once would build the same things: the second waits, and then finds them made. */
async function alone<T>(purpose: string, progress: Progress, work: () => Promise<T>): Promise<T> {
    const file = join(cacheDirectory(), "locks", "gather.lock");
    const release = await waitForLock(file, purpose, (holder) =>
        progress.write(`Waiting for ${describeHolder(holder, file)} to gather the tools …`),
    );
    try {
        return await work();
    } finally {
        release();
    }
}

/** Where a stack's cluster is. As long as there is a machine, Vagrant is needed, if only to destroy it. */
export async function clusterKindOf(stack: string): Promise<ClusterKind> {
    const machine = join(stateDirectory(), "machines", `${project}-${stack}`, "Vagrantfile");
    const read = await readSettings(stack);
    return "settings" in read && !existsSync(machine) ? read.settings.cluster : "vagrant";
}

/**
 * Gathers what is not a stack's own: packages, Docker, Pulumi's engine, and for a cluster of our own Vagrant and the node
 * image. Each comes from this machine, else an official download, else package registries.
 */
export function gather(goal: Goal, progress: Progress, cluster: ClusterKind = "vagrant"): Promise<PulumiEngine> {
    const steps = planSteps(goal, cluster);
    return alone(`npm run ${goal}`, progress, async () => {
        if (goal === "up") {
            await progress.step("This machine", checkThisMachine);
        } else if (goal === "test") {
            await progress.step("This machine", makeRoomForTests);
        }
        await progress.step("Debian packages", (report) => ensurePackages(goal, cluster, report), String);
        await progress.step("Docker engine", ensureDocker, String);
        if (steps.includes("Vagrant")) {
            await progress.step("Vagrant", (report) => ensureVagrant(goal, report), String);
        }
        const { result: engine } = await progress.step(
            "Pulumi",
            ensurePulumiEngine,
            ({ source, result }) => `${result.version}, ${source}`,
        );
        if (steps.includes("Node image")) {
            await progress.step(
                "Node image",
                async (report) =>
                    goal === "up"
                        ? ensureNodeImage(await wantedBoxes(), report, await wantedKubernetes())
                        : ensureNodeImage([], report),
                String,
            );
        }
        await linkKubectl();
        return engine;
    });
}

/** Chooses the Pulumi home and puts the plugins into it. */
export function gatherPlugins(engine: PulumiEngine, goal: Goal, progress: Progress): Promise<Tools> {
    return alone(`npm run ${goal}`, progress, () =>
        progress.step(
            "Pulumi's plugins",
            async (report) => {
                const home = await preparePulumiHome(engine.isUsers);
                const env = { ...process.env, ...home.variables };
                const origins = await ensurePlugins(engine, home.home, env, report);
                await writeEnvironmentFile(home);
                return { pulumi: engine.program, home, origins };
            },
            (tools) => describeOrigins(tools.origins),
        ),
    );
}

async function checkThisMachine(report: Report): Promise<void> {
    report("looking at memory, disk, ports and settings");
    const findings: Finding[] = [];
    for (const finding of await findingsBefore(presentStack())) {
        if (!(await mendAsRoot(finding, report))) {
            findings.push(finding);
        }
    }
    const problem = problemOf(findings.map(findingText));
    if (problem !== undefined) {
        throw new Problem(`${problem.message}\n\`npm run doctor\` looks at this and the rest again.`);
    }
}

/** Two files of tests at a time have a cluster each, of which one has up to four nodes. */
async function makeRoomForTests(report: Report): Promise<void> {
    const use = await inotifyUse();
    const finding = use && inotifyFinding(use, instancesOf(2, 5));
    if (finding !== undefined && !(await mendAsRoot(finding, report))) {
        throw new Problem(findingText(finding));
    }
}

/** Mends what a command as root mends, where this process may act as root. */
export async function mendAsRoot({ wrong, asRoot }: Finding, report: Report): Promise<boolean> {
    const root = asRoot && (await rootPrefix());
    if (asRoot === undefined || root === undefined) {
        return false;
    }
    const { code, stderr } = await tryCommand(asCommand([...root, ...asRoot]), { timeout: 10000 });
    report.note(`${wrong}: \`${asRoot.join(" ")}\` ${code === 0 ? "mends it" : `fails: ${stderr.trim()}`}`);
    return code === 0;
}

export async function ensurePackages(goal: Goal | "box", cluster: ClusterKind, report: Report): Promise<string> {
    const closed = !(await reaches("https://github.com"));
    const needed = missingPackages(goal === "test" ? "test" : "run", closed).filter(
        (entry) => cluster === "vagrant" || entry.command !== "vagrant",
    );
    // An engine that answers may be anywhere: then none has to be installed here.
    const docker = needed.findIndex((entry) => entry.package === "docker.io");
    if (docker >= 0) {
        const answers = (await tryCommand(["docker", "version"], { timeout: 15000 })).code === 0;
        if (answers || (process.env.DOCKER_HOST ?? "") !== "") {
            needed.splice(docker, 1);
        }
    }
    await installPackages(needed, report);
    return needed.length === 0 ? "all there" : `installed ${needed.map((entry) => entry.package).join(", ")}`;
}

async function ensureVagrant(goal: Goal, report: Report): Promise<string> {
    const vagrant = await checkVagrant();
    // What runs already was asked for before; `npm run up` is what begins with a provider.
    return goal === "up" && (await wantedMachines()).provider === "libvirt"
        ? `${vagrant}, with libvirt ${await ensureLibvirt(report)}`
        : vagrant;
}

/** The settings `provider` and `nodes` of the present stack. Problems with settings are told elsewhere. */
async function wantedMachines(): Promise<Pick<Settings, "provider" | "nodes">> {
    const read = await readSettings(presentStack());
    return "settings" in read ? read.settings : { provider: "auto", nodes: 1 };
}

/** The setting `kubernetesVersion` of the present stack. */
export async function wantedKubernetes(): Promise<string> {
    const read = await readSettings(presentStack());
    return "settings" in read ? read.settings.kubernetesVersion : defaultKubernetes;
}

async function checkVagrant(): Promise<string> {
    const { code, stdout, stderr } = await tryCommand(["vagrant", "--version"], { timeout: 60000 });
    const version = /\d+\.\d+\.\d+/.exec(stdout)?.[0];
    if (code !== 0 || version === undefined) {
        throw new Problem(`\`vagrant --version\` does not work: ${stderr.trim() || stdout.trim()}`);
    }
    if (!atLeast(version, pinned.vagrant.minimum)) {
        throw new Problem(
            `Vagrant is version ${version}; ${pinned.vagrant.minimum} or later is needed. Update it, then run this again.`,
        );
    }
    return version;
}

function describeOrigins(origins: PluginOrigins): string {
    const standIns = Object.keys(origins).filter((name) => origins[name] === "stand-in");
    return standIns.length === 0
        ? "Pulumi's own"
        : `stand-ins of this project for ${standIns.join(", ")} (Pulumi's own can't be had here)`;
}

/** The boxes that the present stack's machines are made of: for what is asked for, or what `auto` will take. */
async function wantedBoxes(): Promise<VirtualProvider[]> {
    const { provider: wanted, nodes } = await wantedMachines();
    if (wanted !== "auto") {
        return wanted === "docker" ? [] : [wanted];
    }
    for (const provider of ["virtualbox", "libvirt"] as const) {
        const { problem, slow } = await providerAbility(provider, nodes);
        if (problem === undefined && slow === undefined) {
            return [provider];
        }
    }
    return [];
}

/** Makes the node image for a version of Kubernetes, and of it the boxes for these providers of virtual machines. */
export async function ensureNodeImage(
    boxes: readonly VirtualProvider[],
    report: Report,
    kubernetes: string = defaultKubernetes,
): Promise<string> {
    const go = await findGo();
    const current = join(cacheDirectory(), "node-image", currentFile(kubernetes));
    if (go instanceof Unavailable && !existsSync(current)) {
        throw new Problem(`The node image has to be built here: ${go.reason}.`);
    }
    const options = { cache: cacheDirectory(), progress: report, kubernetes };
    /* eslint-disable @typescript-eslint/no-require-imports -- loaded only when they are needed */
    const { ensureNodeImage: ensure } = require("../node-image/build") as typeof import("../node-image/build");
    const image = await ensure(options);
    if (boxes.length === 0) {
        return image;
    }
    const { ensureBoxes } = require("../node-image/boxes") as typeof import("../node-image/boxes");
    /* eslint-enable @typescript-eslint/no-require-imports */
    const made = await ensureBoxes(boxes, options);
    return [image, ...made.map((box, index) => `${boxes[index]} box ${shortPath(box)} (${megabytes(box)} MB)`)].join(
        ", ",
    );
}

function megabytes(file: string): number {
    return Math.round(statSync(file).size / 1e6);
}

/** Puts the node image's kubectl where `env` finds it, if this machine has none. */
async function linkKubectl(): Promise<void> {
    const program = join(cacheDirectory(), "node-image", "bin", "kubectl");
    const has = findProgram("kubectl", process.env.PATH, cacheDirectory()) !== undefined;
    if (!has && process.platform === "linux" && existsSync(program)) {
        await link(join(cacheDirectory(), "bin", "kubectl"), program);
    }
}

/** Opens the stack: made if it is not there, cleared of what a killed run left, and with known plugins. */
export async function openStack(tools: Tools, report: Report): Promise<StackSession> {
    const session = new StackSession(tools.pulumi, tools.home, presentStack());
    const folder = join(stateDirectory(), "stacks", session.name);
    await rememberPlugins(folder, session.name, tools.origins, await session.hasResources());
    await session.prepare(report);
    return session;
}
