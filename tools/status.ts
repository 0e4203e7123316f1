import { withCluster } from "../operations/cluster";
import { readOptions } from "../operations/options";
import { gatherStatus } from "../operations/status/gather";
import type { StatusReport } from "../operations/status/report";
import { coloured, statusText } from "../operations/status/text";
import { ApiError, UnreachableError } from "../plugins/kubernetes/api-errors";
import { sleep } from "../plugins/kubernetes/sleep";
import { runMain } from "./problem";

const usage = "npm run status -- [--watch] [--json]";
const watchMilliseconds = 2000;

/** The report for whoever reads standard output. With `watch`, JSON has a line of its own for each report. */
function show(report: StatusReport, json: boolean, watch: boolean): void {
    if (json) {
        console.log(JSON.stringify(report, null, watch ? undefined : 4));
        return;
    }
    const lines = statusText(report);
    const terminal = process.stdout.isTTY === true;
    const text = (terminal ? coloured(lines) : lines).join("\n");
    console.log(watch && terminal ? `\u001b[H\u001b[2J${text}` : text);
}

runMain(() =>
    withCluster(async (cluster) => {
        const { values } = readOptions(usage, {
            watch: { type: "boolean", short: "w", default: false },
            json: { type: "boolean", default: false },
        });
        show(await gatherStatus(cluster), values.json, values.watch);
        while (values.watch) {
            await sleep(watchMilliseconds);
            try {
                show(await gatherStatus(cluster), values.json, true);
            } catch (error) {
                if (!(error instanceof UnreachableError || error instanceof ApiError)) {
                    throw error;
                }
                // The machine may be restarting: what is there to see comes back.
                process.stderr.write(`${new Date().toISOString().slice(0, 19)}Z ${error.message}\n`);
            }
        }
    }),
);
