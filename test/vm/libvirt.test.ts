import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { crowded, nodeImage } from "../../machine/provider";
import { kubernetesVersions } from "../../node-image/kubernetes-versions";
import { type CommandResult } from "../e2e/command";
import { Workspace } from "../e2e/workspace";
import { freePort } from "../free-port";

/** Only the cluster: what runs in it is the same on every provider, and would take hours where processors are emulated. */
const clusterOnly = "**nta:cluster:Cluster**";
/** Seconds for one command; the first builds the node image and the box where the caches are empty. */
const longest = 80 * 60;
/** The range of Vagrant's network for libvirt machines, which is left to its default. */
const machines = "192.168.121.0/24";

const workspace = new Workspace("vm");
const [node, second] = [`${workspace.cluster}-1`, `${workspace.cluster}-2`];
const [from, to] = kubernetesVersions;
const figures: string[] = [];
let ports: { api: number; registry: number };
/** Whether there is room for a second machine; known once the first is there. */
let several = true;

const virsh = (...args: string[]) =>
    execFileSync("virsh", ["--quiet", "--connect", "qemu:///system", ...args], { encoding: "utf8" }).trim();
const names = (text: string) => text.split("\n").map((line) => line.trim().split(/\s+/)[0]);
const own = (text: string) => names(text).filter((name) => name?.startsWith(workspace.cluster));

/** The cluster by `npm run up`, whose lines are shown. */
const up = (onLine?: (text: string) => void) =>
    workspace.run("npm", ["run", "up", "--", "--target", clusterOnly], {
        timeout: longest,
        echo: "up |",
        onLine: ({ text }) => onLine?.(text),
    });

const set = (name: string, value: string) => workspace.output(`pulumi config set ${name} ${value}`);

/** Runs a script in a machine, as Vagrant's user. */
const inside = (name: string, script: string) =>
    workspace.output(`vagrant ssh ${name} --command '${script}' 2>/dev/null`);

/** Each node's status and version of kubelet. */
const nodes = async () =>
    (await workspace.output("kubectl get nodes --no-headers"))
        .trim()
        .split("\n")
        .map((line) => {
            const [name, status, , , version] = line.split(/\s+/);
            return [name, status, version];
        });

/** A name that each boot of a machine has, and names of the DaemonSet's pods. */
const bootOf = async (name: string) => (await inside(name, "cat /proc/sys/kernel/random/boot_id")).trim();
const podNames = async () =>
    (await workspace.output("kubectl get pods --selector app=pushed --output name")).trim().split("\n").sort();

function succeeded(what: string, result: CommandResult): CommandResult {
    figures.push(`${what}: ${result.seconds.toFixed(0)} s, longest silence ${result.longestSilence.toFixed(1)} s`);
    assert.equal(result.code, 0, `${what}\n${result.lines.map((line) => line.text).join("\n")}`);
    return result;
}

/** Processor seconds that QEMU has used for the machine; undefined while it does not run. */
function cpuSeconds(): number | undefined {
    try {
        const id = fs.readFileSync(`/run/libvirt/qemu/${node}.pid`, "utf8").trim();
        const stat = fs.readFileSync(`/proc/${id}/stat`, "utf8");
        // utime and stime, in hundredths of a second; the name before them may hold anything.
        const [user, system] = stat
            .slice(stat.lastIndexOf(")") + 2)
            .split(" ")
            .slice(11, 13);
        return (Number(user) + Number(system)) / 100;
    } catch {
        return undefined;
    }
}

/**
 * Keeps the test machine's packets on this machine, and counts those to the cluster's inner ranges, which must not be any.
 * In the table `mangle`, because libvirt and Docker rewrite the usual one.
 */
const rules = [
    ["-s", machines, "-d", "10.100.0.0/16", "-j", "DROP"],
    ["-s", machines, "-d", "10.244.0.0/16", "-j", "DROP"],
    ["-s", machines, "!", "-d", machines, "-j", "DROP"],
];
const firewall = (...args: string[]) =>
    spawnSync("iptables", ["-w", "-t", "mangle", ...args], { encoding: "utf8" }).stdout;

/** Packets that came to the rule with this number, from 1. */
function dropped(rule: number): number {
    const [, , ...lines] = firewall("-L", "FORWARD", "-v", "-x", "-n").split("\n");
    return Number(lines[rule - 1]?.trim().split(/\s+/)[0]);
}

describe("a virtual machine, with libvirt", function () {
    this.timeout(longest * 1000);
    // What follows a failed step says nothing.
    this.bail(true);

    before(async () => {
        assert.equal(process.getuid?.(), 0, "this test sets firewall rules: run it as root");
        ports = { api: await freePort(), registry: await freePort() };
        workspace.create();
        workspace.configure({
            provider: "libvirt",
            cpus: 2,
            memory: 4096,
            source: "sample",
            apiPort: ports.api,
            registryPort: ports.registry,
            taurus: { expose: false },
        });
        // Their installation is tested elsewhere, and takes this machine's time.
        fs.cpSync("node_modules", path.join(workspace.clone, "node_modules"), {
            recursive: true,
            verbatimSymlinks: true,
        });
        for (const rule of [...rules].reverse()) {
            firewall("-I", "FORWARD", ...rule);
        }
    });

    after(async () => {
        await workspace.run("npm", ["run", "destroy", "--", "--yes"], { timeout: 600 }).catch(() => undefined);
        for (const rule of rules) {
            firewall("-D", "FORWARD", ...rule);
        }
        workspace.remove();
        console.log(`\n    ${figures.join("\n    ")}`);
    });

    it("comes up by `npm run up`, to a node that is Ready and DNS", async () => {
        const used: Record<string, number | undefined> = {};
        const notes: string[] = [];
        const result = await up((text) => {
            notes.push(text);
            if (text.includes("waiting for CoreDNS")) {
                used["node Ready"] ??= cpuSeconds();
            } else if (/waiting for the node's set-up|: ready( \(\d+ s\))?$/.test(text)) {
                used["CoreDNS"] ??= cpuSeconds();
            }
        });
        succeeded("up", result);
        for (const [what, seconds] of Object.entries(used)) {
            figures.push(`${what}: ${seconds?.toFixed(0)} CPU seconds of QEMU`);
        }
        const box = nodeImage().libvirtBox;
        assert.ok(box !== undefined);
        figures.push(`box: ${(fs.statSync(box).size / 1e6).toFixed(0)} MB`);
        assert.ok(fs.statSync(box).size <= 700e6);

        const description = virsh("dumpxml", node);
        const emulated = /<domain type='qemu'/.test(description);
        figures.push(emulated ? "processors are emulated" : "KVM");
        several = !emulated || crowded(2, os.availableParallelism()) === undefined;
        assert.equal(
            emulated,
            notes.some((text) => text.includes("provider libvirt is slow here")),
        );
        assert.deepEqual(await nodes(), [[node, "Ready", `v${from}`]]);
    });

    it("is configured by cloud-init from its seed disk, as systemd's and the kernel's own", async () => {
        const state = await inside(
            node,
            "cloud-init query --format {{ds}} >/dev/null; sudo cloud-init status --long; stat -fc %T /sys/fs/cgroup; " +
                "systemctl list-units --failed --no-legend --plain; hostname; df -BG --output=size / | tail -n 1",
        );
        assert.match(state, /status: done/);
        assert.match(state, /DataSourceNoCloud \[seed=\/dev\/sr0\]/);
        assert.match(state, new RegExp(`cgroup2fs\\s+${node}\\s+(19|20)G$`));
    });

    it("runs a DaemonSet from an image that was pushed to the cluster's registry", async () => {
        const folder = path.join(workspace.root, "image");
        fs.mkdirSync(folder);
        fs.copyFileSync(
            path.join(
                process.env.NTA_CACHE ?? path.join(process.env.HOME ?? "", ".cache", "nta"),
                "node-image/bin/pause",
            ),
            path.join(folder, "pause"),
        );
        fs.writeFileSync(path.join(folder, "Dockerfile"), 'FROM scratch\nCOPY pause /pause\nENTRYPOINT ["/pause"]\n');
        const image = `localhost:${ports.registry}/vm-test:1`;
        await workspace.output(`docker build --quiet --tag ${image} ${folder} && docker push --quiet ${image}`);
        await workspace.output(`docker rmi ${image}`);
        const labels = { app: "pushed" };
        const template = { metadata: { labels }, spec: { containers: [{ name: "pushed", image }] } };
        const daemonSet = {
            apiVersion: "apps/v1",
            kind: "DaemonSet",
            metadata: { name: "pushed" },
            spec: { selector: { matchLabels: labels }, template },
        };
        const file = path.join(folder, "daemon-set.json");
        fs.writeFileSync(file, JSON.stringify(daemonSet));
        await workspace.output(`kubectl apply --filename ${file}`);
        await workspace.output("kubectl rollout status daemonset/pushed --timeout=300s", { timeout: 320 });
        const pulled = await workspace.output("kubectl get events --field-selector reason=Pulled");
        assert.match(pulled, new RegExp(`Successfully pulled image "${image}"`));
    });

    it("comes back by `vagrant halt` and `vagrant up`, with its pods, and `npm run up` changes nothing", async () => {
        const before = await podNames();
        succeeded("halt", await workspace.shell("vagrant halt", { timeout: 600 }));
        assert.equal(virsh("domstate", node), "shut off");
        const preview = await workspace.shell(`pulumi preview --target '${clusterOnly}'`, { timeout: 120 });
        assert.match(
            succeeded("preview", preview).stdout,
            new RegExp(`the machine ${node} is shut off: it is started`),
        );
        const since = new Date();
        succeeded("up again", await workspace.shell("vagrant up", { timeout: 1200 }));
        const fresh = async () => {
            const ask = "kubectl get node --output jsonpath='{.items[0].status.conditions[-1]}' --request-timeout=10s";
            const { code, stdout } = await workspace.shell(ask, { timeout: 30 });
            const condition =
                code === 0 ? (JSON.parse(stdout) as { status: string; lastHeartbeatTime: string }) : undefined;
            return condition?.status === "True" && Date.parse(condition.lastHeartbeatTime) > since.getTime();
        };
        const deadline = Date.now() + 900_000;
        while (!(await fresh())) {
            assert.ok(Date.now() < deadline, "no fresh Ready condition within 15 minutes");
            await new Promise((resolve) => setTimeout(resolve, 5000));
        }
        figures.push(`Ready again: ${((Date.now() - since.getTime()) / 1000).toFixed(0)} s after vagrant up began`);
        await workspace.output("kubectl rollout status daemonset/pushed --timeout=600s", { timeout: 620 });
        assert.deepEqual(await podNames(), before);
        const again = succeeded("up, nothing to change", await up());
        assert.doesNotMatch(again.stdout, /\d+ (created|updated|replaced|deleted)/);
    });

    it("is joined by a second one, whose pods come from the same registry and reach those of the first", async function () {
        if (!several) {
            figures.push("a second machine: not tried, this machine has too few processors to emulate two");
            this.skip();
        }
        const boot = await bootOf(node);
        await set("nodes", "2");
        succeeded("up, for a second machine", await up());
        assert.equal(await bootOf(node), boot, "the first runs on");
        assert.deepEqual(await nodes(), [
            [node, "Ready", `v${from}`],
            [second, "Ready", `v${from}`],
        ]);
        await workspace.output("kubectl rollout status daemonset/pushed --timeout=600s", { timeout: 620 });
        assert.equal((await podNames()).length, 2);
        const path = `{.items[?(@.spec.nodeName=="${node}")].status.podIP}`;
        const dns = await workspace.output(
            `kubectl get pods --namespace kube-system --selector k8s-app=kube-dns --output 'jsonpath=${path}'`,
        );
        const ask = `exec 3<>/dev/tcp/${dns.trim().split(" ")[0]}/8181; printf "GET /ready HTTP/1.0\\r\\n\\r\\n" >&3; cat <&3`;
        assert.match(await inside(second, `timeout 30 bash -c "${ask.replaceAll('"', '\\"')}"`), / 200 OK/);
    });

    it("gets a larger disk while it runs, and lets the second go, without a restart", async () => {
        const boot = await bootOf(node);
        await set("disk", "24");
        await set("nodes", "1");
        const notes: string[] = [];
        succeeded(
            `up, for a larger disk${several ? " and one machine less" : ""}`,
            await up((text) => notes.push(text)),
        );
        assert.ok(notes.some((text) => text.includes("disks grow from 20 to 24 GiB without a restart")));
        assert.match(await inside(node, "df -BG --output=size / | tail -n 1"), /^\s*2[34]G\s*$/);
        assert.equal(await bootOf(node), boot);
        assert.deepEqual(await nodes(), [[node, "Ready", `v${from}`]]);
        assert.deepEqual(own(virsh("list", "--all", "--name")), [node]);
        assert.deepEqual(own(virsh("vol-list", "default")).sort(), [`${node}-cidata.iso`, `${node}.img`]);
    });

    it(`goes from Kubernetes ${from} to ${to} by \`npm run up\`, without a restart`, async () => {
        const before = [await bootOf(node), await podNames()];
        await set("kubernetesVersion", to);
        const notes: string[] = [];
        succeeded("up, for another version", await up((text) => notes.push(text)));
        assert.ok(notes.some((text) => text.includes(`Kubernetes goes from ${from} to ${to}, on ${node}`)));
        assert.deepEqual(await nodes(), [[node, "Ready", `v${to}`]]);
        const version = JSON.parse(await workspace.output("kubectl version --output json")) as {
            serverVersion: { gitVersion: string };
        };
        assert.equal(version.serverVersion.gitVersion, `v${to}`);
        assert.deepEqual([await bootOf(node), await podNames()], before);
        const again = succeeded("up, nothing to change", await up());
        assert.doesNotMatch(again.stdout, /\d+ (created|updated|replaced|deleted)/);
    });

    it("has sent nothing to the pods' and services' ranges out of the machines", () => {
        assert.deepEqual([dropped(1), dropped(2)], [0, 0]);
    });

    it("is gone after `npm run destroy`: machine, disk, seed and forwarding", async () => {
        succeeded("destroy", await workspace.run("npm", ["run", "destroy", "--", "--yes"], { timeout: 600 }));
        assert.deepEqual(own(virsh("list", "--all", "--name")), []);
        assert.deepEqual(own(virsh("vol-list", "default")), []);
        const listening = execFileSync("ps", ["-eo", "args"], { encoding: "utf8" });
        assert.ok(!listening.includes(`:${ports.api}:`));
        assert.ok(!fs.existsSync(path.join(workspace.root, "state", "nta", "machines", workspace.cluster)));
    });
});
