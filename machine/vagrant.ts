import * as fs from "node:fs";
import * as path from "node:path";
import { MachineError } from "./errors";
import { cacheDirectory, MachineFolder } from "./folder";
import { type Result, run, type RunOptions, sleep } from "./process";

/** Where Vagrant keeps boxes and plugins for this project. */
export function vagrantHome(): string {
    return process.env.VAGRANT_HOME ?? path.join(cacheDirectory(), "vagrant");
}

/** Whether Vagrant has a provider for libvirt. Without the folder that `source env` names, which may not be there yet. */
export async function hasLibvirtPlugin(): Promise<boolean> {
    const { stdout } = await run("vagrant", ["plugin", "list"], {
        env: { ...process.env, VAGRANT_HOME: vagrantHome(), VAGRANT_CWD: undefined },
        timeoutMilliseconds: 60_000,
    });
    return stdout.includes("vagrant-libvirt");
}

/** Vagrant with its own home and, for this cluster, its own folder: the user's Vagrant is not touched. */
export function vagrantEnvironment(folder: MachineFolder): NodeJS.ProcessEnv {
    return {
        ...process.env,
        VAGRANT_HOME: vagrantHome(),
        VAGRANT_CWD: folder.path,
        VAGRANT_DOTFILE_PATH: folder.file(".vagrant"),
        VAGRANT_CHECKPOINT_DISABLE: "1",
        VAGRANT_BOX_UPDATE_CHECK_DISABLE: "1",
    };
}

export async function vagrant(
    folder: MachineFolder,
    args: string[],
    options: Pick<RunOptions, "input" | "onLine" | "timeoutMilliseconds"> = {},
): Promise<Result> {
    const env = vagrantEnvironment(folder);
    const onStart = args[0] === "up" ? (pid: number) => void folder.write(pidFile, String(pid)) : undefined;
    return run("vagrant", args, { ...options, env, cwd: folder.path, onStart });
}

const pidFile = "vagrant.pid";

function isVagrant(pid: number): boolean {
    try {
        process.kill(pid, 0);
        const commandLine = `/proc/${pid}/cmdline`;
        return !fs.existsSync("/proc/self") || fs.readFileSync(commandLine, "utf8").includes("vagrant");
    } catch {
        return false;
    }
}

/**
 * Waits for the `vagrant up` of a run that was killed: it goes on by itself, and makes things as one looks at them. After
 * the given time it is stopped.
 */
export async function waitForOrphan(
    folder: MachineFolder,
    step: (line: string) => void,
    longestMilliseconds = 60_000,
): Promise<void> {
    const pid = Number(folder.read(pidFile) ?? 0);
    const deadline = Date.now() + longestMilliseconds;
    for (let told = false; pid > 0 && isVagrant(pid); told = true) {
        if (!told) {
            step(`the vagrant of an interrupted run is still at work (process ${pid}): waiting for it`);
        }
        if (Date.now() > deadline) {
            process.kill(pid, "SIGKILL");
        }
        await sleep(200);
    }
    fs.rmSync(folder.file(pidFile), { force: true });
}

/** Why Vagrant can't be used; undefined when it can. */
export async function vagrantProblem(): Promise<string | undefined> {
    // `vagrant --version` takes seconds in some versions; being there is enough.
    const found = (process.env.PATH ?? "")
        .split(path.delimiter)
        .some((directory) => fs.existsSync(path.join(directory, "vagrant")));
    return found ? undefined : "there is no `vagrant` command";
}

/** Vagrant's word for the state of each machine; empty before there is a Vagrantfile. */
export async function machineStates(folder: MachineFolder): Promise<Map<string, string>> {
    const states = new Map<string, string>();
    if (folder.read("machine.json") !== undefined) {
        const { stdout } = await vagrant(folder, ["status", "--machine-readable"]);
        for (const line of stdout.split("\n")) {
            const [, node, type, state] = line.trim().split(",");
            if (type === "state") {
                states.set(node, state);
            }
        }
    }
    return states;
}

/** `vagrant up`, told line by line. Waits while another Vagrant (of a run that was killed) still works on the folder. */
export async function vagrantUp(folder: MachineFolder, provider: string, note: (line: string) => void): Promise<void> {
    for (;;) {
        const result = await vagrant(folder, ["up", `--provider=${provider}`, "--no-color"], {
            onLine: (line) => {
                const text = line.replace(/^(==> )?\S*: ?/, "").trim();
                if (text.startsWith("Creating") || text.startsWith("Starting") || text.startsWith("Importing")) {
                    note(`vagrant: ${text}`);
                }
            },
        });
        if (result.code === 0) {
            return;
        }
        const output = `${result.stdout}\n${result.stderr}`;
        if (/is locked|another process is already executing an action/i.test(output)) {
            note("another vagrant is still at work on this machine: waiting for it");
            await sleep(2000);
            continue;
        }
        const said = `${result.stderr.trim()}\n${result.stdout.trim().split("\n").slice(-5).join("\n")}`;
        throw new MachineError(`vagrant up failed:\n${said.trim()}`);
    }
}

function idFile(folder: MachineFolder, node: string, provider: string): string {
    return folder.file(".vagrant", "machines", node, provider, "id");
}

/**
 * Makes Vagrant know the machine that exists (a run may have been killed between its making and Vagrant's note of it), or
 * forget one that does not.
 */
export function setVagrantId(folder: MachineFolder, node: string, provider: string, id: string | undefined): void {
    const file = idFile(folder, node, provider);
    if (id === undefined) {
        fs.rmSync(file, { force: true });
    } else if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== id) {
        fs.mkdirSync(path.dirname(file), { recursive: true });
        fs.writeFileSync(file, id);
    }
}

/** Takes the folder's machines out of Vagrant's global list, as `vagrant global-status --prune` would. */
export function forgetInVagrantIndex(folder: MachineFolder): void {
    const file = path.join(vagrantHome(), "data", "machine-index", "index");
    try {
        const index = JSON.parse(fs.readFileSync(file, "utf8")) as {
            machines: Record<string, { vagrantfile_path?: string }>;
        };
        const kept = Object.entries(index.machines).filter(([, machine]) => machine.vagrantfile_path !== folder.path);
        if (kept.length !== Object.keys(index.machines).length) {
            // A name of this process': another cluster's may be doing the same.
            const next = `${file}.${process.pid}`;
            fs.writeFileSync(next, JSON.stringify({ ...index, machines: Object.fromEntries(kept) }));
            fs.renameSync(next, file);
        }
    } catch {
        // No list, or one that Vagrant will write anew.
    }
}
