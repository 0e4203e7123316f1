import * as path from "node:path";
import { checkCapacity } from "./capacity";
import { firstMachineLost, MachineError } from "./errors";
import type { MachineFolder } from "./folder";
import {
    bootDisk,
    deleteVolume,
    domain,
    growDisk,
    hasVolume,
    kvmProblem,
    poolFolder,
    removeSeedDisk,
    uploadSeedDisk,
} from "./libvirt";
import { must } from "./membership";
import type { ExecuteOptions, Nodes } from "./nodes";
import { checkPorts, portHolder } from "./ports";
import type { Result } from "./process";
import type { Progress } from "./progress";
import { boxOf } from "./provider";
import { writeSeedDisk } from "./seed";
import type { MachineSpec } from "./spec";
import { executeInMachine } from "./ssh";
import { machineStates, setVagrantId, vagrant, vagrantUp } from "./vagrant";
import { changedMachines, type VagrantSpec, writeVagrantfile } from "./vagrantfile";

/** Nodes as virtual machines, made by Vagrant's libvirt or virtualbox provider from a box of the node image. */
export class VirtualMachines implements Nodes {
    /** Each look costs an emulated machine a good part of a second. */
    readonly pollMilliseconds = 5000;
    /** Processors may be emulated. */
    readonly patience = 4;

    constructor(
        private readonly provider: "libvirt" | "virtualbox",
        private readonly spec: MachineSpec,
        private readonly folder: MachineFolder,
        private readonly progress: Progress,
    ) {}

    async converge(): Promise<Map<string, Date>> {
        const { spec, folder, progress, provider } = this;
        if (provider === "libvirt") {
            await this.adopt();
        }
        const states = await machineStates(folder);
        const absent = spec.nodes.filter(({ name }) => (states.get(name) ?? "not_created") === "not_created");
        this.refuseToStartOver(absent.map(({ name }) => name));
        const running = spec.nodes.map(({ name }) => name).filter((name) => states.get(name) === "running");
        const allRun = running.length === spec.nodes.length;
        const first = spec.nodes[0].name;
        const firstRuns = running.includes(first);
        await checkPorts(spec.hostAddress, spec.ports, firstRuns ? this.forwarded(first) : []);
        if (absent.length > 0) {
            checkCapacity(spec, absent, provider === "libvirt" ? poolFolder : folder.path);
        }
        const changed = (await this.write()).filter((name) => running.includes(name));
        const lostPorts = firstRuns && !changed.includes(first) && (await this.portsAreGone());
        const reloaded = lostPorts ? [first, ...changed] : changed;

        const started = new Date();
        if (reloaded.length > 0) {
            const why = lostPorts ? `forwarded ports of ${first} are gone` : "applying changed settings";
            progress.step(`vagrant reload ${reloaded.join(" ")}: ${why}`);
            const result = await vagrant(folder, ["reload", "--no-color", ...reloaded]);
            if (result.code !== 0) {
                throw new MachineError(`vagrant reload failed:\n${result.stderr.trim()}`);
            }
        }
        if (!allRun) {
            progress.step("vagrant up: starting the machine");
            await vagrantUp(folder, provider, (line) => progress.note(line));
        }
        const stays = (name: string) => running.includes(name) && !reloaded.includes(name);
        return new Map(spec.nodes.map(({ name }) => [name, stays(name) ? new Date(0) : started]));
    }

    /** Writes what Vagrant and cloud-init read; gives the machines that have to be restarted for it. */
    private async write(): Promise<string[]> {
        const { spec, folder } = this;
        const documents = (name: string) => folder.read(`seed/${name}/meta-data`);
        const formerly = new Map(spec.nodes.map(({ name }) => [name, documents(name)]));
        const before = this.written();
        const after = await this.vagrantSpec();
        writeVagrantfile(folder, after);
        if (before === undefined) {
            return [];
        }
        const changed = changedMachines(before, after);
        return spec.nodes
            .map(({ name }) => name)
            .filter((name) => changed.includes(name) || formerly.get(name) !== documents(name));
    }

    /** Writes the seed disks as well. */
    private async vagrantSpec(): Promise<VagrantSpec> {
        const { spec, folder, provider } = this;
        // A box that was made later is for machines that are made later.
        const box = folder.state.image ?? boxOf(provider, spec.kubernetesVersion);
        folder.remember({ image: box });
        const nodes: VagrantSpec["nodes"] = [];
        for (const [index, node] of spec.nodes.entries()) {
            const disk = await writeSeedDisk(folder, node);
            const iso = provider === "libvirt" ? await uploadSeedDisk(node.name, disk) : disk;
            const { name, cpus, memory } = node;
            nodes.push({ name, ports: index === 0 ? spec.ports : [], iso, cpus, memory });
        }
        return {
            provider,
            clusterName: spec.clusterName,
            hostAddress: spec.hostAddress,
            box: path.basename(box, ".box"),
            boxUrl: box,
            cpus: spec.cpus,
            memory: spec.memory,
            disk: spec.disk,
            driver: provider === "libvirt" ? ((await kvmProblem()) === undefined ? "kvm" : "qemu") : undefined,
            // Those to be removed stay known to Vagrant until then.
            nodes: [
                ...nodes,
                ...(this.written()?.nodes ?? []).filter((node) => !spec.nodes.some(({ name }) => name === node.name)),
            ],
        };
    }

    /** What machine.json says. */
    private written(): VagrantSpec | undefined {
        const text = this.folder.read("machine.json");
        return text === undefined ? undefined : (JSON.parse(text) as VagrantSpec);
    }

    /** The ports of this machine that a running one has already, of which only the first has any. */
    private forwarded(name: string): number[] {
        const ports = this.written()?.nodes.find((node) => node.name === name)?.ports ?? [];
        return ports.map(({ host }) => host);
    }

    /** Gives machines larger disks while they run, and their file systems the room. */
    async settled(): Promise<void> {
        if (this.provider !== "libvirt") {
            return;
        }
        for (const { name } of this.spec.nodes) {
            if (await growDisk(name, this.spec.disk)) {
                this.progress.step(`${name}: growing its disk to ${this.spec.disk} GiB`);
            }
            // A run may have been killed between the two. growpart ends with 1 where the partition has its size already.
            const script = `growpart /dev/${bootDisk} 1 || [ $? -eq 1 ] && resize2fs /dev/${bootDisk}1`;
            await must(`growing the file system of ${name}`, this.execute(name, script));
        }
    }

    async halt(): Promise<void> {
        const { code, stderr } = await vagrant(this.folder, ["halt", "--no-color"]);
        if (code !== 0) {
            throw new MachineError(`vagrant halt failed:\n${stderr.trim()}`);
        }
    }

    surplus(): Promise<string[]> {
        const names = this.spec.nodes.map((node) => node.name);
        const known = this.written()?.nodes ?? [];
        return Promise.resolve(known.flatMap(({ name }) => (names.includes(name) ? [] : [name])));
    }

    async remove(node: string): Promise<void> {
        const { code, stderr } = await vagrant(this.folder, ["destroy", "--force", "--no-color", node]);
        if (code !== 0) {
            throw new MachineError(`vagrant destroy ${node} failed:\n${stderr.trim()}`);
        }
        if (this.provider === "libvirt") {
            await removeSeedDisk(node);
        }
        const spec = this.written();
        if (spec !== undefined) {
            writeVagrantfile(this.folder, { ...spec, nodes: spec.nodes.filter(({ name }) => name !== node) });
        }
    }

    /** Makes Vagrant know what a run that was killed had made already, and removes what is of no use. */
    private async adopt(): Promise<void> {
        for (const { name } of this.spec.nodes) {
            const found = await domain(name);
            if (found !== undefined && !found.description.includes(this.folder.path)) {
                throw new MachineError(
                    `libvirt has a machine called "${name}" that this project did not make: remove or rename it, or use ` +
                        "another stack name",
                );
            }
            setVagrantId(this.folder, name, "libvirt", found?.id);
            const disk = `${name}.img`;
            if (found === undefined && this.folder.state.healthyOnce !== true && (await hasVolume(disk))) {
                this.progress.step(`${name}: removing the disk of an interrupted creation`);
                await deleteVolume(disk);
            }
        }
    }

    private refuseToStartOver(absent: string[]): void {
        const first = this.spec.nodes[0].name;
        if (this.folder.state.healthyOnce === true && absent.includes(first)) {
            throw firstMachineLost(first);
        }
    }

    /** Forwarding is done by processes of this machine, which end with it or with the user's session. */
    private async portsAreGone(): Promise<boolean> {
        return (await portHolder(this.spec.hostAddress, this.spec.apiPort)) === undefined;
    }

    execute(node: string, script: string, options?: ExecuteOptions): Promise<Result> {
        return executeInMachine(this.folder, node, script, options);
    }

    async failure(node: string): Promise<string | undefined> {
        const state = (await machineStates(this.folder)).get(node);
        return state === undefined || state === "running" ? undefined : `the machine ${node} is ${state}`;
    }
}
