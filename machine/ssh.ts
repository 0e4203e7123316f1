import type { MachineFolder } from "./folder";
import type { ExecuteOptions } from "./nodes";
import { type Result, run } from "./process";
import { vagrant } from "./vagrant";

/** Machines of which this process has asked Vagrant how they are reached. */
const known = new Set<string>();

/**
 * Runs a shell script as root on a virtual machine, over SSH. Vagrant takes seconds for each command, and a new connection
 * costs an emulated machine about one: so Vagrant is asked once how the machine is reached, and connections are shared.
 */
export async function executeInMachine(
    folder: MachineFolder,
    node: string,
    script: string,
    { input, timeoutSeconds = 120, onLine }: ExecuteOptions = {},
): Promise<Result> {
    const configuration = `ssh/${node}`;
    if (!known.has(folder.file(configuration))) {
        const told = await vagrant(folder, ["ssh-config", node]);
        if (told.code !== 0) {
            return told;
        }
        folder.write(configuration, told.stdout);
        known.add(folder.file(configuration));
    }
    const options = [
        "BatchMode=yes",
        "ConnectTimeout=30",
        "ControlMaster=auto",
        "ControlPersist=20",
        // Relative to the folder, because the path of a socket may have 108 characters only.
        "ControlPath=ssh/%C",
    ];
    const result = await run(
        "ssh",
        [
            "-F",
            configuration,
            ...options.flatMap((option) => ["-o", option]),
            node,
            `sudo sh -c '${script.replaceAll("'", `'\\''`)}'`,
        ],
        { cwd: folder.path, input, timeoutMilliseconds: timeoutSeconds * 1000, onLine },
    );
    if (result.code === 255) {
        // No connection: the machine may have got another address.
        known.delete(folder.file(configuration));
    }
    return result;
}
