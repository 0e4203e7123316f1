import * as fs from "node:fs";
import { MachineError } from "./errors";
import type { MachineFolder } from "./folder";
import { run } from "./process";
import type { NodeSpec } from "./spec";

/** Writes a node's NoCloud documents into its seed folder and gives the folder. */
export function writeSeed(folder: MachineFolder, node: NodeSpec): string {
    folder.write(`seed/${node.name}/user-data`, node.userData);
    folder.write(`seed/${node.name}/meta-data`, node.metaData);
    folder.write(`seed/${node.name}/network-config`, node.networkConfig);
    return folder.file("seed", node.name);
}

/** Writes the same documents as a disk image with the label "cidata", and gives its path. */
export async function writeSeedDisk(folder: MachineFolder, node: NodeSpec): Promise<string> {
    const seed = writeSeed(folder, node);
    const disk = folder.file("seed", `${node.name}.iso`);
    for (const program of ["genisoimage", "mkisofs", "xorrisofs"]) {
        const result = await run(program, [
            "-quiet",
            "-output",
            `${disk}.new`,
            "-volid",
            "cidata",
            "-joliet",
            "-rock",
            seed,
        ]);
        if (result.code === 0) {
            fs.renameSync(`${disk}.new`, disk);
            return disk;
        }
        if (result.code !== 127) {
            throw new MachineError(`${program} failed: ${result.stderr.trim()}`);
        }
    }
    throw new MachineError(
        "virtual machines get their settings on a disk image: install genisoimage, mkisofs or xorriso",
    );
}
