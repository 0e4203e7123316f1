import { command, findProgram, tryCommand } from "./command";
import { Problem } from "./problem";
import type { Report } from "./progress";
import { pinned } from "./pinned";

/** A Debian package that something here needs, known to be there by the program that it brings. */
export interface NeededPackage {
    package: string;
    command: string;
    /** What it is for, for messages. */
    for: string;
}

/** How this process may act as root: not at all, or with these words before the command. */
export async function rootPrefix(): Promise<string[] | undefined> {
    if (process.getuid?.() === 0) {
        return [];
    }
    if (findProgram("sudo") !== undefined && (await tryCommand(["sudo", "-n", "true"], { timeout: 5000 })).code === 0) {
        return ["sudo", "-n"];
    }
    return undefined;
}

/**
 * The packages of which the programs are missing.
 * @param goal what is going to be done: "run" a cluster, "test" this project (which runs some), or make "libvirt" usable
 * @param closedNetwork whether only package registries can be reached, which takes more tools
 */
export function missingPackages(
    goal: "run" | "test" | "libvirt",
    closedNetwork: boolean,
    has: (program: string) => boolean = hasProgram,
): NeededPackage[] {
    const { run, test, libvirt } = pinned.debianPackages;
    return { run, test: [...run, ...test], libvirt }[goal].filter((entry) => {
        const onlyHere = "only" in entry ? entry.only : undefined;
        return !has(entry.command) && (onlyHere !== "closed-network" || closedNetwork);
    });
}

// Debian keeps daemons in sbin, which is not on every user's path.
function hasProgram(program: string): boolean {
    return findProgram(program, `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`) !== undefined;
}

/** Installs Debian packages, or throws a Problem that says exactly what to install. */
export async function installPackages(needed: readonly NeededPackage[], report: Report): Promise<void> {
    if (needed.length === 0) {
        return;
    }
    const names = needed.map((entry) => entry.package);
    const list = needed.map((entry) => `  - ${entry.package}: ${entry.for}`).join("\n");
    if (findProgram("apt-get") === undefined) {
        const programs = needed.map((entry) => entry.command).join(", ");
        throw new Problem(
            `These programs are missing, and can be installed automatically only on Debian and Ubuntu: ${programs}.\n` +
                `Their packages there are:\n${list}\nInstall them by your system's means, then run this again.`,
        );
    }
    const root = await rootPrefix();
    if (root === undefined) {
        throw new Problem(
            `These Debian packages are missing, and installing them takes root rights:\n${list}\n` +
                `Run this, then what you ran just now again:\n` +
                `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${names.join(" ")}`,
        );
    }
    report.note(`installing Debian packages: ${names.join(", ")}`);
    const onLine = (line: string) => report(`apt: ${line}`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive", LC_ALL: "C.UTF-8" };
    const apt = (...args: string[]) =>
        command(asCommand([...root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", ...args]), { env, onLine });
    // A package source that does not answer must not keep the others from being used.
    await apt("update", "-q", "-o", "Acquire::Retries=2").catch((error: Error) =>
        report.note(`apt-get update: ${error.message.split("\n").at(-1) ?? ""}`),
    );
    await apt(
        "install",
        "-y",
        "-q",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Acquire::Retries=3",
        ...names,
    );
    const still = needed.filter((entry) => !hasProgram(entry.command));
    if (still.length > 0) {
        const lines = still.map((entry) => `${entry.command} (package ${entry.package})`);
        throw new Problem(`Still missing after the installation: ${lines.join(", ")}.`);
    }
}

/** A list with at least one word, as a command. */
export function asCommand(words: readonly string[]): [string, ...string[]] {
    const [program, ...args] = words;
    if (program === undefined) {
        throw new Error("an empty command");
    }
    return [program, ...args];
}
