import * as docker from "./docker";
import type { MachineFolder } from "./folder";
import type { Result } from "./process";
import { executeInMachine } from "./vagrant";

/** Runs a shell script as root on a machine that `up` has made, whichever provider it was made with. */
export function execute(folder: MachineFolder, node: string, script: string, timeoutSeconds = 60): Promise<Result> {
    const { provider } = folder.state;
    return provider === "libvirt" || provider === "virtualbox"
        ? executeInMachine(folder, node, script)
        : docker.execute(node, script, timeoutSeconds * 1000);
}
