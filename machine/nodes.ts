import type { Result } from "./process";

/** The machines of one cluster under one Vagrant provider. */
export interface Nodes {
    /**
     * Makes them run as specified, whatever is there already. Gives the time since which they run; what kubelet reported
     * before is old.
     */
    converge(): Promise<Date>;
    /** Runs a shell script as root on one of them. */
    execute(node: string, script: string): Promise<Result>;
    /** Why a machine can't be waited for any more; undefined while it runs. */
    failure(node: string): Promise<string | undefined>;
}
