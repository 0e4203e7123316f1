import * as assert from "node:assert/strict";

import { belongings, docker } from "../../machine/docker";
import { LeakWatch } from "./leaks";
import { eventually, MachineUnderTest, ok } from "./machine-under-test";
import { pushPodImage } from "./pod-image";

const port = 8080;

/** Pods that answer with their own name, one on each node, and a service in front of them. */
function answerers(image: string, nodes: string[]): string {
    const pods = nodes.map((node) => ({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `on-${node}`, labels: { app: "answerer" } },
        spec: {
            nodeName: node,
            terminationGracePeriodSeconds: 0,
            tolerations: [{ operator: "Exists" }],
            containers: [
                {
                    name: "answerer",
                    image,
                    command: ["/usr/bin/socat", `TCP-LISTEN:${port},fork,reuseaddr`, "EXEC:/bin/cat /etc/hostname"],
                    readinessProbe: { tcpSocket: { port }, periodSeconds: 1 },
                },
            ],
        },
    }));
    const service = {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "answerer" },
        spec: { type: "NodePort", selector: { app: "answerer" }, ports: [{ port, nodePort: 31080 }] },
    };
    return JSON.stringify({ apiVersion: "v1", kind: "List", items: [...pods, service] });
}

describe("a cluster of several machines", function () {
    this.timeout(600_000);

    const machine = new MachineUnderTest(`nta-ntest-${process.pid}`);
    const names = [1, 2, 3].map((number) => machine.node(number));
    let watch: LeakWatch;
    let image: string;

    before(async () => {
        await machine.prepare();
        machine.args = { ...machine.args, nodes: 3 };
        watch = await LeakWatch.start(machine);
    });

    after(async () => {
        await watch.end();
        await machine.remove();
    });

    async function nodesReady(): Promise<Record<string, string>> {
        const path = '{range .items[*]}{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}{end}';
        const lines = (await machine.kubectl("get", "nodes", "-o", `jsonpath=${path}`)).trim().split("\n");
        return Object.fromEntries(lines.map((line) => line.split(" "))) as Record<string, string>;
    }

    async function ids(): Promise<string[]> {
        return (await ok(docker(["inspect", "--format", "{{.Id}} {{.State.StartedAt}}", ...names]))).stdout
            .trim()
            .split("\n");
    }

    async function answer(from: string, to: string): Promise<string> {
        return machine.kubectl("exec", `on-${from}`, "--", "/usr/bin/socat", "-T", "5", "-", `TCP:${to}:${port}`);
    }

    it("comes up at once", async () => {
        await ok(machine.main(["up"], machine.specification()));
        assert.deepEqual(await nodesReady(), Object.fromEntries(names.map((name) => [name, "True"])));
        await eventually(60, async () =>
            assert.match(await machine.kubectl("get", "deployment", "coredns", "-n", "kube-system"), / 2\/2 /),
        );
    });

    it("keeps no token once all have joined, neither in the cluster nor on a machine", async () => {
        await eventually(60, async () => {
            const list = "kubeadm token list --kubeconfig /etc/kubernetes/admin.conf";
            assert.equal((await ok(machine.inNode(list))).stdout, "");
        });
        for (const name of names) {
            const { stdout } = await machine.inNode(
                "grep -rlE '\\b[a-z0-9]{6}\\.[a-z0-9]{16}\\b' /run/nta /etc/nta /var/lib/cloud/instance; true",
                name,
            );
            assert.equal(stdout, "", name);
        }
    });

    it("runs what was pushed to its registry on all of them, and pods talk across machines", async () => {
        image = await pushPodImage(machine.first, machine.args.registryPort);
        await ok(
            docker(
                ["exec", "-i", machine.first, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", "apply", "-f-"],
                {
                    input: answerers(image, names),
                },
            ),
        );
        const pods = names.map((name) => `pod/on-${name}`);
        await machine.kubectl("wait", "--for=condition=Ready", "--timeout=120s", ...pods);
        for (const to of names) {
            const ip = await machine.kubectl("get", "pod", `on-${to}`, "-o", "jsonpath={.status.podIP}");
            for (const from of names) {
                assert.equal(await answer(from, ip), `on-${to}\n`, `from ${from} to ${to}`);
            }
        }
    });

    it("resolves a service's name from every machine, and serves its port on each", async () => {
        for (const from of names) {
            assert.match(await answer(from, "answerer.default.svc.cluster.local"), /^on-nta-ntest-/);
            const { stdout } = await ok(
                docker(["inspect", "--format", `{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}`, from]),
            );
            const served = await ok(machine.inNode(`socat -T 5 - TCP:${stdout.trim()}:31080`));
            assert.match(served.stdout, /^on-nta-ntest-/, from);
        }
    });

    it("has let no packet to pods or services leave a machine, since before there was one", async () => {
        assert.deepEqual(await watch.leaks(), []);
        // The watch would have seen one.
        await ok(
            machine.inNode(
                "iptables -D OUTPUT -j NTA-EGRESS && iptables -t mangle -D POSTROUTING -j NTA-EGRESS",
                names[1],
            ),
        );
        await machine.inNode(
            "timeout 1 bash -c '</dev/udp/10.244.200.200/9; echo >/dev/udp/10.244.200.200/9'",
            names[1],
        );
        await eventually(30, async () =>
            assert.match((await watch.leaks()).join("\n"), /^br-\S+ \S+ 10\.244\.200\.200$/m),
        );
        await ok(machine.inNode("nta-node prepare", names[1]));
    });

    it("gives a machine its pool's size, labels, role and taints while it runs, and takes them back", async () => {
        const before = await ids();
        const node = () => machine.kubectl("get", "node", names[1], "--show-labels", "--no-headers");
        const taints = () => machine.kubectl("get", "node", names[1], "-o", "jsonpath={.spec.taints}");
        const plain = { labels: (await node()).trim().split(/\s+/).at(-1), taints: await taints() };
        const pool = {
            name: "small",
            nodes: [2],
            memory: 1024,
            labels: { disk: "ssd" },
            roles: ["batch"],
            taints: ["dedicated=batch:NoSchedule"],
        };
        const { stderr } = await ok(machine.main(["update"], machine.specification({ nodePools: [pool] })));
        assert.match(stderr, /1024 MiB of memory/);
        assert.match(await node(), / Ready +batch .*[ ,]disk=ssd,.*nta\/pool=small/);
        assert.equal(await taints(), '[{"effect":"NoSchedule","key":"dedicated","value":"batch"}]');
        const limit = await ok(docker(["inspect", "--format", "{{.HostConfig.Memory}}", names[1]]));
        assert.equal(Number(limit.stdout), 1024 * 2 ** 20);
        const allocatable = ["get", "node", names[1], "-o", "jsonpath={.status.allocatable.memory}"];
        await eventually(60, async () =>
            assert.ok(
                Number.parseInt(await machine.kubectl(...allocatable)) <= 1024 * 1024,
                "kubelet offers what there is",
            ),
        );
        await machine.kubectl("label", "node", names[1], "theirs=yes");
        await ok(machine.main(["update"], machine.specification()));
        assert.equal((await node()).trim().split(/\s+/).at(-1), `${plain.labels},theirs=yes`);
        assert.equal(await taints(), plain.taints);
        assert.deepEqual(await ids(), before);
    });

    it("drains and removes a machine, and takes a new one, without touching the others", async () => {
        const before = await ids();
        await ok(machine.main(["update"], machine.specification({ nodes: 2 })));
        assert.deepEqual(Object.keys(await nodesReady()), names.slice(0, 2));
        const { containers, volumes } = await belongings(machine.clusterName);
        assert.equal(containers.length, 2);
        assert.ok(!volumes.some((volume) => volume.startsWith(`${names[2]}-`)), volumes.join());
        assert.equal((await machine.kubectl("get", "pods", "-o", "name")).trim().split("\n").length, 2);
        await ok(machine.main(["update"], machine.specification()));
        assert.deepEqual((await ids()).slice(0, 2), before.slice(0, 2));
        assert.deepEqual(await nodesReady(), Object.fromEntries(names.map((name) => [name, "True"])));
    });

    it("brings a new machine of the same name for one that was lost with its data", async () => {
        await ok(docker(["rm", "--force", names[1]]));
        const { volumes } = await belongings(machine.clusterName);
        await ok(docker(["volume", "rm", ...volumes.filter((volume) => volume.startsWith(`${names[1]}-`))]));
        const uid = () => machine.kubectl("get", "node", names[1], "-o", "jsonpath={.metadata.uid}");
        const lost = await uid();
        await ok(machine.main(["update"], machine.specification()));
        assert.notEqual(await uid(), lost);
        assert.equal((await nodesReady())[names[1]], "True");
    });

    it("comes back by itself when all machines were restarted", async () => {
        await ok(docker(["restart", "--time", "60", ...names]));
        await ok(machine.main(["up"], machine.specification()));
        await machine.kubectl("wait", "--for=condition=Ready", "--timeout=120s", `pod/on-${names[0]}`);
        assert.deepEqual(await nodesReady(), Object.fromEntries(names.map((name) => [name, "True"])));
    });
});
