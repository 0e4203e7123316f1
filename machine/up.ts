import { DockerNodes } from "./docker-nodes";
import { MachineError } from "./errors";
import { MachineFolder } from "./folder";
import { ApiServer, localAddress } from "./health";
import { locked } from "./lock";
import type { Nodes } from "./nodes";
import { sleep } from "./process";
import { Progress } from "./progress";
import { chooseProvider, Provider } from "./provider";
import type { MachineSpec } from "./spec";
import { waitForOrphan } from "./vagrant";
import { VirtualMachines } from "./virtual-machines";

const longestWait: Record<Provider, number> = { docker: 600, libvirt: 1800, virtualbox: 1800 };

/** The nodes of a cluster under the provider that it is made with. */
export function nodesOf(
    provider: Provider,
    spec: MachineSpec,
    folder: MachineFolder,
    progress: Progress,
    expected: boolean,
): Nodes {
    return provider === "docker"
        ? new DockerNodes(spec, folder, progress, expected)
        : new VirtualMachines(provider, spec, folder, progress);
}

/**
 * Makes the cluster's machines what the specification says and waits until Kubernetes on them is healthy. Takes up
 * whatever an earlier run left, at any point; does nothing when all is as it should be. With `expected` they were made
 * before: then missing data is an error instead of a new cluster.
 */
export async function up(spec: MachineSpec, expected: boolean): Promise<void> {
    const folder = new MachineFolder(spec.clusterName);
    const progress = new Progress(spec.clusterName);
    try {
        await locked(folder, expected ? "update" : "up", progress, async () => {
            folder.create();
            await waitForOrphan(folder, (line) => progress.step(line));
            const provider = await settleProvider(spec, folder, progress);
            const nodes = nodesOf(provider, spec, folder, progress, expected);
            const since = await nodes.converge();
            await waitUntilHealthy(spec, nodes, since, progress, spec.timeoutSeconds ?? longestWait[provider]);
            folder.remember({ healthyOnce: true });
            progress.note("ready");
        });
    } finally {
        progress.end();
    }
}

async function settleProvider(spec: MachineSpec, folder: MachineFolder, progress: Progress): Promise<Provider> {
    const recorded = folder.state.provider;
    if (recorded !== undefined && (spec.provider === "auto" || spec.provider === recorded)) {
        await chooseProvider(recorded, () => undefined);
        return recorded;
    }
    if (recorded !== undefined) {
        throw new MachineError(
            `the cluster ${spec.clusterName} was made with the provider ${recorded}, and ${spec.provider} is asked for: run ` +
                `\`pulumi destroy\` first, or \`pulumi config set nta:provider ${recorded}\``,
        );
    }
    const provider = await chooseProvider(spec.provider, (line) => progress.note(line));
    folder.remember({ provider });
    return provider;
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

async function waitUntilHealthy(
    spec: MachineSpec,
    nodes: Nodes,
    since: Date,
    progress: Progress,
    timeoutSeconds: number,
): Promise<void> {
    const first = spec.nodes[0].name;
    const deadline = Date.now() + timeoutSeconds * 1000;
    let missing = "the machine's system";
    let offset = 0;
    let known = "";
    let api: ApiServer | undefined;
    const waitFor = (what: string) => {
        if (missing !== what) {
            missing = what;
            progress.step(`waiting for ${what}`);
        }
    };
    try {
        while (Date.now() < deadline) {
            const seen = await observe(nodes, first, offset);
            if (seen === undefined) {
                const failure = await nodes.failure(first);
                if (failure !== undefined) {
                    throw new MachineError(failure);
                }
            } else {
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
                }
                const problem = await unhealthy(spec, api, since, seen.setUp);
                if (problem === undefined) {
                    return;
                }
                for (const line of seen.log.split("\n").filter((text) => text !== "")) {
                    progress.note(line);
                }
                offset += Buffer.byteLength(seen.log);
                waitFor(problem);
            }
            await sleep(500);
        }
    } finally {
        api?.close();
    }
    throw new MachineError(
        `${spec.clusterName} has not become healthy within ${timeoutSeconds} s: still waiting for ${missing}.\n` +
            `${await lastWords(nodes, first)}\nRun the command again to go on waiting, or \`pulumi destroy\` to start over.`,
    );
}

/** What is still missing; undefined when all is well. */
async function unhealthy(
    spec: MachineSpec,
    api: ApiServer | undefined,
    since: Date,
    setUp: boolean,
): Promise<string | undefined> {
    if (api === undefined) {
        return "the machine to set itself up";
    }
    if (!(await api.healthy())) {
        return "the API server";
    }
    const ready = await api.readyNodes(since);
    const waiting = spec.nodes.map((node) => node.name).filter((name) => !ready.includes(name));
    if (waiting.length > 0) {
        return `${waiting.length === 1 ? "node" : "nodes"} ${waiting.join(", ")} to be Ready`;
    }
    if (!(await api.dnsReady(since))) {
        return "CoreDNS to be Ready";
    }
    return setUp ? undefined : "the node's set-up to end";
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
            parts.push(`${name}'s last words:\n${stdout.trimEnd().replace(/^/gm, "  ")}`);
        }
    }
    return parts.join("\n");
}
