import { MachineError } from "./errors";
import { ApiServer, type ClusterNode, localAddress, type Starts } from "./health";
import { Invitations, upgradingAnnotation } from "./membership";
import type { Nodes } from "./nodes";
import { sleep } from "./process";
import type { Progress } from "./progress";
import type { MachineSpec } from "./spec";

/** A cluster that is healthy: its nodes, and its API server, which the caller closes. */
export interface HealthyCluster {
    api: ApiServer;
    nodes: ClusterNode[];
    /** Nodes that have joined meanwhile. */
    joined: string[];
}

interface Observation {
    log: string;
    cloudInit: string;
    setUp: boolean;
    adminConf: string;
}

/** One look at the first node: the log of its set-up from an offset (bytes, from 0), cloud-init's result, admin.conf. */
async function observe(nodes: Nodes, node: string, offset: number): Promise<Observation | undefined> {
    const separator = "---nta---";
    const script = [
        `tail -c +${offset + 1} /run/nta-node.log`,
        "cat /run/cloud-init/result.json",
        "systemctl is-active nta-node.service",
        "cat /etc/kubernetes/admin.conf",
    ].join(`; echo '${separator}'; `);
    const result = await nodes.execute(node, `exec 2>/dev/null; ${script}; true`);
    const [log, cloudInit, active, adminConf] = result.stdout.split(`${separator}\n`);
    return adminConf === undefined ? undefined : { log, cloudInit, setUp: active.trim() === "active", adminConf };
}

function cloudInitErrors(result: string): string[] {
    try {
        return (JSON.parse(result) as { v1: { errors: string[] } }).v1.errors;
    } catch {
        return []; // not written yet
    }
}

/** What is still missing, and on which nodes; undefined when all is well. */
interface Lack {
    what: string;
    nodes: string[];
}

/**
 * Waits until the cluster's API server answers and every node of the specification is Ready; lets those join that ask for
 * it. Ends with the nodes' own last words when that takes too long, or when a machine does not run any more.
 */
export async function waitUntilHealthy(
    spec: MachineSpec,
    nodes: Nodes,
    starts: Starts,
    progress: Progress,
    timeoutSeconds: number,
): Promise<HealthyCluster> {
    const first = spec.nodes[0].name;
    const deadline = Date.now() + timeoutSeconds * 1000;
    let lack: Lack = { what: "the machine's system", nodes: [first] };
    let offset = 0;
    let known = "";
    let api: ApiServer | undefined;
    let invitations: Invitations | undefined;
    const joined: string[] = [];
    let nextLook = Date.now() + 15_000;
    try {
        while (Date.now() < deadline) {
            const seen = await observe(nodes, first, offset);
            if (seen !== undefined) {
                const errors = cloudInitErrors(seen.cloudInit);
                if (errors.length > 0) {
                    throw new MachineError(
                        `cloud-init failed on ${first}: ${errors.join("; ")}\n${await lastWords(nodes, first)}`,
                    );
                }
                if (seen.adminConf !== known && seen.adminConf !== "") {
                    known = seen.adminConf;
                    api?.close();
                    api = new ApiServer(known, localAddress(spec.hostAddress), spec.apiPort);
                    invitations = new Invitations(nodes, first, api.caCertificate);
                }
                const found = await lacking(spec, api, starts, seen.setUp);
                if (found.lack === undefined && api !== undefined) {
                    const healthy = { api, nodes: found.nodes, joined };
                    api = undefined;
                    return healthy;
                }
                // A machine that ran before has nothing new to say.
                const before = offset === 0 && seen.setUp;
                for (const line of before ? [] : seen.log.split("\n").filter((text) => text !== "")) {
                    progress.note(line);
                }
                offset += Buffer.byteLength(seen.log);
                if (found.lack !== undefined && found.lack.what !== lack.what) {
                    progress.step(`waiting for ${found.lack.what}`);
                }
                lack = found.lack ?? lack;
                for (const name of (await invitations?.answer(lack.nodes.filter((it) => it !== first))) ?? []) {
                    progress.note(`${name}: invited into the cluster`);
                    joined.push(name);
                }
            }
            // Looking at machines may take seconds, and most of them run.
            const look = seen === undefined ? [first] : Date.now() >= nextLook ? lack.nodes : [];
            nextLook = look.length > 0 ? Date.now() + 15_000 : nextLook;
            for (const name of look) {
                const failure = await nodes.failure(name);
                if (failure !== undefined) {
                    throw new MachineError(failure);
                }
            }
            await sleep(nodes.pollMilliseconds);
        }
    } finally {
        await invitations?.end();
        api?.close();
    }
    const words = await Promise.all(lack.nodes.map((name) => lastWords(nodes, name)));
    throw new MachineError(
        `${spec.clusterName} has not become healthy within ${timeoutSeconds} s: still waiting for ${lack.what}.\n` +
            `${words.join("\n")}\nRun the command again to go on waiting, or \`npm run destroy\` to start over. More: ` +
            `\`vagrant status\`, and in the machine \`journalctl --unit kubelet\` and /var/log/nta-kubeadm.log`,
    );
}

async function lacking(
    spec: MachineSpec,
    api: ApiServer | undefined,
    starts: Starts,
    setUp: boolean,
): Promise<{ lack?: Lack; nodes: ClusterNode[] }> {
    const [first] = spec.nodes;
    const of = (what: string, names = [first.name]) => ({ lack: { what, nodes: names }, nodes: [] });
    if (api === undefined) {
        return of("the machine to set itself up");
    }
    if (!(await api.healthy())) {
        return of("the API server");
    }
    const nodes = await api.nodes(starts);
    const ready = nodes.filter((node) => node.ready).map((node) => node.name);
    const waiting = spec.nodes.map((node) => node.name).filter((name) => !ready.includes(name));
    if (waiting.length > 0) {
        return of(`${waiting.length === 1 ? "node" : "nodes"} ${waiting.join(", ")} to be Ready`, waiting);
    }
    // A node that an upgrade has closed may be the only one for CoreDNS: the upgrade is gone on with first.
    const upgrading = nodes.some(({ annotations }) => upgradingAnnotation in annotations);
    if (!upgrading && !(await api.dnsReady(starts))) {
        return of("CoreDNS to be Ready");
    }
    return setUp ? { nodes } : of("the node's set-up to end");
}

/** What the node's own programs say, for an error message. */
async function lastWords(nodes: Nodes, node: string): Promise<string> {
    const sources: [string, string][] = [
        ["cloud-init", "tail -n 8 /var/log/cloud-init-output.log"],
        ["node set-up", "tail -n 8 /run/nta-node.log"],
        ["kubeadm", "tail -n 8 /var/log/nta-kubeadm.log"],
        ["kubelet", "journalctl --unit kubelet --lines 8 --output cat --no-pager"],
    ];
    const parts: string[] = [];
    for (const [name, command] of sources) {
        const { stdout } = await nodes.execute(node, `${command} 2>/dev/null`);
        if (stdout.trim() !== "") {
            parts.push(`${node}, ${name}'s last words:\n${stdout.trimEnd().replace(/^/gm, "  ")}`);
        }
    }
    return parts.join("\n");
}
