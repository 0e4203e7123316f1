import { createDecipheriv, createHash, pbkdf2 } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { copyFile, readdir, readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { parse } from "yaml";
import { command, tryCommand } from "./command";
import { root, shortPath } from "./directories";
import { Problem } from "./problem";
import type { Report } from "./progress";
import { pulumiEnvironment, type PulumiHome } from "./pulumi-home";

/** The project's name in Pulumi.yaml. */
export const project = "nta";

/** The stack that is used when nobody says otherwise. */
export const defaultStack = "local";

/** The part of a checkpoint of Pulumi's local backend that is looked at here. */
export interface Checkpoint {
    resources?: { urn: string; type: string }[];
    pending_operations?: { type: string; resource: { urn: string } }[];
    secrets_providers?: { type: string; state?: { salt?: string } };
}

/** The file that holds a stack's state in our own backend. */
export function checkpointFile(backendFolder: string, stack: string): string {
    return join(backendFolder, ".pulumi", "stacks", project, `${stack}.json`);
}

/** The state of a stack in our own backend; undefined when there is no such stack. */
export async function readCheckpoint(backendFolder: string, stack: string): Promise<Checkpoint | undefined> {
    const file = checkpointFile(backendFolder, stack);
    try {
        const { checkpoint } = JSON.parse(await readFile(file, "utf8")) as { checkpoint?: { latest?: Checkpoint } };
        return checkpoint?.latest ?? {};
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            return undefined;
        }
        throw new Problem(
            `The state of the stack ${stack}, ${shortPath(file)}, can't be read: ${(error as Error).message}\n` +
                `The engine's copy of the state before it is ${shortPath(file)}.bak.`,
        );
    }
}

/** Whether a passphrase belongs to a salt as Pulumi stores it: `v1:<salt>:v1:<nonce>:<the word "pulumi", encrypted>`. */
export async function passphraseFits(salt: string, passphrase: string): Promise<boolean> {
    const [, saltText = "", , nonce = "", sealedText = ""] = salt.split(":");
    // Key derivation and cipher as in Pulumi's sdk/go/common/resource/config/crypt.go.
    const key = await promisify(pbkdf2)(passphrase, Buffer.from(saltText, "base64"), 1000000, 32, "sha256");
    const sealed = Buffer.from(sealedText, "base64");
    try {
        const decipher = createDecipheriv("aes-256-gcm", key, Buffer.from(nonce, "base64"));
        decipher.setAuthTag(sealed.subarray(-16));
        const opened = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
        return opened.toString("utf8") === "pulumi";
    } catch {
        return false;
    }
}

/** The passphrase that the engine would take from this environment. */
function readPassphrase(env: NodeJS.ProcessEnv): { value: string; from: string } | undefined {
    if (env.PULUMI_CONFIG_PASSPHRASE !== undefined) {
        return { value: env.PULUMI_CONFIG_PASSPHRASE, from: "PULUMI_CONFIG_PASSPHRASE" };
    }
    const file = env.PULUMI_CONFIG_PASSPHRASE_FILE;
    if (file === undefined || file === "") {
        return undefined;
    }
    try {
        return { value: readFileSync(file, "utf8").trim(), from: shortPath(file) };
    } catch (error) {
        throw new Problem(`PULUMI_CONFIG_PASSPHRASE_FILE=${file} can't be read: ${(error as Error).message}`);
    }
}

/** Finds out that secrets can't be read before anything is started. */
export async function checkPassphrase(
    env: NodeJS.ProcessEnv,
    stack: string,
    checkpoint: Checkpoint | undefined,
): Promise<void> {
    const passphrase = readPassphrase(env);
    if (passphrase === undefined) {
        return;
    }
    const file = join(root, `Pulumi.${stack}.yaml`);
    const settings = existsSync(file)
        ? (parse(await readFile(file, "utf8")) as { encryptionsalt?: unknown } | null)
        : {};
    const salts: [where: string, salt: string][] = [];
    if (typeof settings?.encryptionsalt === "string") {
        salts.push([`Pulumi.${stack}.yaml`, settings.encryptionsalt]);
    }
    const stateSalt = checkpoint?.secrets_providers?.state?.salt;
    if (stateSalt !== undefined && stateSalt !== salts[0]?.[1]) {
        salts.push(["its state", stateSalt]);
    }
    for (const [where, salt] of salts) {
        if (!(await passphraseFits(salt, passphrase.value))) {
            throw new Problem(
                `The passphrase (${passphrase.from}) does not fit the stack ${stack}: what is encrypted in ${where} was encrypted with another one.\n` +
                    "Give the right one (PULUMI_CONFIG_PASSPHRASE_FILE=<file>, or put the file back), or, if it is lost:\n" +
                    (where === "its state"
                        ? `  source env && pulumi stack rm --force --yes ${stack}   forgets the stack; remove its machine by hand`
                        : `  remove the line \`encryptionsalt\` and every \`secure:\` value from Pulumi.${stack}.yaml`),
            );
        }
    }
}

/** Who holds the engine's lock on a stack of the local backend. */
export interface EngineLock {
    pid: number;
    hostname: string;
    timestamp: string;
}

/** The locks on a stack in our own backend. */
export async function readEngineLocks(backendFolder: string, stack: string): Promise<EngineLock[]> {
    const folder = join(backendFolder, ".pulumi", "locks", "organization", project, stack);
    const files = await readdir(folder).catch(() => []);
    const locks: EngineLock[] = [];
    for (const file of files.filter((name) => name.endsWith(".json"))) {
        const text = await readFile(join(folder, file), "utf8").catch(() => undefined);
        if (text !== undefined) {
            locks.push(JSON.parse(text) as EngineLock);
        }
    }
    return locks;
}

/** Whether a lock's process may still be at work. */
export function isLockLive(lock: EngineLock, thisHost: string, isPulumi: (pid: number) => boolean): boolean {
    return lock.hostname !== thisHost || isPulumi(lock.pid);
}

/**
 * Whether a process of this number may be an engine at work. One that was killed keeps its number until its parent, which
 * may be busy, has asked for its end: it is a zombie, and none.
 */
export function isPulumiProcess(pid: number): boolean {
    try {
        process.kill(pid, 0);
    } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EPERM") {
            return false;
        }
    }
    try {
        // "pid (comm) state …" (proc_pid_stat(5)); comm may hold anything, so its last parenthesis closes it.
        const [, comm, state] = /^\d+ \(([^]*)\) (\S)/.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
        return comm.startsWith("pulumi") && !["Z", "X"].includes(state);
    } catch {
        return true;
    }
}

/** The lock of an engine that may still be at work. */
export function findLiveLock(locks: readonly EngineLock[]): EngineLock | undefined {
    return locks.find((lock) => isLockLive(lock, hostname(), isPulumiProcess));
}

/** One engine on one stack: what has to be right before `pulumi` runs. */
export class StackSession {
    readonly env: NodeJS.ProcessEnv;

    constructor(
        private readonly program: string,
        private readonly home: PulumiHome,
        readonly name: string,
    ) {
        this.env = pulumiEnvironment(home, name);
    }

    /** Whether there is anything in the stack. Known for our own backend only. */
    async hasResources(): Promise<boolean> {
        const checkpoint = await this.checkpoint();
        return checkpoint === undefined
            ? this.home.backendFolder === undefined
            : (checkpoint.resources?.length ?? 0) > 0;
    }

    private checkpoint(): Promise<Checkpoint | undefined> {
        return this.home.backendFolder === undefined
            ? Promise.resolve(undefined)
            : readCheckpoint(this.home.backendFolder, this.name);
    }

    /**
     * Makes the stack if there is none, and clears away what a killed run left. Throws a Problem when another update
     * runs or the passphrase is not the stack's.
     */
    async prepare(report: Report): Promise<void> {
        const checkpoint = await this.checkpoint();
        await checkPassphrase(this.env, this.name, checkpoint);
        await this.clearLocks(report);
        // The selection is remembered for this checkout, so that plain `pulumi` means the same stack.
        const env = { ...this.env };
        delete env.PULUMI_STACK;
        const select = await tryCommand([this.program, "stack", "select", this.name, "--non-interactive"], {
            cwd: root,
            env,
        });
        if (select.code !== 0) {
            if (!/no stack named/.test(select.stderr)) {
                throw new Problem(`Pulumi can't select the stack ${this.name}:\n${select.stderr.trim()}`);
            }
            report(`making the stack ${this.name}`);
            await startSettings(this.name);
            await command([this.program, "stack", "init", this.name, "--non-interactive"], { cwd: root, env });
        }
        await this.clearPendingOperations(checkpoint, report);
    }

    private async clearLocks(report: Report): Promise<void> {
        if (this.home.backendFolder === undefined) {
            return;
        }
        let locks = await readEngineLocks(this.home.backendFolder, this.name);
        let live = findLiveLock(locks);
        // One that was just interrupted or killed may take a moment to end.
        for (const deadline = Date.now() + 5000; live?.hostname === hostname() && Date.now() < deadline;) {
            report(`another update is running (process ${live.pid}): waiting 5 s for its end`);
            await setTimeout(200);
            locks = await readEngineLocks(this.home.backendFolder, this.name);
            live = findLiveLock(locks);
        }
        if (live !== undefined) {
            const elsewhere = live.hostname === hostname() ? "" : ` on ${live.hostname}`;
            throw new Problem(
                `Another update of the stack ${this.name} is running (process ${live.pid}${elsewhere}, since ${live.timestamp}).\n` +
                    "Wait for its end" +
                    (elsewhere === ""
                        ? "."
                        : `; if it was killed there: source env && pulumi cancel --yes --stack ${this.name}`),
            );
        }
        if (locks.length > 0) {
            report.note("the last update was killed; its lock is removed (pulumi cancel)");
            await command([this.program, "cancel", "--yes", "--stack", this.name], { cwd: root, env: this.env });
        }
    }

    /** Takes over what a killed update left half-made: all that is created here adopts what exists already. */
    private async clearPendingOperations(checkpoint: Checkpoint | undefined, report: Report): Promise<void> {
        const pending = checkpoint?.pending_operations ?? [];
        if (pending.length === 0) {
            return;
        }
        const names = pending.map(({ type, resource }) => `${type} ${resource.urn.split("::").at(-1) ?? ""}`);
        report.note(`the last update was interrupted while ${names.join(", ")}; this one goes on from there`);
        const exported = await command([this.program, "stack", "export", "--stack", this.name], {
            cwd: root,
            env: this.env,
        });
        const state = JSON.parse(exported.stdout) as { deployment: { pending_operations?: unknown } };
        delete state.deployment.pending_operations;
        await command([this.program, "stack", "import", "--stack", this.name], {
            cwd: root,
            env: this.env,
            input: JSON.stringify(state),
        });
    }
}

/**
 * The stack to work on: NTA_STACK, PULUMI_STACK, the one selected in this checkout, or `dev`. Reads the engine's own
 * note of the selection, because it is asked before there is an engine.
 */
export function chooseStack(
    environment: NodeJS.ProcessEnv,
    pulumiHome: string,
    backend: string | undefined,
    checkout: string = root,
): string {
    const asked = environment.NTA_STACK || environment.PULUMI_STACK;
    if (asked !== undefined && asked !== "") {
        return asked;
    }
    const hash = createHash("sha1").update(join(checkout, "Pulumi.yaml")).digest("hex");
    try {
        const file = join(pulumiHome, "workspaces", `${project}-${hash}-workspace.json`);
        const settings = JSON.parse(readFileSync(file, "utf8")) as { stack?: string; stacks?: Record<string, string> };
        const stacks = settings.stacks ?? {};
        const selected = (backend === undefined ? Object.values(stacks)[0] : stacks[backend]) ?? settings.stack;
        return selected?.split("/").at(-1) ?? defaultStack;
    } catch {
        return defaultStack;
    }
}

/**
 * Gives a new stack the settings that the checkout starts with. The stack's own file is ignored by git, because the engine
 * writes the salt of its owner's passphrase into it.
 */
async function startSettings(stack: string): Promise<void> {
    const file = join(root, `Pulumi.${stack}.yaml`);
    if (!existsSync(file)) {
        await copyFile(join(root, "Pulumi.dev.yaml"), file);
    }
}
