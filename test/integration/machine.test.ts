import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";

import { stringify } from "yaml";

import { endpointSpec, poolSpec } from "../../components/cluster/specification";
import {
    type AddressPool,
    type AddressRange,
    contains,
    parsePool,
    parseRange,
    poolOf,
    poolsMeet,
} from "../../machine/address-range";
import { belongings, docker } from "../../machine/docker";
import { freePort } from "../free-port";
import { MachineUnderTest, ok } from "./machine-under-test";

describe("a real machine", function () {
    this.timeout(600_000);

    const machine = new MachineUnderTest(`nta-mtest-${process.pid}`);
    const { clusterName, first: node } = machine;

    before(() => machine.prepare());
    after(() => machine.remove());

    it("says which port is taken, by whom and which setting moves it, and makes nothing", async () => {
        const server = net.createServer();
        await new Promise<void>((resolve) => server.listen(machine.args.apiPort, "127.0.0.1", resolve));
        try {
            const { code, stderr } = await machine.main(["up"], machine.specification());
            assert.equal(code, 1);
            assert.match(stderr, new RegExp(`port ${machine.args.apiPort} .*process ${process.pid} .*nta:apiPort`));
            assert.deepEqual(await belongings(clusterName), { containers: [], volumes: [], networks: [] });
        } finally {
            await new Promise((resolve) => server.close(resolve));
        }
    });

    it("says which network of this machine an address range overlaps, and makes nothing", async () => {
        const network = `${clusterName}-other`;
        await ok(docker(["network", "create", network]));
        try {
            const format = "{{(index .IPAM.Config 0).Subnet}}";
            const subnet = (await ok(docker(["network", "inspect", "--format", format, network]))).stdout.trim();
            const { code, stderr } = await machine.main(["up"], machine.specification({ podRange: subnet }));
            assert.equal(code, 1);
            assert.ok(
                stderr.includes(`nta:podRange, ${subnet}, overlaps with the Docker network "${network}", ${subnet}: `),
                stderr,
            );
            assert.deepEqual(await belongings(clusterName), { containers: [], volumes: [], networks: [] });
        } finally {
            await docker(["network", "rm", network]);
        }
    });

    it("comes up although an earlier run was killed in its middle", async () => {
        const { code } = await machine.main(["up"], machine.specification(), { timeoutMilliseconds: 6000 });
        assert.equal(code, 124);
        await ok(machine.main(["up"], machine.specification()));
        assert.match(await machine.kubectl("get", "nodes"), new RegExp(`^${node} +Ready `, "m"));
        const { stdout } = await machine.inNode(
            "systemctl is-failed --quiet '*' && systemctl --failed --no-legend; true",
        );
        assert.equal(stdout.trim(), "");
    });

    it("runs what the cluster is to be made of", async () => {
        const names = [
            "kube-apiserver",
            "kube-controller-manager",
            "kube-scheduler",
            "kube-proxy",
            "etcd",
            "flannel",
            "coredns",
        ];
        // kubelet tells the API about a static pod's readiness some seconds after the fact.
        const deadline = Date.now() + 120_000;
        let missing = names;
        while (missing.length > 0 && Date.now() < deadline) {
            const pods = await machine.kubectl("get", "pods", "-A");
            missing = names.filter((name) => !new RegExp(` ${name}\\S* +1/1 +Running `).test(pods));
        }
        assert.deepEqual(missing, []);
        assert.match(await machine.kubectl("get", "service", "kubernetes"), / 10\.100\.0\.1 /);
        assert.equal(
            await machine.kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDR}{.spec.taints}"),
            "10.244.0.0/24",
        );
        assert.doesNotMatch(
            await machine.kubectl("get", "node", node, "--show-labels"),
            /exclude-from-external-load-balancers/,
        );
        const registry = await fetch(`http://127.0.0.1:${machine.args.registryPort}/v2/`);
        assert.equal(registry.status, 200);
    });

    it("rejects what nobody translates of the service and pod ranges, also before kubelet runs", async () => {
        for (const address of ["10.100.200.200", "10.244.200.200"]) {
            const { code, stderr } = await machine.inNode(`timeout 5 bash -c '</dev/tcp/${address}/443'`);
            assert.notEqual(code, 0);
            assert.match(stderr, /refused/, address);
        }
        assert.equal(
            (await machine.inNode("timeout 5 bash -c '</dev/tcp/10.100.0.1/443'")).code,
            0,
            "translated packets pass",
        );
        const { stdout } = await machine.inNode("systemctl show kubelet --property After --property Requires");
        assert.equal(stdout.match(/nta-prepare\.service/g)?.length, 2, stdout);
    });

    it("has nothing to do a second time", async () => {
        const started = Date.now();
        const { stderr } = await ok(machine.main(["up"], machine.specification()));
        assert.doesNotMatch(stderr, /vagrant/);
        assert.ok(Date.now() - started < 20_000);
    });

    it("gives a kubeconfig that works from here", async () => {
        const spec = stringify(endpointSpec(machine.args));
        const { stdout } = await ok(machine.main(["kubeconfig"], spec));
        assert.match(stdout, new RegExp(`current-context: ${clusterName}\n`));
        assert.match(stdout, new RegExp(`server: https://127.0.0.1:${machine.args.apiPort}\n`));
    });

    it("has addresses to give at its network's end, which Docker does not give, and none that somebody has", async () => {
        const format = "{{with index .IPAM.Config 0}}{{.Subnet}} {{.IPRange}}{{end}}";
        const { stdout: ranges } = await ok(docker(["network", "inspect", "--format", format, clusterName]));
        const [whole, dockers] = ranges
            .trim()
            .split(" ")
            .map((text) => poolOf(parseRange(text) as AddressRange));
        const asked = (wanted?: string) => machine.main(["address-pool"], stringify(poolSpec(machine.args, wanted)));
        const pool = parsePool((await ok(asked())).stdout) as AddressPool;
        assert.ok(contains(whole, pool) && !poolsMeet(dockers, pool), ranges);
        const own = await machine.kubectl("get", "node", node, "-o", "jsonpath={.status.addresses[0].address}");
        const { code, stderr } = await asked(`${own}-${own}`);
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`has ${own} in it, which is ${node}'s: choose others with`));
    });

    it("takes other sizes in place and other ports with its data", async () => {
        await machine.kubectl("create", "namespace", "kept");
        const before = (await docker(["inspect", "--format", "{{.Id}}", node])).stdout;
        machine.args.memory = 2560;
        await ok(machine.main(["update"], machine.specification()));
        assert.equal(
            (await docker(["inspect", "--format", "{{.Id}} {{.HostConfig.Memory}}", node])).stdout,
            `${before.trim()} ${2560 * 2 ** 20}\n`,
        );
        machine.args.apiPort = await freePort();
        await ok(machine.main(["update"], machine.specification()));
        assert.notEqual((await docker(["inspect", "--format", "{{.Id}}", node])).stdout, before);
        assert.match(await machine.kubectl("get", "namespace", "kept"), /Active/);
    });

    it("comes back by itself after a restart", async () => {
        await ok(docker(["restart", "--time", "60", node]));
        await ok(machine.main(["up"], machine.specification()));
        assert.match(await machine.kubectl("get", "namespace", "kept"), /Active/);
    });

    it("that does not become Ready in time says what it waited for, with kubelet's last words, and is taken up", async () => {
        const dropIn = "/etc/systemd/system/kubelet.service.d/99-broken.conf";
        const broken = '[Service]\\nExecStart=\\nExecStart=/bin/sh -c "echo kubelet-is-broken; exit 1"\\n';
        await ok(machine.inNode(`printf '${broken}' >${dropIn}`));
        await ok(docker(["restart", "--time", "60", node]));
        const { code, stderr } = await machine.main(["up"], `${machine.specification()}timeoutSeconds: 15\n`);
        assert.equal(code, 1);
        assert.match(stderr, new RegExp(`${clusterName} has not become healthy within 15 s: still waiting for `));
        assert.match(stderr, new RegExp(`${node}, kubelet's last words:\n(  .*\n)*  .*kubelet-is-broken`));
        assert.match(stderr, /Run the command again to go on waiting, or `npm run destroy` to start over/);
        await ok(machine.inNode(`rm ${dropIn} && systemctl daemon-reload && systemctl restart kubelet`));
        await ok(machine.main(["up"], machine.specification()));
        assert.match(await machine.kubectl("get", "namespace", "kept"), /Active/);
    });

    it("is not silently made anew when all of it was deleted behind Pulumi's back", async () => {
        await docker(["rm", "--force", node]);
        const { volumes } = await belongings(clusterName);
        await ok(docker(["volume", "rm", ...volumes]));
        const { code, stderr } = await machine.main(["update"], machine.specification());
        assert.equal(code, 1);
        assert.match(stderr, /deleted behind Pulumi's back.*Lost.*npm run up -- --rebuild/s);
    });

    it("leaves nothing when it goes, and goes when there is nothing", async () => {
        await ok(machine.main(["destroy", clusterName]));
        assert.deepEqual(await belongings(clusterName), { containers: [], volumes: [], networks: [] });
        assert.deepEqual(
            fs.readdirSync(path.join(machine.state, "machines")).filter((name) => name.startsWith(clusterName)),
            [],
        );
        await ok(machine.main(["destroy", clusterName]));
    });

    it("goes from this machine's notes although Docker does not answer, and is forgotten by Docker later", async () => {
        fs.mkdirSync(path.join(machine.state, "machines", clusterName), { recursive: true });
        fs.writeFileSync(path.join(machine.state, "machines", clusterName, "state.json"), '{"provider":"docker"}');
        await ok(docker(["volume", "create", "--label", `nta.cluster=${clusterName}`, `${node}-etcd`]));
        const { stderr } = await ok(
            machine.main(["destroy", clusterName], "", { env: { DOCKER_HOST: "unix:///nowhere/docker.sock" } }),
        );
        assert.match(stderr, /warning: the Docker engine does not answer/);
        assert.ok(!fs.existsSync(path.join(machine.state, "machines", clusterName)));
        await ok(machine.main(["destroy", clusterName]));
        assert.deepEqual((await belongings(clusterName)).volumes, []);
    });
});
