import type { Readable } from "node:stream";
import type { Result } from "./process";

export interface ExecuteOptions {
    /** What the script reads on its standard input; for what must not stand on a command line. */
    input?: string | Readable;
    timeoutSeconds?: number;
    /** Gets each line of both outputs as it comes. */
    onLine?: (line: string) => void;
}

/** The machines of one cluster under one Vagrant provider. */
export interface Nodes {
    /** How long to wait between two looks at them. */
    readonly pollMilliseconds: number;
    /** How many times as long as on a container a step may take before it counts as failed. */
    readonly patience: number;
    /**
     * Makes those that the specification names run as specified, whatever is there already. Gives the time since which each
     * runs, by its name; what kubelet reported before is old.
     */
    converge(): Promise<Map<string, Date>>;
    /** Waits for what {@link converge} began and the cluster does not wait for. */
    settled(): Promise<void>;
    /** Runs a shell script as root on one of them. */
    execute(node: string, script: string, options?: ExecuteOptions): Promise<Result>;
    /** Why a machine can't be waited for any more; undefined while it runs. */
    failure(node: string): Promise<string | undefined>;
    /** Stops all of them, with their data. */
    halt(): Promise<void>;
    /** Machines of the cluster that the specification does not name. */
    surplus(): Promise<string[]>;
    /** Removes a machine with all that is on it. */
    remove(node: string): Promise<void>;
}
