import * as fs from "node:fs";
import * as path from "node:path";
import type { MachineFolder } from "./folder";
import type { Provider } from "./provider";
import type { ForwardedPort } from "./spec";

/** machine.json: what the Vagrantfile reads. */
export interface VagrantSpec {
    provider: Provider;
    clusterName: string;
    hostAddress: string;
    /** Virtual machines: name and path of the box, size of each machine (MiB, GiB). */
    box?: string;
    boxUrl?: string;
    cpus?: number;
    memory?: number;
    disk?: number;
    /** libvirt: "qemu" where there is no hardware virtualization. */
    driver?: "kvm" | "qemu";
    nodes: {
        name: string;
        ports: ForwardedPort[];
        /** Docker. */
        image?: string;
        createArgs?: string[];
        volumes?: string[];
        /** Virtual machines: the cidata disk, and the size where it is not that of all. */
        iso?: string;
        cpus?: number;
        memory?: number;
    }[];
}

/** Puts the Vagrantfile and what it reads into the folder, where `vagrant` finds them with or without this checkout. */
export function writeVagrantfile(folder: MachineFolder, spec: VagrantSpec): void {
    folder.write("Vagrantfile", fs.readFileSync(path.join(__dirname, "Vagrantfile"), "utf8"));
    folder.write("machine.json", JSON.stringify(spec, null, 4) + "\n");
}

/**
 * Machines of which one specification says something else than the other; those that only one of them names are none, nor
 * those with another box or size of disk, which a machine gets when it is made.
 */
export function changedMachines(before: VagrantSpec, after: VagrantSpec): string[] {
    const madeFrom = { box: undefined, boxUrl: undefined, disk: undefined };
    const described = (spec: VagrantSpec) => {
        // As it is read back from its file, without what is undefined.
        const { nodes, ...all } = JSON.parse(JSON.stringify(spec)) as VagrantSpec;
        return new Map(nodes.map((node) => [node.name, JSON.stringify({ ...all, ...madeFrom, ...node })]));
    };
    const [former, present] = [described(before), described(after)];
    return [...present].flatMap(([name, text]) => (former.has(name) && former.get(name) !== text ? [name] : []));
}
