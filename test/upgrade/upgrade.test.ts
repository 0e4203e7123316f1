import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { docker } from "../../machine/docker";
import type { MachineState } from "../../machine/folder";
import { versionsOf } from "../../node-image/kubernetes-versions";
import { freePort } from "../free-port";
import { eventually, MachineUnderTest, ok } from "../integration/machine-under-test";
import { pushPodImage } from "../integration/pod-image";

const [from, to] = ["1.34.4", "1.35.4"] as const;
const port = 8080;

/** Pods on any node that answer with their own name, and a service in front of them. */
function answerers(image: string): object {
    const labels = { app: "answerer" };
    const container = {
        name: "answerer",
        image,
        command: ["/usr/bin/socat", `TCP-LISTEN:${port},fork,reuseaddr`, "EXEC:/bin/cat /etc/hostname"],
        readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
    };
    return {
        apiVersion: "v1",
        kind: "List",
        items: [
            {
                apiVersion: "apps/v1",
                kind: "Deployment",
                metadata: { name: "answerer" },
                spec: {
                    replicas: 2,
                    selector: { matchLabels: labels },
                    template: {
                        metadata: { labels },
                        spec: { terminationGracePeriodSeconds: 0, containers: [container] },
                    },
                },
            },
            {
                apiVersion: "v1",
                kind: "Service",
                metadata: { name: "answerer" },
                spec: { type: "NodePort", selector: labels, ports: [{ port, nodePort: 31080 }] },
            },
            { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "kept" }, data: { since: from } },
        ],
    };
}

describe("an upgrade of Kubernetes", function () {
    // The first one builds the newer version where the caches are empty.
    this.timeout(3_600_000);
    // What follows a failed step says nothing.
    this.bail(true);

    const machine = new MachineUnderTest(`nta-utest-${process.pid}`);
    const names = [1, 2].map((number) => machine.node(number));
    let image: string;

    before(async () => {
        await machine.prepare();
        machine.args = { ...machine.args, nodes: 2, kubernetesVersion: from };
    });
    after(() => machine.remove());

    const update = (kubernetesVersion: string, timeoutMilliseconds?: number) =>
        machine.main(["update"], machine.specification({ kubernetesVersion }), {
            timeoutMilliseconds,
            onLine: (line) => console.log(`      ${line}`),
        });

    const state = () =>
        JSON.parse(
            fs.readFileSync(path.join(machine.state, "machines", machine.clusterName, "state.json"), "utf8"),
        ) as MachineState;

    async function starts(): Promise<string> {
        return (await ok(docker(["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...names]))).stdout;
    }

    async function apply(document: object): Promise<void> {
        const kubectl = ["kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "apply", "--filename", "-"];
        await ok(docker(["exec", "--interactive", machine.first, ...kubectl], { input: JSON.stringify(document) }));
    }

    /** Each node's kubelet, and whether new pods may be put there. */
    async function nodes(): Promise<Record<string, string>> {
        const path =
            '{range .items[*]}{.metadata.name} {.status.nodeInfo.kubeletVersion}{.spec.unschedulable}{"\\n"}{end}';
        const lines = (await machine.kubectl("get", "nodes", "--output", `jsonpath=${path}`)).trim().split("\n");
        return Object.fromEntries(lines.map((line) => line.split(" "))) as Record<string, string>;
    }

    const all = (version: string, members = names) => Object.fromEntries(members.map((name) => [name, `v${version}`]));

    /** Images of the pods in kube-system that run. */
    async function systemImages(): Promise<string[]> {
        const path = '{range .items[*]}{.spec.containers[0].image}{"\\n"}{end}';
        const running = ["get", "pods", "--namespace", "kube-system", "--field-selector", "status.phase=Running"];
        const lines = (await machine.kubectl(...running, "--output", `jsonpath=${path}`)).trim().split("\n");
        return [...new Set(lines)].sort();
    }

    const systemImagesOf = (version: string) =>
        Object.entries(versionsOf(version).images)
            .flatMap(([name, ref]) => (name === "pause" || name === "flannel" ? [] : [ref]))
            .sort();

    async function works(): Promise<void> {
        await machine.kubectl("wait", "--for=condition=Available", "--timeout=120s", "deployment/answerer");
        assert.equal(await machine.kubectl("get", "configmap", "kept", "--output", "jsonpath={.data.since}"), from);
        for (const name of names) {
            await eventually(60, async () =>
                assert.match((await ok(machine.inNode(`socat -T 5 - TCP:${name}:31080`, name))).stdout, /^answerer-/),
            );
        }
        const [pod] = (await machine.kubectl("get", "pods", "--selector", "app=answerer", "--output", "name")).split(
            "\n",
        );
        const lookUp = ["/usr/bin/socat", "-T", "5", "-", `TCP:answerer.default.svc.cluster.local:${port}`];
        await eventually(60, async () =>
            assert.match(await machine.kubectl("exec", pod as string, "--", ...lookUp), /^answerer-/),
        );
    }

    it(`begins with a cluster of ${from} and pods on it`, async () => {
        await ok(machine.main(["up"], machine.specification()));
        assert.deepEqual(await nodes(), all(from));
        assert.deepEqual(await systemImages(), systemImagesOf(from));
        image = await pushPodImage(machine.first, machine.args.registryPort);
        await apply(answerers(image));
        await works();
    });

    it("is refused before anything is changed, back or over a minor version, or where pods would be lost", async () => {
        const before = await starts();
        for (const [version, words] of [
            ["1.36.3", /nta:kubernetesVersion is 1\.36\.3, .*runs Kubernetes 1\.34\.4: .*would skip 1\.35/],
            ["1.34.3", /nta:kubernetesVersion is 1\.34\.3, .*no way back to an older version/],
        ] as const) {
            const { code, stderr } = await update(version);
            assert.equal(code, 1);
            assert.match(stderr, words);
            assert.equal(state().unfinished, undefined);
        }
        const pod = { containers: [{ name: "alone", image, command: ["/usr/bin/socat", "TCP-LISTEN:1", "PIPE"] }] };
        await apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "alone" }, spec: pod });
        const { code, stderr } = await update(to);
        assert.equal(code, 1);
        assert.match(stderr, /stays as it is, because pods keep .*default\/alone/s);
        await machine.kubectl("delete", "pod", "alone", "--grace-period=0", "--force");
        assert.deepEqual(await nodes(), all(from));
        assert.equal(await starts(), before);
    });

    it("can be killed while kubeadm is at work, and is gone on with by the next run", async () => {
        const before = await starts();
        let pid = 0;
        const { stderr } = await machine.main(["update"], machine.specification({ kubernetesVersion: to }), {
            onStart: (it) => (pid = it),
            onLine: (line) => {
                console.log(`      ${line}`);
                if (line.includes("etcd") && line.includes("upgraded")) {
                    process.kill(pid, "SIGKILL");
                }
            },
        });
        assert.match(stderr, /kubeadm upgrade apply/);
        assert.doesNotMatch(stderr, /: kubelet 1\.|: ready \(/);
        assert.equal(state().unfinished, true);
        await ok(update(to));
        assert.deepEqual(await nodes(), all(to));
        assert.equal(await starts(), before);
        assert.equal(state().unfinished, undefined);
    });

    it("has brought all of Kubernetes to the new version, and kept what was there", async () => {
        await eventually(60, async () => assert.deepEqual(await systemImages(), systemImagesOf(to)));
        const version = JSON.parse(await machine.kubectl("version", "--output=json")) as Record<
            "clientVersion" | "serverVersion",
            { gitVersion: string }
        >;
        assert.equal(version.serverVersion.gitVersion, `v${to}`);
        assert.equal(version.clientVersion.gitVersion, `v${to}`);
        for (const name of names) {
            assert.equal((await ok(machine.inNode("kubeadm version --output short", name))).stdout.trim(), `v${to}`);
            const left = await machine.inNode("ls /usr/local/lib/nta; systemctl --failed --no-legend", name);
            assert.equal(left.stdout.trim(), "", name);
        }
        assert.doesNotMatch(await machine.kubectl("get", "nodes", "--output", "yaml"), /nta\/upgrading/);
        await works();
    });

    it("has nothing to do a second time", async () => {
        const before = await starts();
        const { stderr } = await ok(update(to));
        assert.doesNotMatch(stderr, /kubeadm|draining|images/);
        assert.equal(await starts(), before);
    });

    it("lasts when the machines are restarted", async () => {
        await ok(docker(["restart", "--time", "60", ...names]));
        await ok(update(to));
        assert.deepEqual(await nodes(), all(to));
        await eventually(60, async () => assert.deepEqual(await systemImages(), systemImagesOf(to)));
        await works();
    });

    it("is what a machine has that is made later, or anew with its data", async () => {
        const host = await freePort();
        const forwardedPorts = [{ name: "answerer", host: host as number, guest: 31080 }];
        const change = { kubernetesVersion: to, nodes: 3, forwardedPorts };
        const { stderr } = await ok(machine.main(["update"], machine.specification(change)));
        assert.match(stderr, new RegExp(`${machine.first}: ports or rights have changed: making its container anew`));
        assert.deepEqual(await nodes(), all(to, [...names, machine.node(3)]));
        const images = await ok(docker(["inspect", "--format", "{{.Config.Image}}", machine.first, machine.node(3)]));
        assert.deepEqual(images.stdout.trim().split("\n"), [state().image, state().image]);
        await works();
    });

    it("has no way back", async () => {
        const { code, stderr } = await update(from);
        assert.equal(code, 1);
        assert.match(
            stderr,
            /nta:kubernetesVersion is 1\.34\.4, .*runs Kubernetes 1\.35\.4: Kubernetes has no way back/,
        );
        assert.deepEqual(await nodes(), all(to, [...names, machine.node(3)]));
    });
});
