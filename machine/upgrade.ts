import type { Readable } from "node:stream";
import { patchesDirectory } from "../cloud-init/kubeadm";
import type { ImageArchive } from "../node-image/images";
import { versionsOf } from "../node-image/kubernetes-versions";
import { counted } from "../tools/pipe";
import { paced } from "../tools/progress";
import { MachineError } from "./errors";
import { cacheDirectory, type MachineFolder } from "./folder";
import type { ApiServer, ClusterNode, Starts } from "./health";
import { versionProblem } from "./kubernetes-version";
import { drain, kubectl, must, upgradingAnnotation } from "./membership";
import type { Nodes } from "./nodes";
import { type Result, sleep } from "./process";
import type { Progress } from "./progress";
import type { Provider } from "./provider";
import type { MachineSpec } from "./spec";

/** Images of static pods, which run on the first node only. */
const controlPlane = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"];

/**
 * kubeadm's checks that say nothing here: one runs the pause image as a program that tells its version, which it is not;
 * the other is about a hand-made machine.
 */
const ignoredChecks = "CreateJob,SystemVerification";

/** Where {@link kubeadmConfiguration} lies on a node. */
const configuration = "/run/nta/kubeadm-upgrade.yaml";

/** What kubeadm waits for, at most: its defaults, as many times as long as the nodes' patience is. */
function kubeadmConfiguration(patience: number): string {
    const minutes = (count: number) => `${count * patience}m0s`;
    return JSON.stringify({
        apiVersion: "kubeadm.k8s.io/v1beta4",
        kind: "UpgradeConfiguration",
        timeouts: { kubernetesAPICall: minutes(1), etcdAPICall: minutes(2), upgradeManifests: minutes(5) },
        apply: { patches: { directory: patchesDirectory } },
    });
}

/** What kubectl says, as administrator, while the API server is not ready. */
const away =
    /connection (to the server .* was )?refused|connection reset|EOF|TLS handshake timeout|i\/o timeout|is forbidden: User/i;

/** Seconds on a container, which virtual machines may take a multiple of: see {@link Nodes.patience}. */
const limits = {
    /** A control plane comes back from each of its restarts within this time. */
    away: 120,
    copying: 600,
    kubeadm: 900,
    restarting: 60,
    ready: 300,
};

/** What nodes get of another version. */
export interface UpgradeSource {
    /** What nodes are made from that come later: an image of Docker, or the path of a box. */
    image: string;
    /** kubeadm, kubectl and kubelet, as a tar. */
    programs(): Readable;
    /** Container images, for `ctr images import`. */
    images(refs: readonly string[]): Promise<ImageArchive>;
    end(): Promise<void>;
}

/** A healthy cluster, and the means to change it. */
export interface UpgradeArgs {
    spec: MachineSpec;
    nodes: Nodes;
    folder: MachineFolder;
    api: Pick<ApiServer, "version" | "nodes">;
    progress: Progress;
    /** Where the other version comes from; made where it is not there. */
    source?: typeof newSource;
}

/**
 * Brings Kubernetes on all nodes to the specification's version, as kubeadm's documentation asks for: first the node with
 * the control plane, then one after the other. Each is drained before, the first one too: a kubelet whose pods have volume
 * claims asks the API server about them one by one while that is away, a minute for each, before it lets go of the old etcd
 * (findAndAddNewPods in kubelet's desired_state_of_world_populator.go), and kubeadm waits five minutes. What has to be done
 * is found by looking at the nodes, so a run that was cut short is taken up by the next.
 *
 * @returns whether there was anything to do
 */
export async function upgrade(args: UpgradeArgs): Promise<boolean> {
    const { spec, folder, api, progress } = args;
    const wanted = spec.kubernetesVersion;
    const { patience } = args.nodes;
    const present = await answered(patience, () => api.version());
    const found = await answered(patience, async () => {
        const nodes = await api.nodes(new Map());
        return nodes.length === 0 ? undefined : nodes;
    });
    const members = found.filter(({ name }) => spec.nodes.some((node) => node.name === name));
    const old = members.flatMap(({ name, version }) => (version === wanted ? [] : [name]));
    const held = members.flatMap(({ name, annotations }) => (upgradingAnnotation in annotations ? [name] : []));
    if (present === wanted && old.length + held.length === 0) {
        return false;
    }
    const problem = versionProblem(spec.clusterName, present, wanted);
    if (problem !== undefined) {
        throw new MachineError(problem);
    }
    const run = new Upgrade(args);
    await run.checkPods(old);
    progress.step(`Kubernetes ${wanted}: looking for its programs and images`);
    const source = await (args.source ?? newSource)(
        wanted,
        folder.state.provider ?? "docker",
        paced((line) => progress.step(line)),
        folder.file("upgrade"),
    );
    try {
        for (const { name } of spec.nodes) {
            await run.provide(name, source);
        }
        const [first, ...others] = spec.nodes.map(({ name }) => name);
        if (present !== wanted || old.includes(first) || held.includes(first)) {
            await run.upgradeNode(first, present !== wanted);
        }
        // Nodes that are made from now on join a control plane of this version.
        folder.remember({ image: source.image });
        for (const name of others.filter((it) => old.includes(it) || held.includes(it))) {
            await run.upgradeNode(name);
        }
        return true;
    } finally {
        await source.end();
    }
}

function newSource(
    kubernetes: string,
    provider: Provider,
    progress: (line: string) => void,
    work: string,
): Promise<UpgradeSource> {
    // All that makes node images comes with it.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is needed
    const { UpgradeParts } = require("../node-image/upgrade-parts") as typeof import("../node-image/upgrade-parts");
    return UpgradeParts.of(kubernetes, provider, { cache: cacheDirectory(), progress, work });
}

/** Looks until there is an answer: the API server is away while it is restarted. */
async function answered<T>(patience: number, look: () => Promise<T | undefined>): Promise<T> {
    const seconds = limits.away * patience;
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        const answer = await look();
        if (answer !== undefined) {
            return answer;
        }
        if (Date.now() > deadline) {
            throw new MachineError(`the API server has not answered for ${seconds} s`);
        }
        await sleep(500);
    }
}

/** The way of a cluster's nodes to another version. */
class Upgrade {
    private readonly first: string;
    /** Where the new programs lie on a node until their turn comes. */
    private readonly stage: string;

    constructor(private readonly args: UpgradeArgs) {
        this.first = args.spec.nodes[0].name;
        this.stage = `/usr/local/lib/nta/kubernetes-${args.spec.kubernetesVersion}`;
    }

    private seconds(limit: keyof typeof limits): number {
        return limits[limit] * this.args.nodes.patience;
    }

    /** Pods that nothing would start again are the user's to remove: found before anything is changed. */
    async checkPods(names: string[]): Promise<void> {
        if (names.length === 0) {
            return;
        }
        const { code, stderr } = await this.insist(() => drain(this.args.nodes, this.first, names, "--dry-run=client"));
        if (code !== 0) {
            // kubectl tells of each node what is left out as well.
            const causes = stderr.split("\n").filter((line) => line.startsWith("cannot delete"));
            throw new MachineError(
                `Kubernetes stays as it is, because pods keep ${names.join(" and ")} from being drained:\n` +
                    `${(causes.length > 0 ? causes.join("\n") : stderr).trim()}\n` +
                    "Delete them (`kubectl delete pod --namespace <namespace> <name>`) and run the command again",
            );
        }
    }

    /** Copies to a node what it lacks. kube-proxy gets its new image on all nodes at once, so all have to have it before. */
    async provide(name: string, source: UpgradeSource): Promise<void> {
        const { nodes, progress, spec } = this.args;
        const wanted = Object.entries(versionsOf(spec.kubernetesVersion).images)
            .filter(([program]) => name === this.first || !controlPlane.includes(program))
            .map(([, ref]) => ref);
        const listed = nodes.execute(name, "ctr --namespace k8s.io images list --quiet");
        await must(`listing the images of ${name}`, listed);
        const there = (await listed).stdout.split("\n");
        const missing = wanted.filter((ref) => !there.includes(ref));
        if (missing.length > 0) {
            const { stream, size, layerDigests } = await source.images(missing);
            const tell = (megabytes: number) =>
                progress.step(`${name}: container images, ${megabytes} of ${Math.round(size / 1e6)} MB`);
            tell(0);
            // What containers run on are the unpacked layers.
            const ctr = "ctr --namespace k8s.io";
            const script = `${ctr} images import - && ${ctr} content rm ${layerDigests.join(" ")}`;
            const input = counted(stream, tell);
            const timeoutSeconds = this.seconds("copying");
            await must(`copying images to ${name}`, nodes.execute(name, script, { input, timeoutSeconds }));
        }
        const { version } = await this.look(name);
        if (version !== spec.kubernetesVersion && (await nodes.execute(name, `test -d ${this.stage}`)).code !== 0) {
            progress.step(`${name}: kubeadm, kubectl and kubelet`);
            const script = [
                `rm -rf ${this.stage}.new`,
                `mkdir -p ${this.stage}.new`,
                `tar -x -C ${this.stage}.new`,
                `mv ${this.stage}.new ${this.stage}`,
            ].join(" && ");
            const input = source.programs();
            const timeoutSeconds = this.seconds("copying");
            await must(`copying programs to ${name}`, nodes.execute(name, script, { input, timeoutSeconds }));
        }
    }

    /**
     * Upgrades what kubeadm made on a node, and its kubelet, while no pods but those of DaemonSets and its own run there,
     * and lets pods onto it again. `always` is for a control plane that is behind its node.
     */
    async upgradeNode(name: string, always = false): Promise<void> {
        const { nodes, progress, spec } = this.args;
        const { version, schedulable, annotations } = await this.look(name);
        // One that the user has closed stays so.
        const isOurs = schedulable || upgradingAnnotation in annotations;
        if (version !== spec.kubernetesVersion || always) {
            if (isOurs) {
                await this.kubectl(`marking ${name}`, `annotate --overwrite node ${name} ${upgradingAnnotation}=true`);
            }
            progress.step(`${name}: draining it`);
            await must(
                `draining ${name}`,
                this.insist(() => drain(nodes, this.first, [name])),
            );
            try {
                await (name === this.first ? this.upgradeControlPlane() : this.kubeadm(name, "upgrade node"));
            } catch (error) {
                // kubeadm has put back what there was: let the pods have their node until the next run.
                if (isOurs) {
                    await this.open(name).catch(() => undefined);
                }
                throw error;
            }
            if (version !== spec.kubernetesVersion) {
                await this.exchangeKubelet(name);
            }
        }
        if (isOurs) {
            await this.open(name);
        }
        progress.note(`${name}: Kubernetes ${spec.kubernetesVersion}`);
    }

    private async open(name: string): Promise<void> {
        await this.kubectl(`opening ${name}`, `uncordon ${name}`);
        await this.kubectl(`opening ${name}`, `annotate node ${name} ${upgradingAnnotation}-`);
    }

    private async upgradeControlPlane(): Promise<void> {
        await this.kubeadm(this.first, `upgrade apply v${this.args.spec.kubernetesVersion} --yes`);
        // kubeadm has set CoreDNS back to its own defaults.
        await must(
            "changing CoreDNS",
            this.insist(() => this.args.nodes.execute(this.first, "nta-node dns")),
        );
    }

    private async exchangeKubelet(name: string): Promise<void> {
        const { nodes, progress, spec } = this.args;
        progress.step(`${name}: kubelet ${spec.kubernetesVersion}`);
        const programs = ["kubectl", "kubeadm", "kubelet"].map((program) => `${this.stage}/${program}`).join(" ");
        const script = `mv ${programs} /usr/local/bin/ && rm -rf ${this.stage} && systemctl restart kubelet.service`;
        const restarted = new Date();
        const timeoutSeconds = this.seconds("restarting");
        await must(`restarting kubelet on ${name}`, nodes.execute(name, script, { timeoutSeconds }));
        await this.waitFor(name, new Map([[name, restarted]]));
    }

    /** The new kubeadm, alone on the node: a run that was killed may have left one at work there. */
    private async kubeadm(name: string, command: string): Promise<void> {
        this.args.progress.step(`${name}: kubeadm ${command}`);
        // It has its place already if the node itself was made for the new version.
        const program = `PATH=${this.stage}:$PATH kubeadm`;
        const line = `${program} ${command} --ignore-preflight-errors=${ignoredChecks} --config=${configuration} 2>&1`;
        const log = "tee --append --output-error=warn-nopipe /var/log/nta-kubeadm.log";
        const { code, stdout } = await this.args.nodes.execute(
            name,
            `echo '${kubeadmConfiguration(this.args.nodes.patience)}' >${configuration} && mkdir -p ${patchesDirectory} && ` +
                `flock /run/nta-upgrade.lock bash -o pipefail -c '${line} | ${log}'`,
            { timeoutSeconds: this.seconds("kubeadm"), onLine: (text) => this.tell(name, text) },
        );
        if (code !== 0) {
            const words = stdout.trim().split("\n").slice(-15).join("\n");
            throw new MachineError(
                `kubeadm ${command} failed on ${name}:\n${words}\n` +
                    "Run the command again when the cause is mended: it goes on from there. More: /var/log/nta-kubeadm.log",
            );
        }
    }

    /** Those of kubeadm's lines by which its work goes on. */
    private tell(name: string, line: string): void {
        const what = /^\[upgrade\/staticpods\] (Component "\S+" upgraded)|^\[addons\] (Applied \S+ addon: \S+)/.exec(
            line,
        );
        if (what !== null) {
            this.args.progress.note(`${name}: ${what[1] ?? what[2]}`);
        }
    }

    private async waitFor(name: string, starts: Starts): Promise<void> {
        const seconds = this.seconds("ready");
        const deadline = Date.now() + seconds * 1000;
        for (;;) {
            const node = (await this.args.api.nodes(starts)).find((it) => it.name === name);
            if (node?.ready && node.version === this.args.spec.kubernetesVersion) {
                return;
            }
            if (Date.now() > deadline) {
                throw new MachineError(
                    `${name} has not become Ready within ${seconds} s with its new kubelet, and stays drained. More: ` +
                        `\`journalctl --unit kubelet\` in the machine. Run the command again to go on`,
                );
            }
            await sleep(this.args.nodes.pollMilliseconds);
        }
    }

    private look(name: string): Promise<ClusterNode> {
        const { patience } = this.args.nodes;
        return answered(patience, async () =>
            (await this.args.api.nodes(new Map())).find((node) => node.name === name),
        );
    }

    private async kubectl(what: string, command: string): Promise<void> {
        await must(
            what,
            this.insist(() => kubectl(this.args.nodes, this.first, command)),
        );
    }

    /** Repeats what fails only because the API server is being restarted; at first it knows nobody's rights. */
    private async insist(attempt: () => Promise<Result>): Promise<Result> {
        const deadline = Date.now() + this.seconds("away") * 1000;
        for (;;) {
            const result = await attempt();
            if (result.code === 0 || !away.test(result.stderr) || Date.now() > deadline) {
                return result;
            }
            await sleep(1000);
        }
    }
}
