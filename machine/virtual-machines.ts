import * as fs from "node:fs";
import { checkCapacity } from "./capacity";
import { MachineError } from "./errors";
import type { MachineFolder } from "./folder";
import type { ExecuteOptions, Nodes } from "./nodes";
import { checkPorts } from "./ports";
import type { Result } from "./process";
import type { Progress } from "./progress";
import { nodeImage } from "./provider";
import { writeSeedDisk } from "./seed";
import type { MachineSpec } from "./spec";
import { executeInMachine, vagrant, vagrantUp } from "./vagrant";
import { VagrantSpec, writeVagrantfile } from "./vagrantfile";

/** Nodes as virtual machines, made by Vagrant's libvirt or virtualbox provider from a box of the node image. */
export class VirtualMachines implements Nodes {
    constructor(
        private readonly provider: "libvirt" | "virtualbox",
        private readonly spec: MachineSpec,
        private readonly folder: MachineFolder,
        private readonly progress: Progress,
    ) {}

    async converge(): Promise<Map<string, Date>> {
        const { spec, folder, progress, provider } = this;
        const states = await this.states();
        const missing = spec.nodes.filter((node) => (states.get(node.name) ?? "not_created") === "not_created").length;
        const allRun = spec.nodes.every((node) => states.get(node.name) === "running");
        if (!allRun) {
            await checkPorts(spec.hostAddress, spec.ports, []);
        }
        if (missing > 0) {
            checkCapacity(spec, missing, folder.path);
        }
        const images = nodeImage();
        const boxUrl = provider === "libvirt" ? images.libvirtBox : images.virtualboxBox;
        const nodes: VagrantSpec["nodes"] = [];
        for (const [index, node] of spec.nodes.entries()) {
            const iso = await writeSeedDisk(folder, node);
            nodes.push({ name: node.name, ports: index === 0 ? spec.ports : [], iso });
        }
        const before = folder.read("machine.json");
        // Those to be removed stay known to Vagrant until then.
        const others = this.known().filter((node) => !spec.nodes.some(({ name }) => name === node.name));
        writeVagrantfile(folder, {
            provider,
            clusterName: spec.clusterName,
            hostAddress: spec.hostAddress,
            box: "nta-node",
            boxUrl,
            cpus: spec.cpus,
            memory: spec.memory,
            disk: spec.disk,
            driver: fs.existsSync("/dev/kvm") ? "kvm" : "qemu",
            nodes: [...nodes, ...others],
        });
        const changed = before !== undefined && before !== folder.read("machine.json");
        const since = (date: Date) => new Map(spec.nodes.map(({ name }) => [name, date]));
        const started = since(new Date());
        if (changed && missing === 0) {
            progress.step("vagrant reload: applying changed settings");
            const result = await vagrant(folder, ["reload", "--no-color"]);
            if (result.code !== 0) {
                throw new MachineError(`vagrant reload failed:\n${result.stderr.trim()}`);
            }
            return started;
        }
        if (!allRun) {
            progress.step("vagrant up: starting the machine");
            await vagrantUp(folder, provider, (line) => progress.note(line));
            return started;
        }
        return since(new Date(0));
    }

    /** Vagrant's word for each machine's state. */
    private async states(): Promise<Map<string, string>> {
        const states = new Map<string, string>();
        if (this.folder.read("machine.json") !== undefined) {
            const { stdout } = await vagrant(this.folder, ["status", "--machine-readable"]);
            for (const line of stdout.split("\n")) {
                const [, node, type, state] = line.trim().split(",");
                if (type === "state") {
                    states.set(node, state);
                }
            }
        }
        return states;
    }

    /** What machine.json says of the machines that Vagrant knows. */
    private known(): VagrantSpec["nodes"] {
        const text = this.folder.read("machine.json");
        return text === undefined ? [] : (JSON.parse(text) as VagrantSpec).nodes;
    }

    surplus(): Promise<string[]> {
        const names = this.spec.nodes.map((node) => node.name);
        return Promise.resolve(this.known().flatMap(({ name }) => (names.includes(name) ? [] : [name])));
    }

    async remove(node: string): Promise<void> {
        const { code, stderr } = await vagrant(this.folder, ["destroy", "--force", "--no-color", node]);
        if (code !== 0) {
            throw new MachineError(`vagrant destroy ${node} failed:\n${stderr.trim()}`);
        }
        const spec = JSON.parse(this.folder.read("machine.json") ?? "{}") as VagrantSpec;
        writeVagrantfile(this.folder, { ...spec, nodes: spec.nodes.filter(({ name }) => name !== node) });
    }

    execute(node: string, script: string, options?: ExecuteOptions): Promise<Result> {
        return executeInMachine(this.folder, node, script, options);
    }

    async failure(node: string): Promise<string | undefined> {
        const state = (await this.states()).get(node);
        return state === undefined || state === "running" ? undefined : `the machine ${node} is ${state}`;
    }
}
