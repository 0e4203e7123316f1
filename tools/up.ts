import { relative } from "node:path";
import { root } from "./directories";
import { runMain } from "./problem";
import { formatDuration } from "./progress";
import { readOutputs, runPulumi, type StackOutputs, writeKubeconfig } from "./pulumi-run";
import { onStack } from "./stack-command";
import { destroyStack } from "./stack-destroy";

/** What a user wants to know when everything runs. */
export function summary(stack: string, took: number, kubeconfig: boolean, outputs: StackOutputs): string {
    const { kubernetes, ...addresses } = outputs.addresses ?? {};
    const rows = Object.entries({ kubernetes, registry: outputs.registry, ...addresses });
    const folder = relative(process.env.NTA_WORKING_DIRECTORY ?? root, root);
    const env = folder === "" ? "env" : `${folder}/env`;
    return [
        `Done in ${formatDuration(took)}: the stack ${stack} is up.`,
        "",
        ...rows.map(([name, value]) => `  ${name.padEnd(12)}${value ?? "none"}`),
        "",
        "To look:      " + `source ${env}${kubeconfig ? " && kubectl get nodes && kubectl get pods -A" : ""}`,
        "To go on:     pulumi config set …, pulumi preview --diff, pulumi up; vagrant status",
        "To end:       npm run destroy",
    ].join("\n");
}

runMain(async () => {
    const started = Date.now();
    const rebuild = process.argv.includes("--rebuild");
    const args = process.argv.slice(2).filter((arg) => arg !== "--rebuild");
    return onStack("up", async (tools, session) => {
        if (rebuild) {
            console.log(`\nRemoving what is left of the stack ${session.name}, to make it anew`);
            const code = await destroyStack(tools, session, ["--yes", "--skip-preview"]);
            if (code !== 0) {
                return code;
            }
        }
        console.log(`\npulumi up (stack ${session.name})`);
        const code = await runPulumi(tools.pulumi, session, ["up", "--yes", "--skip-preview", ...args]);
        if (code !== 0) {
            console.error(
                `\npulumi up ended with code ${code} after ${formatDuration(Date.now() - started)}. ` +
                    "What was made is kept: when the cause is mended, `npm run up` goes on from there.",
            );
            return code;
        }
        const kubeconfig = await writeKubeconfig(tools.pulumi, session);
        const outputs = await readOutputs(tools.pulumi, session);
        console.log(`\n${summary(session.name, Date.now() - started, kubeconfig, outputs)}`);
        return 0;
    });
});
