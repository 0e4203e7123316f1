import { existsSync } from "node:fs";
import { hasLibvirtPlugin, vagrantHome } from "../machine/vagrant";
import { command, findProgram, tryCommand } from "./command";
import { asCommand, installPackages, missingPackages, rootPrefix } from "./debian-packages";
import { Problem } from "./problem";
import type { Report } from "./progress";

const underSystemd = () => existsSync("/run/systemd/system");

/** libvirt's version, or why it does not answer. */
async function askLibvirt(): Promise<{ version: string } | { problem: string }> {
    const ask = ["virsh", "--connect", "qemu:///system", "version", "--daemon"];
    const { code, stdout, stderr } = await tryCommand(asCommand(ask), { timeout: 30000 });
    const version = /library: libvirt (\S+)/.exec(stdout)?.[1];
    return code === 0 && version !== undefined ? { version } : { problem: stderr.trim().split("\n")[0] ?? "" };
}

/**
 * Makes sure that Vagrant can make virtual machines with libvirt: its packages, its daemon and Vagrant's plugin for it.
 * A daemon started here keeps running.
 * @returns libvirt's version and how it was had
 */
export async function ensureLibvirt(report: Report): Promise<string> {
    const needed = missingPackages("libvirt", false);
    // Without this one, Debian's packages would bring in systemd where another system starts the daemons.
    const starter = underSystemd() || findProgram("libvirtd", sbin()) !== undefined ? [] : [sysvStarter];
    await installPackages([...needed, ...(needed.length === 0 ? [] : starter)], report);
    await ensurePlugin(report);
    let answer = await askLibvirt();
    let how = needed.length === 0 ? "" : ", installed";
    if ("problem" in answer) {
        await startDaemon(answer.problem, report);
        answer = await askLibvirt();
        how += ", started";
    }
    if ("problem" in answer) {
        throw new Problem(
            `libvirt does not answer: ${answer.problem}\n` +
                "If this user may not use it: `sudo usermod -aG libvirt $USER`, log in again, then run this again.",
        );
    }
    return `${answer.version}${how}`;
}

const sysvStarter = {
    package: "libvirt-daemon-system-sysv",
    command: "libvirtd",
    for: "libvirt's daemon where systemd does not run",
};

function sbin(): string {
    return `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
}

/** Vagrant's plugin: Debian's package where Vagrant is Debian's, else from Vagrant's own source. */
async function ensurePlugin(report: Report): Promise<void> {
    if (await hasLibvirtPlugin()) {
        return;
    }
    const debians = (await tryCommand(["dpkg-query", "--show", "vagrant"])).code === 0;
    if (debians) {
        // It brings no program of its own.
        const plugin = { package: "vagrant-libvirt", command: "vagrant", for: "Vagrant's libvirt provider" };
        await installPackages([plugin], report);
    }
    if (!(await hasLibvirtPlugin())) {
        throw new Problem(
            "Vagrant's libvirt plugin is not there. Run this, then what you ran just now again:\n" +
                `  VAGRANT_HOME=${vagrantHome()} vagrant plugin install vagrant-libvirt`,
        );
    }
}

async function startDaemon(problem: string, report: Report): Promise<void> {
    const root = await rootPrefix();
    if (root === undefined) {
        throw new Problem(
            `libvirt does not answer (${problem}), and starting it takes root rights: run \`sudo systemctl start libvirtd\` ` +
                "(and `sudo usermod -aG libvirt $USER` once), then run this again.",
        );
    }
    report("starting libvirt");
    if (underSystemd()) {
        await command(asCommand([...root, "systemctl", "start", "libvirtd"]), { timeout: 120000 });
        return;
    }
    const env = { ...process.env, PATH: sbin() };
    // Each ends with an error when it runs already.
    for (const daemon of ["virtlogd", "libvirtd"]) {
        await tryCommand(asCommand([...root, daemon, "--daemon"]), { env, timeout: 30000 });
    }
    for (let waited = 0; waited < 20000 && "problem" in (await askLibvirt()); waited += 500) {
        report("waiting for libvirt to answer");
        await new Promise((resolve) => setTimeout(resolve, 500));
    }
}
