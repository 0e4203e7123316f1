import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import { mock } from "node:test";

import { checkCapacity } from "../../machine/capacity";
import { containerPlan } from "../../machine/docker";
import { nodeAddress } from "../../machine/docker-network";
import { MachineFolder } from "../../machine/folder";
import { ApiServer, localAddress } from "../../machine/health";
import { checkPorts } from "../../machine/ports";
import { run } from "../../machine/process";
import { Progress } from "../../machine/progress";
import { parseClusterName, parseMachineSpec } from "../../machine/spec";
import { setVagrantId } from "../../machine/vagrant";
import { setVariables } from "../environment";
import { machineSpec } from "./machine-spec";

const container = {
    cluster: "nta-test",
    name: "nta-test-1",
    image: "nta-node:1",
    address: "172.18.0.2",
    privileged: true,
    cpus: 2,
    memory: 2048,
    seed: "/seed",
    ports: [{ name: "api", host: 6443, guest: 6443 }],
    hostAddress: "127.0.0.1",
};

describe("machine", () => {
    describe("specification", () => {
        it("is taken as it is when it is right", () => {
            assert.deepEqual(parseMachineSpec(machineSpec()), machineSpec());
        });

        it("of a time without a choice is of the version that there was", () => {
            const { kubernetesVersion, ...old } = machineSpec({ kubernetesVersion: "1.35.4" });
            assert.equal(kubernetesVersion, "1.35.4");
            assert.equal(parseMachineSpec(old).kubernetesVersion, "1.34.4");
        });

        it("reports every problem at once, by its name", () => {
            const wrong = { ...machineSpec(), provider: "hyperv", memory: 100, apiPort: 70000, nodes: [] };
            assert.throws(
                () => parseMachineSpec(wrong),
                (error: Error) =>
                    ["provider", "memory", "apiPort", "nodes"].every((name) => error.message.includes(`  ${name}: `)),
            );
        });

        it("refuses one port for two things", () => {
            const ports = [
                { name: "api", host: 6443, guest: 6443 },
                { name: "registry", host: 6443, guest: 5000 },
            ];
            assert.throws(
                () => parseMachineSpec(machineSpec({ ports })),
                /port 6443 .* twice, as "api" and as "registry"/,
            );
        });

        it("takes only cluster names that are safe in paths and commands", () => {
            assert.equal(parseClusterName({ clusterName: "nta-dev" }), "nta-dev");
            for (const clusterName of ["../x", "a b", "-a", "a-", "", "A", undefined]) {
                assert.throws(() => parseClusterName({ clusterName }), /clusterName/);
            }
        });
    });

    describe("container", () => {
        it("is planned anew for what can't be changed in it, not for its size or image", () => {
            const { config } = containerPlan(container);
            assert.equal(containerPlan({ ...container, cpus: 4, memory: 4096, image: "nta-node:2" }).config, config);
            for (const change of [
                { ports: [{ name: "api", host: 7443, guest: 6443 }] },
                { hostAddress: "0.0.0.0" },
                { privileged: false },
                { address: "172.18.0.3" },
            ]) {
                assert.notEqual(containerPlan({ ...container, ...change }).config, config, JSON.stringify(change));
            }
        });

        it("has all rights but one where --privileged is refused", () => {
            const { createArgs } = containerPlan({ ...container, privileged: false });
            assert.ok(!createArgs.includes("--privileged"));
            assert.equal(createArgs[createArgs.indexOf("--cap-drop") + 1], "SYS_RESOURCE");
            assert.ok(containerPlan(container).createArgs.includes("--privileged"));
        });

        it("keeps its data in volumes of its own and its documents read-only", () => {
            const { volumes } = containerPlan(container);
            assert.ok(volumes.includes("nta-test-1-etcd:/var/lib/etcd"));
            assert.ok(volumes.includes("nta-test-1-kubernetes:/etc/kubernetes"));
            assert.ok(volumes.includes("nta-test-1-nta:/var/lib/nta"));
            assert.ok(volumes.includes("/seed:/var/lib/cloud/seed/nocloud-net:ro"));
        });

        it("has the address of its place in the range", () => {
            assert.equal(nodeAddress("172.18.0.0/16", 0), "172.18.0.2");
            assert.equal(nodeAddress("10.1.255.0/24", 3), "10.1.255.5");
            assert.equal(nodeAddress("192.168.0.0/16", 254), "192.168.1.0");
            assert.throws(() => nodeAddress("192.168.0.0/29", 5), /has no address for machine 6.*nta:nodes/);
        });
    });

    describe("ports", () => {
        let server: net.Server;
        let port: number;

        beforeEach((done) => {
            server = net.createServer().listen(0, "127.0.0.1", () => {
                port = (server.address() as net.AddressInfo).port;
                done();
            });
        });
        afterEach((done) => void server.close(() => done()));

        it("that are taken are refused, with the holder and the setting that moves them", async () => {
            const taken = [{ name: "taurus-https", host: port, guest: 30443, setting: "taurus.httpsPort" }];
            await assert.rejects(
                () => checkPorts("127.0.0.1", taken, []),
                (error: Error) =>
                    error.message.includes(`port ${port} `) &&
                    error.message.includes(`process ${process.pid} (`) &&
                    error.message.includes("pulumi config set nta:taurus.httpsPort"),
            );
        });

        it("that are taken on one address are taken for all of them", async () => {
            await assert.rejects(
                () => checkPorts("0.0.0.0", [{ name: "api", host: port, guest: 1 }], []),
                /nta:apiPort/,
            );
        });

        it("that our own machine holds are fine, and free ones", async () => {
            await checkPorts("127.0.0.1", [{ name: "api", host: port, guest: 1 }], [port]);
            await new Promise((resolve) => server.close(resolve));
            await checkPorts("127.0.0.1", [{ name: "api", host: port, guest: 1 }], []);
            server.listen(0);
        });
    });

    describe("capacity", () => {
        it("that is missing is named with its setting", () => {
            const large = machineSpec({ memory: 2 ** 40, disk: 2 ** 40 });
            assert.throws(
                () => checkCapacity(large, large.nodes, "/"),
                (error: Error) => /nta:memory/.test(error.message) && /nta:disk/.test(error.message),
            );
            checkCapacity(large, [], "/");
        });
    });

    describe("folder", () => {
        let directory: string;
        let restore: () => void;

        beforeEach(() => {
            directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-folder-"));
            restore = setVariables({ NTA_STATE: directory });
        });
        afterEach(() => {
            fs.rmSync(directory, { recursive: true });
            restore();
        });

        it("remembers, says what is new, and says when its memory is damaged", () => {
            const folder = new MachineFolder("nta-test");
            folder.remember({ provider: "docker" });
            folder.remember({ image: "nta-node:1" });
            assert.deepEqual(folder.state, { provider: "docker", image: "nta-node:1" });
            assert.equal(folder.write("a", "1"), true);
            assert.equal(folder.write("a", "1"), false);
            assert.equal(fs.statSync(folder.file("a")).mode & 0o777, 0o600);
            folder.write("state.json", "{");
            assert.throws(() => folder.state, /state\.json is damaged: remove it/);
        });

        it("gives Vagrant the machine that exists and takes away one that does not", () => {
            const folder = new MachineFolder("nta-test");
            const id = folder.file(".vagrant/machines/nta-test-1/docker/id");
            setVagrantId(folder, "nta-test-1", "docker", "abc");
            assert.equal(fs.readFileSync(id, "utf8"), "abc");
            setVagrantId(folder, "nta-test-1", "docker", undefined);
            assert.ok(!fs.existsSync(id));
            setVagrantId(folder, "nta-test-1", "docker", undefined);
        });
    });

    it("makes a kubeconfig for this machine, with a context of the cluster's name", () => {
        const data = Buffer.from("x").toString("base64");
        const admin = JSON.stringify({
            clusters: [
                { name: "c", cluster: { "certificate-authority-data": data, server: "https://nta-test-1:6443" } },
            ],
            users: [{ name: "u", user: { "client-certificate-data": data, "client-key-data": data } }],
        });
        const api = new ApiServer(admin, localAddress("0.0.0.0"), 16443);
        const text = api.kubeconfig("nta-test");
        api.close();
        assert.match(text, /server: https:\/\/127\.0\.0\.1:16443\n/);
        assert.match(text, /^current-context: nta-test$/m);
    });

    it("is never silent for ten seconds, and for half a minute where a step takes more than one", () => {
        mock.timers.enable({ apis: ["Date", "setInterval"] });
        const pass = (seconds: number) => Array.from({ length: 2 * seconds }, () => mock.timers.tick(500));
        const lines: string[] = [];
        const progress = new Progress("nta-test", (line) => lines.push(line));
        progress.step("working");
        pass(150);
        progress.step("resting");
        pass(10);
        progress.end();
        mock.timers.reset();
        const still = (seconds: number) => `nta-test: still: working (${seconds} s)`;
        assert.deepEqual(lines, [
            "nta-test: working (0 s)",
            ...[8, 15, 23, 30, 38, 45, 53].map(still),
            ...[83, 113, 143].map(still),
            "nta-test: resting (150 s)",
            "nta-test: still: resting (158 s)",
        ]);
    });

    it("tells a missing program and one that takes too long from others", async () => {
        assert.equal((await run("nta-no-such-program", [])).code, 127);
        assert.equal((await run("sleep", ["5"], { timeoutMilliseconds: 100 })).code, 124);
        assert.equal((await run("sh", ["-c", "cat; exit 3"], { input: "in" })).code, 3);
    });

    it("does not take a program for slow because this process was busy when it ended", async () => {
        const ended = run("echo", ["done"], { timeoutMilliseconds: 200 });
        for (const until = Date.now() + 500; Date.now() < until;) {
            // The timer is due before the program's end is heard of.
        }
        assert.deepEqual(await ended, { code: 0, stdout: "done\n", stderr: "" });
    });
});
