import { runMain } from "./problem";
import { runPulumi } from "./pulumi-run";
import { onStack } from "./stack-command";

runMain(() =>
    onStack("preview", (tools, session) => {
        console.log("");
        return runPulumi(tools.pulumi, session, ["preview", ...process.argv.slice(2)]);
    }),
);
