import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { sleep } from "../../plugins/kubernetes/client";
import { kubectl, type StackCluster } from "../cluster";
import type { Pod } from "../objects";
import { containerOf, findWorkload, readCandidates, type Workload } from "./workload";

/** What to show of a workload's logs. */
export interface LogOptions {
    namespace?: string;
    /** This one; all of each pod unless given. */
    container?: string;
    /** Stay, and show new lines and new pods. */
    follow: boolean;
    /** Of the containers that were there before the last restart. */
    previous: boolean;
    /** The last lines of each container; all unless given. */
    tail?: number;
}

/** The kubectl of each log that is being shown. */
const running = new Set<ChildProcess>();

/** Shows one pod's log, each line with `prefix`. Resolves to kubectl's exit code when the log has ended. */
function showPod(cluster: StackCluster, pod: Pod, options: LogOptions, prefix: string): Promise<number> {
    const { follow, previous, tail, container } = options;
    const { namespace = "", name } = pod.metadata;
    const which = container === undefined ? ["--all-containers"] : ["--container", containerOf(pod, container)];
    const [program, ...base] = kubectl(cluster);
    const child = spawn(
        program,
        [
            ...base,
            "--namespace",
            namespace,
            "logs",
            name,
            ...which,
            ...(follow ? ["--follow"] : []),
            ...(previous ? ["--previous"] : []),
            ...(tail === undefined ? [] : ["--tail", String(tail)]),
        ],
        { stdio: ["ignore", "pipe", "inherit"] },
    );
    createInterface({ input: child.stdout, crlfDelay: Infinity }).on("line", (line) => console.log(prefix + line));
    running.add(child);
    return new Promise<number>((resolve, reject) => {
        child.once("error", reject);
        child.once("close", (code) => resolve(code ?? 1));
    }).finally(() => running.delete(child));
}

/** Shows the logs of a workload's pods, the oldest pod first; while following, also those of pods that come later. */
export async function showLogs(cluster: StackCluster, name: string, options: LogOptions): Promise<number> {
    const find = async (): Promise<Workload> => findWorkload(name, await readCandidates(cluster, options.namespace));
    const first = (await find()).pods.reverse();
    const prefixOf = (pod: Pod) => (first.length > 1 || options.follow ? `[${pod.metadata.name}] ` : "");
    if (!options.follow) {
        let worst = 0;
        for (const pod of first) {
            worst = Math.max(worst, await showPod(cluster, pod, options, prefixOf(pod)));
        }
        return worst;
    }
    // A quiet container's log has no next line by which kubectl would notice that nobody reads any more.
    process.once("SIGTERM", () => {
        running.forEach((child) => child.kill());
        process.exit(143);
    });
    const shown = new Set<string>();
    for (let pods = first; ; pods = (await find().catch(() => undefined))?.pods ?? pods) {
        for (const pod of pods.filter(
            ({ metadata, status }) => !shown.has(metadata.uid) && status.phase !== "Pending",
        )) {
            shown.add(pod.metadata.uid);
            void showPod(cluster, pod, options, prefixOf(pod));
        }
        await sleep(2000);
        const ended = ({ status }: Pod) => ["Succeeded", "Failed"].includes(status.phase);
        if (running.size === 0 && pods.every((pod) => shown.has(pod.metadata.uid) && ended(pod))) {
            return 0;
        }
    }
}
