import * as docker from "./docker";
import type { MachineFolder } from "./folder";
import type { ExecuteOptions } from "./nodes";
import type { Result } from "./process";
import { executeInMachine } from "./ssh";

/** Runs a shell script as root on a machine that `up` has made, whichever provider it was made with. */
export function execute(
    folder: MachineFolder,
    node: string,
    script: string,
    options: ExecuteOptions = { timeoutSeconds: 60 },
): Promise<Result> {
    const { provider } = folder.state;
    return provider === "libvirt" || provider === "virtualbox"
        ? executeInMachine(folder, node, script, options)
        : docker.execute(node, script, options);
}
