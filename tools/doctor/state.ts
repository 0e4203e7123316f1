import { shortPath } from "../directories";
import { presentHome } from "../present-stack";
import { Problem } from "../problem";
import { pulumiEnvironment } from "../pulumi-home";
import { checkPassphrase, checkpointFile, findLiveLock, readCheckpoint, readEngineLocks } from "../stack";
import type { CheckResult, Finding, Subject } from "./check";

/** Whether Pulumi's state can be read, its secrets opened, and no dead run's lock is in the way. */
export async function checkState({ stack }: Subject): Promise<CheckResult> {
    const home = presentHome();
    const folder = home.backendFolder;
    if (folder === undefined) {
        return { name: "state", found: "kept by the backend that you are logged in to", wrong: [] };
    }
    const name = "state";
    const file = checkpointFile(folder, stack);
    let checkpoint;
    try {
        checkpoint = await readCheckpoint(folder, stack);
    } catch (error) {
        if (!(error instanceof Problem)) {
            throw error;
        }
        return { name, found: shortPath(file), wrong: [{ wrong: error.message, mend: `cp ${file}.bak ${file}` }] };
    }
    if (checkpoint === undefined) {
        return { name, found: "none yet", wrong: [] };
    }
    const wrong: Finding[] = [];
    try {
        await checkPassphrase(pulumiEnvironment(home, stack), stack, checkpoint);
    } catch (error) {
        if (!(error instanceof Problem)) {
            throw error;
        }
        wrong.push({ wrong: error.message, mend: "PULUMI_CONFIG_PASSPHRASE_FILE=<file> npm run up" });
    }
    const locks = await readEngineLocks(folder, stack);
    const live = findLiveLock(locks);
    if (locks.length > 0 && live === undefined) {
        wrong.push({
            wrong: `a run that was ended left its lock (process ${locks[0].pid}, ${locks[0].timestamp})`,
            mend: `source env && pulumi cancel --yes --stack ${stack}`,
        });
    }
    const resources = checkpoint.resources?.length ?? 0;
    const busy = live === undefined ? "" : `, being worked on by process ${live.pid}`;
    return { name, found: `${resources} resources in ${shortPath(file)}${busy}`, wrong };
}
