import { rm } from "node:fs/promises";
import { clusterKindOf } from "./gather";
import { runMain } from "./problem";
import { kubeconfigFile, runPulumi } from "./pulumi-run";
import { onStack } from "./stack-command";

runMain(() =>
    onStack("destroy", async (tools, session) => {
        if ((await clusterKindOf(session.name)) === "vagrant") {
            // The machine may be gone already, and what was in it with it: that must not keep the rest from going. A
            // cluster that is not ours is only away, and would keep what was forgotten.
            session.env.PULUMI_K8S_DELETE_UNREACHABLE = "true";
        }
        const args = process.argv.slice(2);
        const asks = process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.CI === undefined;
        const yes = asks || args.includes("--yes") || args.includes("-y") ? [] : ["--yes"];
        const preview = asks ? [] : ["--skip-preview"];
        console.log("");
        const code = await runPulumi(tools.pulumi, session, ["destroy", ...yes, ...preview, ...args]);
        if (code === 0) {
            await rm(kubeconfigFile(session.name), { force: true });
        } else {
            console.error(
                "\nWhat could not be removed is still in the stack: run `npm run destroy` again when the cause is mended.",
            );
        }
        return code;
    }),
);
