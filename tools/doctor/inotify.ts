import { readdir, readFile, readlink } from "node:fs/promises";
import { memoryOfNodes } from "../../components/settings/node-pools";
import { chooseProvider } from "../../machine/provider";
import type { CheckResult, Finding, Subject } from "./check";

/**
 * inotify instances that the programs of a node in a container take, as root, and some to spare: 27 to 29 were counted on a
 * first one with Taurus on it (kubelet 7, kube-controller-manager 7, kube-apiserver 6, systemd 6), 14 on another one. The
 * kernel has one limit for those of all containers together.
 */
const instances = { firstNode: 30, otherNode: 16 };

/** What kind's documentation recommends ("Pod errors due to too many open files"). */
const usualLimit = 512;

const setting = "fs.inotify.max_user_instances";

/** How many inotify instances a user may have, and how many root has. */
export interface InotifyUse {
    limit: number;
    /** Undefined where only root could count them. */
    used: number | undefined;
}

/** What is wrong when nodes in containers that are still to be started would take more inotify instances than there are. */
export function inotifyFinding({ limit, used }: InotifyUse, needed: number): Finding | undefined {
    const all = needed + (used ?? 0);
    if (needed === 0 || all <= limit) {
        return undefined;
    }
    const assignment = `${setting}=${Math.max(usualLimit, all)}`;
    return {
        wrong:
            `too few inotify instances: the nodes that do not run yet take about ${needed}, ` +
            `${used === undefined ? "" : `root has ${used}, `}and ${setting} is ${limit}; ` +
            "containerd and kubelet would fail with 'too many open files'",
        mend: `sudo sysctl -w ${assignment}`,
        asRoot: ["sysctl", "-w", assignment],
    };
}

/** What clusters in containers take that have so many nodes together. */
export function instancesOf(clusters: number, nodes: number): number {
    return clusters * instances.firstNode + (nodes - clusters) * instances.otherNode;
}

/** Undefined where there is no such limit. */
export async function inotifyUse(): Promise<InotifyUse | undefined> {
    const limit = Number(await readFile("/proc/sys/fs/inotify/max_user_instances", "utf8").catch(() => NaN));
    return Number.isNaN(limit) ? undefined : { limit, used: await instancesOfRoot() };
}

/** The inotify instances of root's processes, in containers too. One that processes share counts for each of them. */
async function instancesOfRoot(): Promise<number | undefined> {
    if (process.getuid?.() !== 0) {
        return undefined;
    }
    const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
    const counts = await Promise.all(
        processes.map(async (pid) => {
            // Any of them may end meanwhile.
            const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
            const files = /^Uid:\t\d+\t0\t/m.test(status) ? await readdir(`/proc/${pid}/fd`).catch(() => []) : [];
            const targets = files.map((file) => readlink(`/proc/${pid}/fd/${file}`).catch(() => ""));
            return (await Promise.all(targets)).filter((target) => target === "anon_inode:inotify").length;
        }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
}

/** Whether the machines are containers, or will be: virtual machines have kernels of their own. */
async function areContainers({ settings, containers }: Subject): Promise<boolean> {
    if (containers.length > 0) {
        return true;
    }
    return chooseProvider(settings.provider, settings.nodes, () => {}).then(
        (provider) => provider === "docker",
        // Nothing is there yet: `npm run up` brings Docker.
        () => settings.provider === "auto" || settings.provider === "docker",
    );
}

/** Whether the kernel has room for the inotify instances of the nodes that do not run yet. */
export async function checkInotify(subject: Subject): Promise<CheckResult> {
    const { clusterName, settings, containers } = subject;
    const name = "inotify";
    const use = settings.cluster === "existing" ? undefined : await inotifyUse();
    if (use === undefined) {
        return { name, found: "nothing needed", wrong: [] };
    }
    const needed = memoryOfNodes(settings)
        .map((_, index) => (index === 0 ? instances.firstNode : instances.otherNode))
        .filter((_, index) => !containers.includes(`${clusterName}-${index + 1}`))
        .reduce((sum, count) => sum + count, 0);
    const finding = inotifyFinding(use, needed);
    // Which provider it will be takes a while to find out, and matters seldom.
    if (finding !== undefined && !(await areContainers(subject))) {
        return { name, found: "virtual machines have their own", wrong: [] };
    }
    const taken = use.used === undefined ? "" : `, ${use.used} in use`;
    return {
        name,
        found: `${use.limit} instances${taken}, ${needed} needed`,
        wrong: finding === undefined ? [] : [finding],
    };
}
