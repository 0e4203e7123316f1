import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

import { stringify } from "yaml";

import { endpointSpec, machineSpec, specText } from "../../components/cluster/specification";
import { belongings, docker, dockerProblem } from "../../machine/docker";
import { Result, run } from "../../machine/process";
import { nodeImage } from "../../machine/provider";

const root = path.join(__dirname, "../..");
const clusterName = `nta-mtest-${process.pid}`;
const node = `${clusterName}-1`;

async function freePorts(count: number): Promise<number[]> {
    const servers = await Promise.all(
        Array.from({ length: count }, () => {
            const server = net.createServer();
            return new Promise<net.Server>((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
        }),
    );
    const ports = servers.map((server) => (server.address() as net.AddressInfo).port);
    await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    return ports;
}

describe("a real machine", function () {
    this.timeout(600_000);

    let state: string;
    let apiPort: number;
    let registryPort: number;

    async function machine(args: string[], input = ""): Promise<Result> {
        return run("node", ["--require", "ts-node/register/transpile-only", "machine/main.ts", ...args], {
            cwd: root,
            env: { ...process.env, NTA_STATE: state },
            input,
        });
    }

    function specification(change: { memory?: number; apiPort?: number } = {}): string {
        return specText(
            machineSpec({
                clusterName,
                provider: "docker",
                nodes: 1,
                cpus: 2,
                memory: 2048,
                disk: 2,
                apiPort,
                registryPort,
                forwardedPorts: [],
                hostAddress: "127.0.0.1",
                volumes: ["data"],
                ...change,
            }),
        );
    }

    async function ok(result: Promise<Result>): Promise<Result> {
        const { code, stdout, stderr } = await result;
        assert.equal(code, 0, stdout + stderr);
        return { code, stdout, stderr };
    }

    async function inNode(script: string): Promise<Result> {
        return docker(["exec", node, "sh", "-c", script]);
    }

    async function kubectl(...args: string[]): Promise<string> {
        return (await ok(docker(["exec", node, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", ...args])))
            .stdout;
    }

    before(async () => {
        assert.equal(await dockerProblem(), undefined);
        assert.ok(nodeImage().dockerImage, "the node image has been built");
        state = fs.mkdtempSync(path.join(os.tmpdir(), "nta-machine-"));
        [apiPort, registryPort] = await freePorts(2);
    });

    after(async () => {
        await machine(["destroy", clusterName]);
        fs.rmSync(state, { recursive: true, force: true });
    });

    it("says which port is taken, by whom and which setting moves it, and makes nothing", async () => {
        const server = net.createServer();
        await new Promise<void>((resolve) => server.listen(apiPort, "127.0.0.1", resolve));
        try {
            const { code, stderr } = await machine(["up"], specification());
            assert.equal(code, 1);
            assert.match(stderr, new RegExp(`port ${apiPort} .*process ${process.pid} .*nta:apiPort`));
            assert.deepEqual(await belongings(clusterName), { containers: [], volumes: [], networks: [] });
        } finally {
            await new Promise((resolve) => server.close(resolve));
        }
    });

    it("comes up although an earlier run was killed in its middle", async () => {
        const { code } = await run("node", ["--require", "ts-node/register/transpile-only", "machine/main.ts", "up"], {
            cwd: root,
            env: { ...process.env, NTA_STATE: state },
            input: specification(),
            timeoutMilliseconds: 6000, // SIGKILL
        });
        assert.equal(code, 124);
        await ok(machine(["up"], specification()));
        assert.match(await kubectl("get", "nodes"), new RegExp(`^${node} +Ready `, "m"));
        const { stdout } = await inNode("systemctl is-failed --quiet '*' && systemctl --failed --no-legend; true");
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
        const deadline = Date.now() + 60_000;
        let missing = names;
        while (missing.length > 0 && Date.now() < deadline) {
            const pods = await kubectl("get", "pods", "-A");
            missing = names.filter((name) => !new RegExp(` ${name}\\S* +1/1 +Running `).test(pods));
        }
        assert.deepEqual(missing, []);
        assert.match(await kubectl("get", "service", "kubernetes"), / 10\.100\.0\.1 /);
        assert.equal(
            await kubectl("get", "node", node, "-o", "jsonpath={.spec.podCIDR}{.spec.taints}"),
            "10.244.0.0/24",
        );
        assert.doesNotMatch(
            await kubectl("get", "node", node, "--show-labels"),
            /exclude-from-external-load-balancers/,
        );
        const registry = await fetch(`http://127.0.0.1:${registryPort}/v2/`);
        assert.equal(registry.status, 200);
    });

    it("rejects what nobody translates of the service and pod ranges, also before kubelet runs", async () => {
        for (const address of ["10.100.200.200", "10.244.200.200"]) {
            const { code, stderr } = await inNode(`timeout 5 bash -c '</dev/tcp/${address}/443'`);
            assert.notEqual(code, 0);
            assert.match(stderr, /refused/, address);
        }
        assert.equal((await inNode("timeout 5 bash -c '</dev/tcp/10.100.0.1/443'")).code, 0, "translated packets pass");
        const { stdout } = await inNode("systemctl show kubelet --property After --property Requires");
        assert.equal(stdout.match(/nta-prepare\.service/g)?.length, 2, stdout);
    });

    it("has nothing to do a second time", async () => {
        const started = Date.now();
        const { stderr } = await ok(machine(["up"], specification()));
        assert.doesNotMatch(stderr, /vagrant/);
        assert.ok(Date.now() - started < 20_000);
    });

    it("gives a kubeconfig that works from here", async () => {
        const spec = stringify(endpointSpec({ clusterName, apiPort, hostAddress: "127.0.0.1" }));
        const { stdout } = await ok(machine(["kubeconfig"], spec));
        assert.match(stdout, new RegExp(`current-context: ${clusterName}\n`));
        assert.match(stdout, new RegExp(`server: https://127.0.0.1:${apiPort}\n`));
    });

    it("takes other sizes in place and other ports with its data", async () => {
        await kubectl("create", "namespace", "kept");
        const before = (await docker(["inspect", "--format", "{{.Id}}", node])).stdout;
        await ok(machine(["update"], specification({ memory: 2560 })));
        assert.equal(
            (await docker(["inspect", "--format", "{{.Id}} {{.HostConfig.Memory}}", node])).stdout,
            `${before.trim()} ${2560 * 2 ** 20}\n`,
        );
        [apiPort] = await freePorts(1);
        await ok(machine(["update"], specification({ memory: 2560 })));
        assert.notEqual((await docker(["inspect", "--format", "{{.Id}}", node])).stdout, before);
        assert.match(await kubectl("get", "namespace", "kept"), /Active/);
    });

    it("comes back by itself after a restart", async () => {
        await ok(docker(["restart", "--time", "60", node]));
        await ok(machine(["up"], specification({ memory: 2560 })));
        assert.match(await kubectl("get", "namespace", "kept"), /Active/);
    });

    it("is not silently made anew when all of it was deleted behind Pulumi's back", async () => {
        await docker(["rm", "--force", node]);
        const { volumes } = await belongings(clusterName);
        await ok(docker(["volume", "rm", ...volumes]));
        const { code, stderr } = await machine(["update"], specification({ memory: 2560 }));
        assert.equal(code, 1);
        assert.match(stderr, /deleted behind Pulumi's back.*pulumi destroy/s);
    });

    it("leaves nothing when it goes, and goes when there is nothing", async () => {
        await ok(machine(["destroy", clusterName]));
        assert.deepEqual(await belongings(clusterName), { containers: [], volumes: [], networks: [] });
        assert.deepEqual(
            fs.readdirSync(path.join(state, "machines")).filter((name) => name.startsWith(clusterName)),
            [],
        );
        await ok(machine(["destroy", clusterName]));
    });

    it("goes from this machine's notes although Docker does not answer, and is forgotten by Docker later", async () => {
        fs.mkdirSync(path.join(state, "machines", clusterName), { recursive: true });
        fs.writeFileSync(path.join(state, "machines", clusterName, "state.json"), '{"provider":"docker"}');
        await ok(docker(["volume", "create", "--label", `nta.cluster=${clusterName}`, `${node}-etcd`]));
        const { stderr } = await ok(
            run("node", ["--require", "ts-node/register/transpile-only", "machine/main.ts", "destroy", clusterName], {
                cwd: root,
                env: { ...process.env, NTA_STATE: state, DOCKER_HOST: "unix:///nowhere/docker.sock" },
            }),
        );
        assert.match(stderr, /warning: the Docker engine does not answer/);
        assert.ok(!fs.existsSync(path.join(state, "machines", clusterName)));
        await ok(machine(["destroy", clusterName]));
        assert.deepEqual((await belongings(clusterName)).volumes, []);
    });
});
