import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

import { MachineFolder } from "../../machine/folder";
import { Progress } from "../../machine/progress";
import type { MachineSpec } from "../../machine/spec";
import { VirtualMachines } from "../../machine/virtual-machines";
import { setVariables } from "../environment";
import { machineSpec } from "./machine-spec";

describe("virtual machines", () => {
    let directory: string;
    let folder: MachineFolder;
    /** Listens on {@link port}, as what forwards it does. */
    let listener: net.Server;
    let port: number;
    let restore: () => void;

    const program = (name: string, script: string) =>
        fs.writeFileSync(path.join(directory, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

    const listen = () =>
        new Promise<net.Server>((resolve) => {
            const server = net.createServer().listen(0, "127.0.0.1", () => resolve(server));
        });
    const portOf = (server: net.Server) => (server.address() as net.AddressInfo).port;
    const close = (server: net.Server) => new Promise((resolve) => server.close(resolve));

    beforeEach(async () => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-virtual-machines-"));
        restore = setVariables({ NTA_STATE: directory, PATH: `${directory}:${process.env.PATH}` });
        program("docker", "exit 0");
        program("genisoimage", 'while [ "$1" != -output ]; do shift; done; echo seed >"$2"');
        program("vagrant", `case $1 in status) cat ${directory}/states ;; *) echo "$*" >>${directory}/done ;; esac`);
        folder = new MachineFolder("nta-test");
        folder.remember({ provider: "virtualbox", image: "/boxes/nta-node.box" });
        listener = await listen();
        port = portOf(listener);
    });
    afterEach(async () => {
        await close(listener);
        fs.rmSync(directory, { recursive: true });
        restore();
    });

    const spec = (nodes: number, change: Partial<MachineSpec> = {}) =>
        machineSpec({ memory: 1, apiPort: port, ports: [{ name: "api", host: port, guest: 6443 }], ...change }, nodes);

    /** What Vagrant is asked to do, and which machines count as running since before. */
    async function converge(wanted: MachineSpec, states: Record<string, string>) {
        const lines = Object.entries(states).map(([name, state]) => `1,${name},state,${state}\n`);
        fs.writeFileSync(path.join(directory, "states"), lines.join(""));
        const done = path.join(directory, "done");
        fs.rmSync(done, { force: true });
        const progress = new Progress("nta-test", () => undefined);
        try {
            const starts = await new VirtualMachines("virtualbox", wanted, folder, progress).converge();
            return {
                done: fs.existsSync(done) ? fs.readFileSync(done, "utf8").trim().split("\n") : [],
                stay: [...starts].flatMap(([name, since]) => (since.getTime() === 0 ? [name] : [])),
            };
        } finally {
            progress.end();
        }
    }

    /** Lets there be machines, as Vagrant was told of them. */
    async function made(wanted: MachineSpec): Promise<void> {
        await close(listener);
        await converge(wanted, {});
        listener = await new Promise<net.Server>((resolve) => {
            const server = net.createServer().listen(port, "127.0.0.1", () => resolve(server));
        });
    }

    const up = "up --provider=virtualbox --no-color";

    it("are left alone when all run as they should", async () => {
        await made(spec(1));
        assert.deepEqual(await converge(spec(1), { "nta-test-1": "running" }), { done: [], stay: ["nta-test-1"] });
    });

    it("get another one while the first runs, whose ports are its own", async () => {
        await made(spec(1));
        assert.deepEqual(await converge(spec(2), { "nta-test-1": "running" }), { done: [up], stay: ["nta-test-1"] });
    });

    it("are not started while somebody else has a port of theirs", async () => {
        await assert.rejects(
            converge(spec(1), {}),
            new RegExp(`port ${port} of this machine \\(api\\) is taken by process`),
        );
        await made(spec(1));
        await assert.rejects(converge(spec(1), { "nta-test-1": "poweroff" }), /is taken by process/);
    });

    it("are not restarted for a port that somebody else has", async () => {
        await made(spec(1));
        const other = await listen();
        try {
            const registry = { name: "registry", host: portOf(other), guest: 5000 };
            const wanted = spec(1, { ports: [...spec(1).ports, registry] });
            await assert.rejects(
                converge(wanted, { "nta-test-1": "running" }),
                new RegExp(
                    `port ${registry.host} of this machine \\(registry\\) is taken by process .*nta:registryPort`,
                ),
            );
        } finally {
            await close(other);
        }
    });

    it("are restarted for other settings, and where forwarded ports are gone", async () => {
        await made(spec(2));
        const states = { "nta-test-1": "running", "nta-test-2": "running" };
        assert.deepEqual(await converge(spec(2, { memory: 2 }), states), {
            done: ["reload --no-color nta-test-1 nta-test-2"],
            stay: [],
        });
        await close(listener);
        assert.deepEqual(await converge(spec(2, { memory: 2 }), { ...states, "nta-test-2": "poweroff" }), {
            done: ["reload --no-color nta-test-1", up],
            stay: [],
        });
        listener = await listen();
    });

    it("are not made anew when the first is gone with its disk", async () => {
        await made(spec(1));
        folder.remember({ healthyOnce: true });
        await assert.rejects(converge(spec(1), {}), /nta-test-1/);
        assert.ok(folder.read("machine.json") !== undefined);
    });
});
