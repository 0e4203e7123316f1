import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { parse, stringify } from "yaml";
import { MachineError } from "./errors";
import { type MachineSpec, parseMachineSpec } from "./spec";

const specificationFile = "specification.yaml";

function xdg(variable: string, fallback: string): string {
    const value = process.env[variable];
    return path.join(value !== undefined && value !== "" ? value : path.join(os.homedir(), fallback), "nta");
}

/** Where downloads and builds are kept. */
export function cacheDirectory(): string {
    return process.env.NTA_CACHE ?? xdg("XDG_CACHE_HOME", ".cache");
}

/** Where machines are kept. */
export function stateDirectory(): string {
    return process.env.NTA_STATE ?? xdg("XDG_STATE_HOME", ".local/state");
}

/** What is known of a cluster's machines beside their specification. */
export interface MachineState {
    /** The provider they were made with. */
    provider?: "docker" | "libvirt" | "virtualbox";
    /** What they were made from, which stays theirs: on Docker an image, else the path of a box. */
    image?: string;
    /** Docker: the network's range, e.g. "172.18.0.0/16"; nodes have fixed addresses in it, in their order. */
    subnet?: string;
    /** Docker: whether `--privileged` is allowed here. */
    privileged?: boolean;
    /** The cluster was healthy once, so its volumes hold something to keep. */
    healthyOnce?: boolean;
    /** How often machines were mended; see plan.ts. */
    repairs?: number;
    /** A run is at work on the machines, or was killed while it was. */
    unfinished?: boolean;
}

/** The folder of one cluster's machines: Vagrantfile, machine.json, seed/, .vagrant/, specification.yaml, state.json. */
export class MachineFolder {
    readonly path: string;
    readonly lockFile: string;
    private readonly leftoversFile: string;

    constructor(readonly clusterName: string) {
        const machines = path.join(stateDirectory(), "machines");
        this.path = path.join(machines, clusterName);
        // Beside the folder, because they outlive it.
        this.lockFile = path.join(machines, `${clusterName}.lock`);
        this.leftoversFile = path.join(machines, `${clusterName}.leftovers`);
    }

    file(...names: string[]): string {
        return path.join(this.path, ...names);
    }

    exists(): boolean {
        return fs.existsSync(this.path);
    }

    create(): void {
        fs.mkdirSync(this.path, { recursive: true, mode: 0o700 });
    }

    remove(): void {
        fs.rmSync(this.path, { recursive: true, force: true });
    }

    /** Writes a file in one step; true when its content is new. */
    write(name: string, content: string): boolean {
        const file = this.file(name);
        if (fs.existsSync(file) && fs.readFileSync(file, "utf8") === content) {
            return false;
        }
        fs.mkdirSync(path.dirname(file), { recursive: true, mode: 0o700 });
        fs.writeFileSync(`${file}.new`, content, { mode: 0o600 });
        fs.renameSync(`${file}.new`, file);
        return true;
    }

    read(name: string): string | undefined {
        try {
            return fs.readFileSync(this.file(name), "utf8");
        } catch {
            return undefined;
        }
    }

    get state(): MachineState {
        const text = this.read("state.json");
        try {
            return text === undefined ? {} : (JSON.parse(text) as MachineState);
        } catch {
            throw new MachineError(`${this.file("state.json")} is damaged: remove it and run again`);
        }
    }

    remember(change: MachineState): void {
        this.create();
        this.write("state.json", JSON.stringify({ ...this.state, ...change }, null, 4) + "\n");
    }

    /** The specification that the machines were last made to fit, if there is one. */
    get specification(): MachineSpec | undefined {
        const text = this.read(specificationFile);
        try {
            return text === undefined ? undefined : parseMachineSpec(parse(text));
        } catch {
            return undefined; // damaged, or another version's: the next `up` writes it anew
        }
    }

    set specification(spec: MachineSpec) {
        this.write(specificationFile, stringify(spec, { lineWidth: 0 }));
    }

    get hasLeftovers(): boolean {
        return fs.existsSync(this.leftoversFile);
    }

    set hasLeftovers(value: boolean) {
        if (value) {
            fs.mkdirSync(path.dirname(this.leftoversFile), { recursive: true, mode: 0o700 });
            fs.writeFileSync(this.leftoversFile, "");
        } else {
            fs.rmSync(this.leftoversFile, { force: true });
        }
    }
}
