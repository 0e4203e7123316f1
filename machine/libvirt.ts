import * as fs from "node:fs";
import { MachineError } from "./errors";
import { type Result, run } from "./process";

/** Where Vagrant's libvirt provider makes machines, and the pool that it keeps their disks in. */
const connection = "qemu:///system";
const pool = "default";
export const poolFolder = "/var/lib/libvirt/images";

export function virsh(...args: string[]): Promise<Result> {
    return run("virsh", ["--quiet", "--connect", connection, ...args], { timeoutMilliseconds: 60_000 });
}

async function virshOk(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await virsh(...args);
    if (code !== 0) {
        throw new MachineError(`virsh ${args[0]} failed: ${stderr.trim()}`);
    }
    return stdout.trim();
}

/** Why libvirt can't be asked; undefined when it can. */
export async function libvirtProblem(): Promise<string | undefined> {
    const { code, stderr } = await virsh("version");
    return code === 0 ? undefined : `libvirt does not answer (${stderr.trim().split("\n")[0]})`;
}

/** libvirt's word for the state of each machine that it has, by its name: "running", "shut off". */
export async function domainStates(): Promise<Map<string, string>> {
    const lines = (await virshOk("list", "--all")).split("\n");
    return new Map(
        lines.flatMap((line) => {
            const [, name, state] = /^\s*\S+\s+(\S+)\s+(\S.*?)\s*$/.exec(line) ?? [];
            return name === undefined || state === undefined ? [] : [[name, state]];
        }),
    );
}

/** Why virtual machines can't use the processor's own virtualization here; undefined when they can. */
export async function kvmProblem(device = "/dev/kvm", cpuInfo = "/proc/cpuinfo"): Promise<string | undefined> {
    if (!fs.existsSync(device)) {
        return `there is no ${device}`;
    }
    // The device alone says little: inside virtual machines it may be there, take orders, and never run a kernel.
    if (process.arch === "x64" && !/^flags\s*:.*\b(vmx|svm)\b/m.test(fs.readFileSync(cpuInfo, "utf8"))) {
        return "the processor offers no virtualization (neither vmx nor svm in /proc/cpuinfo)";
    }
    const { code } = await virsh("domcapabilities", "--virttype", "kvm");
    return code === 0 ? undefined : `QEMU can't use ${device}`;
}

/** A machine that libvirt has: its id, and what it says about itself. */
export async function domain(name: string): Promise<{ id: string; description: string } | undefined> {
    const { code, stdout } = await virsh("domuuid", name);
    return code === 0 ? { id: stdout.trim(), description: (await virsh("desc", name)).stdout.trim() } : undefined;
}

/** The disk that a machine boots from, as libvirt and the machine itself name it. */
export const bootDisk = "vda";

/** Makes a running machine's disk as large as it is to be (GiB), if it is smaller; true when it was. */
export async function growDisk(name: string, gibibytes: number): Promise<boolean> {
    const told = await virshOk("domblkinfo", name, bootDisk);
    const capacity = /^Capacity:\s+(\d+)$/m.exec(told)?.[1];
    if (capacity === undefined) {
        // `blockresize` makes disks smaller as well, and what was at their end is lost.
        throw new MachineError(`virsh domblkinfo ${name} does not tell the size of its disk: ${told}`);
    }
    if (Number(capacity) >= gibibytes * 2 ** 30) {
        return false;
    }
    await virshOk("blockresize", name, bootDisk, `${gibibytes}G`);
    return true;
}

async function volumes(): Promise<string[]> {
    const { stdout } = await virsh("vol-list", pool);
    return stdout.split("\n").map((line) => line.trim().split(/\s+/)[0] ?? "");
}

export async function hasVolume(name: string): Promise<boolean> {
    return (await volumes()).includes(name);
}

export async function deleteVolume(name: string): Promise<void> {
    await virshOk("vol-delete", name, "--pool", pool);
}

/** The pool in its usual place, as Vagrant would make it at its first machine. */
async function ensurePool(): Promise<void> {
    if ((await virsh("pool-info", pool)).code !== 0) {
        await virshOk("pool-define-as", pool, "dir", "--target", poolFolder);
        await virshOk("pool-build", pool);
    }
    // An error says that it is active.
    await virsh("pool-start", pool);
}

const seedSuffix = "-cidata.iso";

/**
 * Puts a node's seed disk where QEMU may read it, which runs as a user of its own: into the storage pool.
 * @returns its path there
 */
export async function uploadSeedDisk(node: string, disk: string): Promise<string> {
    const name = `${node}${seedSuffix}`;
    await ensurePool();
    if (!(await hasVolume(name))) {
        await virshOk("vol-create-as", pool, name, "4M", "--format", "raw");
    }
    await virshOk("vol-upload", name, disk, "--pool", pool);
    return virshOk("vol-path", name, "--pool", pool);
}

/** Removes a node's seed disk, if there is one. */
export async function removeSeedDisk(node: string): Promise<void> {
    const name = `${node}${seedSuffix}`;
    if (await hasVolume(name)) {
        await deleteVolume(name);
    }
}

/** Removes the seed disks of all of a cluster's nodes. */
export async function removeSeedDisks(clusterName: string): Promise<void> {
    const own = new RegExp(`^${clusterName}-\\d+${seedSuffix.replace(".", "\\.")}$`);
    for (const name of (await volumes()).filter((volume) => own.test(volume))) {
        await deleteVolume(name);
    }
}
