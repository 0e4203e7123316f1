import { rm } from "node:fs/promises";
import { destroy as destroyMachines } from "../machine/destroy";
import { MachineFolder } from "../machine/folder";
import { clusterKindOf, type Tools } from "./gather";
import { kubeconfigFile, runPulumi } from "./pulumi-run";
import { project, type StackSession } from "./stack";

/** `pulumi destroy`, and what it does not see of the stack's machines. Gives the engine's exit code. */
export async function destroyStack(tools: Tools, session: StackSession, args: string[]): Promise<number> {
    const ownCluster = (await clusterKindOf(session.name)) === "vagrant";
    if (ownCluster) {
        // The machine may be gone already, and what was in it with it: that must not keep the rest from going. A cluster
        // that is not ours is only away, and would keep what was forgotten.
        session.env.PULUMI_K8S_DELETE_UNREACHABLE = "true";
    }
    const code = await runPulumi(tools.pulumi, session, ["destroy", ...args]);
    if (code !== 0) {
        return code;
    }
    await rm(kubeconfigFile(session.name), { force: true });
    // Machines whose first `up` failed or was killed are in no state of the engine's.
    const clusterName = `${project}-${session.name}`;
    if (ownCluster && new MachineFolder(clusterName).exists() && !(await session.hasResources())) {
        await destroyMachines(clusterName);
    }
    return 0;
}
