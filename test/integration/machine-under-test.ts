import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { type MachineArgs, machineSpec, specText } from "../../components/cluster/specification";
import { docker, dockerProblem } from "../../machine/docker";
import { type Result, run, type RunOptions } from "../../machine/process";
import { nodeImage } from "../../machine/provider";
import { freePort } from "../free-port";

const root = path.join(__dirname, "../..");
const main = ["--require", "ts-node/register/transpile-only", "machine/main.ts"];

/** The result of a program that must succeed. */
export async function ok(result: Promise<Result>): Promise<Result> {
    const { code, stdout, stderr } = await result;
    assert.equal(code, 0, stdout + stderr);
    return { code, stdout, stderr };
}

/** A cluster of its own on Docker, with a state folder of its own, driven through machine/main.ts as the engine does. */
export class MachineUnderTest {
    readonly first: string;
    state = "";
    /** What the specification is made from; tests change it. */
    args: MachineArgs;

    constructor(readonly clusterName: string) {
        this.first = this.node(1);
        this.args = {
            clusterName,
            provider: "docker",
            nodes: 1,
            cpus: 2,
            memory: 2048,
            disk: 2,
            apiPort: 0,
            registryPort: 0,
            forwardedPorts: [],
            hostAddress: "127.0.0.1",
            podRange: "10.244.0.0/16",
            serviceRange: "10.100.0.0/16",
            volumes: ["data"],
        };
    }

    node(number: number): string {
        return `${this.clusterName}-${number}`;
    }

    async prepare(): Promise<void> {
        assert.equal(await dockerProblem(), undefined);
        assert.ok(nodeImage().dockerImage, "the node image has been built");
        this.state = fs.mkdtempSync(path.join(os.tmpdir(), "nta-machine-"));
        this.args = { ...this.args, apiPort: await freePort(), registryPort: await freePort() };
    }

    async remove(): Promise<void> {
        await this.main(["destroy", this.clusterName]);
        fs.rmSync(this.state, { recursive: true, force: true });
    }

    specification(change: Partial<MachineArgs> = {}): string {
        return specText(machineSpec({ ...this.args, ...change }));
    }

    /** Runs machine/main.ts; the timeout is a SIGKILL. */
    main(args: string[], input = "", change: Omit<RunOptions, "cwd" | "input"> = {}) {
        const env = { ...process.env, NTA_STATE: this.state, ...change.env };
        return run("node", [...main, ...args], { ...change, cwd: root, env, input });
    }

    inNode(script: string, node = this.first): Promise<Result> {
        return docker(["exec", node, "sh", "-c", script]);
    }

    async kubectl(...args: string[]): Promise<string> {
        const command = ["exec", this.first, "kubectl", "--kubeconfig", "/etc/kubernetes/admin.conf", ...args];
        return (await ok(docker(command))).stdout;
    }
}

/** Repeats a look until it gives something, or fails with the last error after some seconds. */
export async function eventually<T>(seconds: number, look: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
        try {
            return await look();
        } catch (error) {
            if (Date.now() > deadline) {
                throw error;
            }
            await new Promise((resolve) => setTimeout(resolve, 500));
        }
    }
}
