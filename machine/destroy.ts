import { dockerProblem, removeBelongings } from "./docker";
import { MachineError } from "./errors";
import { MachineFolder, MachineState } from "./folder";
import { removeSeedDisks } from "./libvirt";
import { locked } from "./lock";
import { Progress } from "./progress";
import { forgetInVagrantIndex, vagrant, waitForOrphan } from "./vagrant";

/** Removes all that belongs to the cluster's machines, in whatever state it is, and succeeds when there is nothing. */
export async function destroy(clusterName: string): Promise<void> {
    const folder = new MachineFolder(clusterName);
    const progress = new Progress(clusterName);
    try {
        await locked(folder, "destroy", progress, () => remove(folder, progress), true);
    } finally {
        progress.end();
    }
}

function knownState(folder: MachineFolder): MachineState {
    try {
        return folder.state;
    } catch {
        return {}; // damaged: it goes anyway
    }
}

async function remove(folder: MachineFolder, progress: Progress): Promise<void> {
    const { provider } = knownState(folder);
    await waitForOrphan(folder, (line) => progress.step(line), 10_000);
    if (provider === "libvirt" || provider === "virtualbox") {
        progress.step("vagrant destroy");
        const result = await vagrant(folder, ["destroy", "--force", "--no-color"]);
        if (result.code !== 0) {
            throw new MachineError(`vagrant destroy failed:\n${result.stderr.trim()}`);
        }
        if (provider === "libvirt") {
            await removeSeedDisks(folder.clusterName);
        }
    } else {
        await removeFromDocker(folder, provider !== undefined, progress);
    }
    forgetInVagrantIndex(folder);
    folder.remove();
    progress.note("nothing is left");
}

/** Straight to Docker, because Vagrant takes seconds to say the same and gives up when its notes do not fit. */
async function removeFromDocker(folder: MachineFolder, wasDocker: boolean, progress: Progress): Promise<void> {
    const problem = await dockerProblem();
    if (problem === undefined) {
        progress.step("removing containers, volumes and network");
        const count = await removeBelongings(folder.clusterName);
        folder.hasLeftovers = false;
        progress.note(count === 0 ? "Docker has nothing of it" : `removed ${count} things from Docker`);
    } else if (wasDocker || folder.hasLeftovers) {
        folder.hasLeftovers = true;
        progress.note(
            `warning: ${problem}. What Docker still has of this cluster goes with the next \`pulumi up\` of it, or once Docker ` +
                `answers: docker ps --all --filter label=nta.cluster=${folder.clusterName}`,
        );
    }
}
