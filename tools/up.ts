import { relative } from "node:path";
import { readSettings } from "./checks";
import { root } from "./directories";
import { runMain } from "./problem";
import { formatDuration } from "./progress";
import { runPulumi, writeKubeconfig } from "./pulumi-run";
import { onStack } from "./stack-command";
import { project } from "./stack";

/** What a user wants to know when everything runs. */
export async function summary(stack: string, took: number, kubeconfig: boolean): Promise<string> {
    const read = await readSettings(stack);
    const lines = [`Done in ${formatDuration(took)}: the stack ${stack} is up.`, ""];
    if ("settings" in read) {
        const { settings } = read;
        const host = settings.hostAddress === "0.0.0.0" ? "127.0.0.1" : settings.hostAddress;
        const https = settings.taurus.httpsPort === 443 ? host : `${host}:${settings.taurus.httpsPort}`;
        const rows: [string, string][] = [
            ["cluster", `${project}-${stack}, API server https://${host}:${settings.apiPort}`],
            ["registry", settings.registry ?? `localhost:${settings.registryPort}`],
        ];
        if (settings.taurus.expose) {
            rows.push(
                ["Taurus", `https://${https}`],
                ["supervisor", `http://${host}:${settings.taurus.supervisorPort}`],
                ["metrics", `${host}:${settings.taurus.metricsPort} (plaintext protocol)`],
            );
        }
        if (settings.support.rabbitmq.expose) {
            rows.push(["RabbitMQ", `http://${host}:${settings.support.rabbitmq.managementPort}`]);
        }
        lines.push(...rows.map(([name, value]) => `  ${name.padEnd(12)}${value}`), "");
    }
    const folder = relative(process.env.NTA_WORKING_DIRECTORY ?? root, root);
    const env = folder === "" ? "env" : `${folder}/env`;
    lines.push(
        "To look:      " + `source ${env}${kubeconfig ? " && kubectl get nodes && kubectl get pods -A" : ""}`,
        "To go on:     pulumi config set …, pulumi preview --diff, pulumi up; vagrant status",
        "To end:       npm run destroy",
    );
    return lines.join("\n");
}

runMain(async () => {
    const started = Date.now();
    const args = process.argv.slice(2);
    return onStack("up", async (tools, session) => {
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
        console.log(`\n${await summary(session.name, Date.now() - started, kubeconfig)}`);
        return 0;
    });
});
