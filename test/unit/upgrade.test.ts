import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { Readable } from "node:stream";

import { MachineFolder, type MachineState } from "../../machine/folder";
import type { ClusterNode } from "../../machine/health";
import { checkVersion, compareVersions, versionChange, versionProblem } from "../../machine/kubernetes-version";
import type { ExecuteOptions } from "../../machine/nodes";
import { plan } from "../../machine/plan";
import { type Result, run as runProgram } from "../../machine/process";
import { Progress } from "../../machine/progress";
import type { Provider } from "../../machine/provider";
import type { MachineSpec } from "../../machine/spec";
import { upgrade, type UpgradeSource } from "../../machine/upgrade";
import { kubernetesVersions, versionsOf } from "../../node-image/kubernetes-versions";
import { setVariables } from "../environment";
import { IdleNodes } from "./idle-nodes";
import { machineSpec } from "./machine-spec";

/** Machines called a, b, c and d, which are to have the newer version. */
function spec(change: Partial<MachineSpec> = {}, nodes = 2): MachineSpec {
    const wanted = machineSpec({ kubernetesVersion: "1.35.4" }, nodes);
    const renamed = wanted.nodes.map((node, index) => ({ ...node, name: "abcd".charAt(index) }));
    return { ...wanted, nodes: renamed, ...change };
}

describe("a version of Kubernetes", () => {
    it("is compared number by number", () => {
        assert.ok(compareVersions("1.9.10", "1.10.2") < 0);
        assert.ok(compareVersions("1.34.10", "1.34.9") > 0);
        assert.equal(compareVersions("v1.34.4", "1.34.4"), 0);
        assert.ok(compareVersions("1.34.4-rc.1", "2.0.0") < 0);
    });

    it("can go to the next patch or minor version of its own, and nowhere else", () => {
        const problem = (present: string, wanted: string) => versionProblem("nta-test", present, wanted);
        for (const [present, wanted] of [
            ["1.34.4", "1.34.4"],
            ["1.34.4", "1.34.9"],
            ["1.34.4", "1.35.4"],
        ] as const) {
            assert.equal(problem(present, wanted), undefined);
        }
        assert.equal(
            problem("1.35.4", "1.34.4"),
            "nta:kubernetesVersion is 1.34.4, and the cluster nta-test runs Kubernetes 1.35.4: Kubernetes has no way back to " +
                "an older version. `pulumi config set kubernetesVersion 1.35.4` leaves it as it is; `npm run destroy` and " +
                "`npm run up` make the cluster anew, empty",
        );
        assert.match(problem("1.35.4", "1.35.3") ?? "", /no way back/);
        assert.equal(
            problem("1.34.4", "1.36.3"),
            "nta:kubernetesVersion is 1.36.3, and the cluster nta-test runs Kubernetes 1.34.4: it goes from one minor version " +
                "to the next, and that would skip 1.35. Go to a version 1.35 first; `pulumi config set kubernetesVersion " +
                "1.34.4` leaves it as it is",
        );
        assert.match(problem("1.34.4", "2.0.0") ?? "", /would skip 1\.35/);
    });

    it("of those that there are is one step after the one before", () => {
        for (const [index, next] of kubernetesVersions.slice(1).entries()) {
            const present = kubernetesVersions[index] as string;
            assert.ok(compareVersions(present, next) < 0);
            assert.equal(versionProblem("nta-test", present, next), undefined);
        }
    });

    describe("that a stack is to have", () => {
        let directory: string;
        let restore: () => void;
        let folder: MachineFolder;

        beforeEach(() => {
            directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-upgrade-"));
            restore = setVariables({
                NTA_STATE: directory,
                NTA_CACHE: directory,
                PATH: `${directory}:${process.env.PATH}`,
            });
            fs.writeFileSync(
                path.join(directory, "docker"),
                "#!/bin/sh\ncase $1 in version) echo 20.10 ;; ps) printf 'a running\\nb running\\n' ;; esac\n",
                { mode: 0o755 },
            );
            folder = new MachineFolder("nta-test");
            folder.remember({ provider: "docker" });
            folder.specification = spec({ kubernetesVersion: "1.34.4" });
        });
        afterEach(() => {
            fs.rmSync(directory, { recursive: true });
            restore();
        });

        it("is announced with the order of the nodes, and that it has to be built", async () => {
            const { changes } = await plan(spec());
            const words =
                "Kubernetes goes from 1.34.4 to 1.35.4, on a, then b: each is drained first, so what runs on it starts again, " +
                "and the API server is away for moments.";
            assert.deepEqual(changes, [`${words} Its node image is made first, which takes minutes.`]);
            fs.mkdirSync(path.join(directory, "node-image"));
            fs.writeFileSync(
                path.join(directory, "node-image", "current-1.35.4.json"),
                '{ "dockerImage": "nta-node:2" }',
            );
            assert.deepEqual(versionChange(spec(), "docker", "1.34.4"), [words]);
            assert.match(versionChange(spec(), "libvirt", "1.34.4").join(), /Its node image is made first/);
            assert.deepEqual((await plan(spec({ kubernetesVersion: "1.34.4" }))).changes, []);
        });

        it("is refused in preview when it can't be had", async () => {
            folder.specification = spec();
            await assert.rejects(
                plan(spec({ kubernetesVersion: "1.34.4" })),
                /^MachineError: nta:kubernetesVersion is 1\.34\.4/,
            );
            await assert.rejects(plan(spec({ kubernetesVersion: "1.37.2" })), /would skip 1\.36/);
        });

        it("is not looked for where there is no cluster yet", async () => {
            assert.equal(
                await checkVersion(spec({ clusterName: "nta-other" }), new MachineFolder("nta-other")),
                undefined,
            );
        });
    });
});

/** A cluster that notes what is done to it, as far as versions go. */
class FakeCluster extends IdleNodes {
    version = "1.34.4";
    members: ClusterNode[];
    images = new Map<string, string[]>();
    /** A command that has these words in it fails, as often as it says. */
    broken?: { words: string; stderr: string; times: number };
    /** What kubeadm is told by a file. */
    configuration = "";

    constructor(
        names: readonly string[],
        override readonly patience = 1,
    ) {
        super();
        this.members = names.map((name) => ({
            name,
            ready: true,
            annotations: {},
            labels: {},
            taints: [],
            version: "1.34.4",
            schedulable: true,
        }));
    }

    readonly api = {
        version: () => Promise.resolve(this.version),
        nodes: () => Promise.resolve(structuredClone(this.members)),
    };

    private member(name: string): ClusterNode {
        const found = this.members.find((it) => it.name === name);
        assert.ok(found, name);
        return found;
    }

    async execute(node: string, script: string, { input }: ExecuteOptions = {}): Promise<Result> {
        let received = "";
        if (input instanceof Readable) {
            for await (const chunk of input) {
                received += String(chunk);
            }
        }
        this.configuration =
            /^echo '(.*)' >\/run\/nta\/kubeadm-upgrade\.yaml &&/.exec(script)?.[1] ?? this.configuration;
        const short = script
            .replace("kubectl --kubeconfig /etc/kubernetes/admin.conf", "kubectl")
            .replace(
                /^echo .* && flock .* (kubeadm upgrade .*) --ignore.* --config=\/run\/nta\/kubeadm-upgrade\.yaml .*/,
                "$1",
            )
            .replaceAll("/usr/local/lib/nta/kubernetes-1.35.4", "STAGE");
        if (this.broken !== undefined && short.includes(this.broken.words) && this.broken.times-- > 0) {
            this.done.push(`${node}: ${short} fails`);
            return { code: 1, stdout: "[upgrade] FATAL: it is too late", stderr: this.broken.stderr };
        }
        const seen = short.replace("ctr --namespace k8s.io ", "ctr ").replace(/ && ctr .*content rm .*/, "");
        if (seen === "ctr images list --quiet") {
            return { code: 0, stdout: (this.images.get(node) ?? []).join("\n"), stderr: "" };
        }
        if (seen.startsWith("test -d")) {
            return { code: 1, stdout: "", stderr: "" };
        }
        this.done.push(`${node}: ${seen}${received === "" ? "" : ` < ${received}`}`);
        if (short.startsWith("kubeadm upgrade apply")) {
            this.version = "1.35.4";
        }
        if (short.includes("restart kubelet")) {
            this.member(node).version = "1.35.4";
        }
        const [, verb, target] = /^kubectl (drain|uncordon) (\S+)/.exec(short) ?? [];
        if (target !== undefined && !short.includes("--dry-run")) {
            this.member(target).schedulable = verb === "uncordon";
        }
        const [, marked, annotation] = /annotate (?:--overwrite )?node (\S+) nta\/upgrading(.*)/.exec(short) ?? [];
        if (marked !== undefined) {
            this.member(marked).annotations = annotation === "-" ? {} : { "nta/upgrading": "true" };
        }
        return { code: 0, stdout: "", stderr: "" };
    }
}

const images = versionsOf("1.35.4").images;

describe("an upgrade", () => {
    let directory: string;
    let folder: MachineFolder;
    let ended: boolean;
    let restore: () => void;

    beforeEach(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-upgrade-"));
        restore = setVariables({ NTA_STATE: directory });
        folder = new MachineFolder("nta-test");
        folder.remember({ provider: "docker", image: "nta-node:1" });
        ended = false;
    });
    afterEach(() => {
        fs.rmSync(directory, { recursive: true });
        restore();
    });

    const source = (
        kubernetes: string,
        provider: Provider,
        _progress: (line: string) => void,
        work: string,
    ): Promise<UpgradeSource> => {
        assert.equal(work, folder.file("upgrade"), "goes with the machine");
        return Promise.resolve({
            image: provider === "docker" ? `nta-node:${kubernetes}` : `nta-node-${provider}-${kubernetes}.box`,
            programs: () => Readable.from(["programs"]),
            images: (refs) =>
                Promise.resolve({ stream: Readable.from([refs.join(" ")]), size: 1, layerDigests: ["sha256:1"] }),
            end: () => {
                ended = true;
                return Promise.resolve();
            },
        });
    };

    /** Runs it, and gives the lines of its progress. */
    async function run(cluster: FakeCluster, change: Partial<MachineSpec> = {}): Promise<string[]> {
        const lines: string[] = [];
        const progress = new Progress("nta-test", (line) => lines.push(line.replace(/ \(\d+ s\)$/, "")));
        try {
            const changed = await upgrade({
                spec: spec(change, cluster.members.length),
                nodes: cluster,
                folder,
                api: cluster.api,
                progress,
                source,
            });
            assert.equal(changed, cluster.done.length > 0);
        } finally {
            progress.end();
        }
        return lines;
    }

    const drain = "--ignore-daemonsets --delete-emptydir-data --timeout=300s";
    const unpack = "rm -rf STAGE.new && mkdir -p STAGE.new && tar -x -C STAGE.new && mv STAGE.new STAGE < programs";
    const workerImages = [images["kube-proxy"], images.coredns, images.pause, images.flannel];
    const kubelet = [
        "mv STAGE/kubectl STAGE/kubeadm STAGE/kubelet /usr/local/bin/",
        "rm -rf STAGE",
        "systemctl restart kubelet.service",
    ].join(" && ");
    const exchange = (name: string) => [
        `a: kubectl annotate --overwrite node ${name} nta/upgrading=true`,
        `a: kubectl drain ${name} ${drain}`,
        ...(name === "a"
            ? ["a: kubeadm upgrade apply v1.35.4 --yes", "a: nta-node dns"]
            : [`${name}: kubeadm upgrade node`]),
        `${name}: ${kubelet}`,
        `a: kubectl uncordon ${name}`,
        `a: kubectl annotate node ${name} nta/upgrading-`,
    ];

    it("gives all nodes what they need, then goes from the control plane on node by node, each drained", async () => {
        const cluster = new FakeCluster(["a", "b"]);
        const lines = await run(cluster);
        assert.deepEqual(cluster.done, [
            "a: kubectl drain a b --ignore-daemonsets --delete-emptydir-data --dry-run=client --timeout=300s",
            `a: ctr images import - < ${Object.values(images).join(" ")}`,
            `a: ${unpack}`,
            `b: ctr images import - < ${workerImages.join(" ")}`,
            `b: ${unpack}`,
            ...exchange("a"),
            ...exchange("b"),
        ]);
        assert.equal(folder.state.image, "nta-node:1.35.4");
        assert.ok(ended);
        folder.remember({ provider: "libvirt" });
        await run(new FakeCluster(["a"]));
        assert.equal(folder.state.image, "nta-node-libvirt-1.35.4.box");
        assert.deepEqual(
            lines.filter((line) => /kubeadm upgrade|draining|kubelet 1|: Kubernetes 1\.35\.4$/.test(line)),
            [
                "nta-test: a: draining it",
                "nta-test: a: kubeadm upgrade apply v1.35.4 --yes",
                "nta-test: a: kubelet 1.35.4",
                "nta-test: a: Kubernetes 1.35.4",
                "nta-test: b: draining it",
                "nta-test: b: kubeadm upgrade node",
                "nta-test: b: kubelet 1.35.4",
                "nta-test: b: Kubernetes 1.35.4",
            ],
        );
    });

    it("does nothing where all is done, and copies only what is missing", async () => {
        const cluster = new FakeCluster(["a", "b"]);
        cluster.images.set("a", Object.values(versionsOf("1.34.4").images));
        cluster.images.set("b", workerImages);
        await run(cluster);
        assert.deepEqual(
            cluster.done.filter((line) => line.includes("import")),
            [
                `a: ctr images import - < ${Object.values(images)
                    .filter((ref) => ref !== images.pause && ref !== images.flannel)
                    .join(" ")}`,
            ],
        );
        cluster.done.length = 0;
        assert.deepEqual(await run(cluster), []);
    });

    it("goes on where a run was cut short, and opens the nodes that it had closed", async () => {
        const cluster = new FakeCluster(["a", "b", "c"]);
        cluster.version = "1.35.4";
        const [a, b, c] = cluster.members;
        Object.assign(a as object, { version: "1.35.4", schedulable: false, annotations: { "nta/upgrading": "true" } });
        Object.assign(b as object, { schedulable: false, annotations: { "nta/upgrading": "true" } });
        // Closed by the user, and so it stays.
        Object.assign(c as object, { schedulable: false });
        await run(cluster);
        assert.deepEqual(
            cluster.done.filter((line) => !/ctr images|tar -x|dry-run/.test(line)),
            [...exchange("a").slice(-2), ...exchange("b"), ...exchange("c").slice(1, -2)],
        );
        assert.deepEqual(
            cluster.members.map(({ version, schedulable }) => [version, schedulable]),
            [
                ["1.35.4", true],
                ["1.35.4", true],
                ["1.35.4", false],
            ],
        );
    });

    it("waits for an API server that is being restarted", async () => {
        const cluster = new FakeCluster(["a"]);
        const stderr = 'nodes "a" is forbidden: User "kubernetes-admin" cannot get resource "nodes"';
        cluster.broken = { words: "uncordon", stderr, times: 1 };
        await run(cluster);
        assert.deepEqual(cluster.done.slice(-3), [
            "a: kubectl uncordon a fails",
            "a: kubectl uncordon a",
            "a: kubectl annotate node a nta/upgrading-",
        ]);
    });

    it("ends before anything is changed where pods would be lost, with their names", async () => {
        const cluster = new FakeCluster(["a", "b"]);
        const stderr =
            "Warning: ignoring DaemonSet-managed Pods: kube-flannel/flannel\n" +
            "cannot delete Pods that declare no controller (use --force to override): default/mine\n";
        cluster.broken = { words: "--dry-run=client", stderr, times: 1 };
        await assert.rejects(
            run(cluster),
            /keep a and b from being drained:\ncannot delete .*default\/mine\nDelete them/,
        );
        assert.equal(cluster.done.length, 1);
    });

    it("lets kubeadm wait longer where machines are slow", async () => {
        for (const [patience, kubernetesAPICall, etcdAPICall, upgradeManifests] of [
            [1, "1m0s", "2m0s", "5m0s"],
            [4, "4m0s", "8m0s", "20m0s"],
        ] as const) {
            const cluster = new FakeCluster(["a"], patience);
            await run(cluster);
            assert.deepEqual(JSON.parse(cluster.configuration), {
                apiVersion: "kubeadm.k8s.io/v1beta4",
                kind: "UpgradeConfiguration",
                timeouts: { kubernetesAPICall, etcdAPICall, upgradeManifests },
                apply: { patches: { directory: "/run/nta/patches" } },
            });
        }
    });

    it("ends in kubeadm's words when it fails, and lets pods onto the node again", async () => {
        const cluster = new FakeCluster(["a"]);
        cluster.broken = { words: "kubeadm upgrade", stderr: "", times: 1 };
        await assert.rejects(
            run(cluster),
            /kubeadm upgrade apply v1\.35\.4 --yes failed on a:\n.*it is too late\n.*goes on from there/,
        );
        assert.deepEqual(folder.state, { provider: "docker", image: "nta-node:1" } satisfies MachineState);
        assert.deepEqual(cluster.done.slice(-4), [
            `a: kubectl drain a ${drain}`,
            "a: kubeadm upgrade apply v1.35.4 --yes fails",
            "a: kubectl uncordon a",
            "a: kubectl annotate node a nta/upgrading-",
        ]);
        assert.ok(ended);
    });

    it("is refused by what the cluster says of itself", async () => {
        const cluster = new FakeCluster(["a"]);
        cluster.version = "1.35.4";
        await assert.rejects(run(cluster, { kubernetesVersion: "1.34.4" }), /no way back/);
        assert.deepEqual(cluster.done, []);
    });
});

describe("a program's input", () => {
    it("may be a stream, whose failure is the program's", async () => {
        const { code, stdout } = await runProgram("cat", [], { input: Readable.from(["one ", "two"]) });
        assert.deepEqual({ code, stdout }, { code: 0, stdout: "one two" });
        async function* broken(): AsyncGenerator<string> {
            yield "one";
            await Promise.resolve();
            throw new Error("it broke");
        }
        const failed = await runProgram("cat", [], { input: Readable.from(broken()) });
        assert.notEqual(failed.code, 0);
        assert.match(failed.stderr, /it broke/);
    });
});
