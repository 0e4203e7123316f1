import { spawn, type ChildProcess } from "node:child_process";
import { createInterface } from "node:readline";
import { sleep } from "../../plugins/kubernetes/sleep";
import { kubectl, type StackCluster } from "../cluster";
import type { Pod } from "../objects";
import { containerOf, findWorkload, loggedContainers, readCandidates, type Workload } from "./workload";

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

/**
 * Shows the log of a pod's container, each line with `prefix`. Resolves to kubectl's exit code when the log has ended. Not
 * kubectl's --all-containers: that has no order, and ends at the first container that has not begun.
 */
function showContainer(
    cluster: StackCluster,
    pod: Pod,
    container: string,
    { follow, previous, tail }: LogOptions,
    prefix: string,
): Promise<number> {
    const { namespace = "", name } = pod.metadata;
    const [program, ...base] = kubectl(cluster);
    const child = spawn(
        program,
        [
            ...base,
            "--namespace",
            namespace,
            "logs",
            name,
            "--container",
            container,
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
    const containersOf = (pod: Pod) => loggedContainers(pod, options.container, options.previous);
    const prefixOf = (pod: Pod) => (first.length > 1 || options.follow ? `[${pod.metadata.name}] ` : "");
    // Of a pod without a log, kubectl says of this one why it has none.
    const meant = first.map((pod) => {
        const { initContainers = [], containers } = pod.spec;
        return containerOf(pod, options.container, [...initContainers, ...containers]);
    });
    if (!options.follow) {
        let worst = 0;
        for (const [index, pod] of first.entries()) {
            const logged = containersOf(pod);
            for (const container of logged.length > 0 ? logged : [meant[index]]) {
                worst = Math.max(worst, await showContainer(cluster, pod, container, options, prefixOf(pod)));
            }
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
        const logs = pods.flatMap((pod) => containersOf(pod).map((container) => ({ pod, container })));
        const keyOf = ({ pod, container }: (typeof logs)[number]) => `${pod.metadata.uid}/${container}`;
        for (const log of logs.filter((one) => !shown.has(keyOf(one)))) {
            shown.add(keyOf(log));
            void showContainer(cluster, log.pod, log.container, options, prefixOf(log.pod));
        }
        await sleep(2000);
        const ended = ({ status }: Pod) => ["Succeeded", "Failed"].includes(status.phase);
        if (running.size === 0 && logs.every((log) => shown.has(keyOf(log))) && pods.every(ended)) {
            return 0;
        }
    }
}
