/**
 * Measures how long a cluster takes to be made and to be started, beside a bare `docker run` and `kubeadm init` of the same
 * node image, with 1 and 3 nodes: medians of rounds that alternate, so that a busy machine slows both. Needs the node image
 * and 8 GiB of memory; takes some minutes, and cleans up what it made.
 */
import { docker, execute } from "../machine/docker";
import { sleep } from "../machine/process";
import { MachineUnderTest, ok } from "../test/integration/machine-under-test";
import { BareCluster } from "./bare-cluster";
import { median } from "./measure";

const rounds = Number(process.env.NTA_BENCH_ROUNDS ?? 3);

/** When the last of a cluster's nodes became Ready, by kubelet's own report (whole seconds). */
async function nodesReady(first: string, count: number): Promise<number> {
    const path = '{range .items[*].status.conditions[?(@.type=="Ready")]}{.status} {.lastTransitionTime}{"\\n"}{end}';
    for (;;) {
        const script = `kubectl --kubeconfig /etc/kubernetes/admin.conf get nodes -o 'jsonpath=${path}'`;
        const lines = (await execute(first, script)).stdout.trim().split("\n");
        const ready = lines.flatMap((line) => (line.startsWith("True ") ? [Date.parse(line.slice(5))] : []));
        if (ready.length === count) {
            return Math.max(...ready);
        }
        await sleep(1000);
    }
}

interface Figures {
    /** Seconds to the last node Ready. */
    bare: number[];
    ours: number[];
    /** Seconds until `up` and `start` ended, with CoreDNS Ready. */
    create: number[];
    start: number[];
}

async function measureBare(count: number, figures: Figures): Promise<void> {
    const bare = new BareCluster("nta-bench-bare", count);
    await bare.remove();
    try {
        const started = Date.now();
        await bare.create();
        figures.bare.push(((await nodesReady(bare.nodes[0], count)) - started) / 1000);
    } finally {
        await bare.remove();
    }
}

async function measureOurs(count: number, figures: Figures, memory: string[]): Promise<void> {
    const machine = new MachineUnderTest("nta-bench-ours");
    await machine.prepare();
    machine.args.nodes = count;
    try {
        let started = Date.now();
        await ok(machine.main(["up"], machine.specification()));
        figures.create.push((Date.now() - started) / 1000);
        figures.ours.push(((await nodesReady(machine.first, count)) - started) / 1000);
        if (count > 1) {
            const stats = ["stats", "--no-stream", "--format", "{{.MemUsage}}", machine.node(2)];
            memory.push((await ok(docker(stats))).stdout.split(" ")[0]);
        }
        await ok(machine.main(["stop", machine.clusterName]));
        started = Date.now();
        await ok(machine.main(["start", machine.clusterName]));
        figures.start.push((Date.now() - started) / 1000);
    } finally {
        await machine.remove();
    }
}

async function main(): Promise<void> {
    const memory: string[] = [];
    const byCount = new Map<number, Figures>();
    for (const count of [1, 3]) {
        const figures: Figures = { bare: [], ours: [], create: [], start: [] };
        byCount.set(count, figures);
        for (let round = 1; round <= rounds; round++) {
            await measureBare(count, figures);
            await measureOurs(count, figures, memory);
            process.stderr.write(`${count} nodes, round ${round} of ${rounds}: ${JSON.stringify(figures)}\n`);
        }
    }
    console.log("| nodes | bare kubeadm to Ready, s | up to Ready, s | ratio | up in all, s | start, s | start / up |");
    console.log("| --- | --- | --- | --- | --- | --- | --- |");
    for (const [count, { bare, ours, create, start }] of byCount) {
        const [a, b, c, d] = [bare, ours, create, start].map(median);
        const cells = [a.toFixed(1), b.toFixed(1), (b / a).toFixed(2), c.toFixed(1), d.toFixed(1), (d / c).toFixed(2)];
        console.log(`| ${count} | ${cells.join(" | ")} |`);
    }
    const [one, three] = [1, 3].map((count) => median(byCount.get(count)?.ours ?? []));
    console.log(
        `\nEach further node: ${((three - one) / 2).toFixed(1)} s, ${memory.sort()[memory.length >> 1]} of memory`,
    );
}

main().catch((error: unknown) => {
    console.error(error);
    process.exit(1);
});
