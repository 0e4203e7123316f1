import { resolve } from "node:path";
import { openCluster, withCluster } from "../operations/cluster";
import { showLogs } from "../operations/debugging/logs";
import { readCandidates, workloadNames } from "../operations/debugging/workload";
import { Export } from "../operations/export/export";
import { readOptions } from "../operations/options";
import { shortPath } from "./directories";
import { presentStack } from "./present-stack";
import { Problem, runMain } from "./problem";
import { Progress } from "./progress";

const usage =
    "npm run logs -- NAME [-f] [--previous] [--tail LINES] [-n NAMESPACE] [-c CONTAINER]\n" +
    "       npm run logs -- --export FOLDER";

/** Writes everything into a folder, with or without a cluster that answers. */
async function exportAll(folder: string): Promise<void> {
    const directory = resolve(process.env.NTA_WORKING_DIRECTORY ?? ".", folder);
    let cluster: ReturnType<typeof openCluster> | undefined;
    let why = "";
    try {
        cluster = openCluster();
    } catch (error) {
        why = (error as Error).message;
    }
    try {
        const missing: string[] = [];
        await new Progress(1).step(
            "Export",
            async (report) => {
                const all = new Export(presentStack(), directory, cluster, report);
                if (why !== "") {
                    all.missing.push(why);
                }
                const files = await all.run();
                missing.push(...all.missing);
                return files;
            },
            (files) => `${files} files in ${shortPath(directory)}`,
        );
        for (const line of missing) {
            console.log(`  not there: ${line.split("\n")[0]}`);
        }
        console.log("Secrets are masked as far as they are known (README.txt there). Read before you hand it on.");
    } finally {
        cluster?.client.close();
    }
}

runMain(async () => {
    const { values, positionals } = readOptions(usage, {
        follow: { type: "boolean", short: "f", default: false },
        previous: { type: "boolean", short: "p", default: false },
        tail: { type: "string" },
        namespace: { type: "string", short: "n" },
        container: { type: "string", short: "c" },
        export: { type: "string" },
    });
    if (values.export !== undefined) {
        return exportAll(values.export);
    }
    const [name] = positionals;
    const tail = values.tail === undefined ? undefined : Number(values.tail);
    if (positionals.length > 1 || (tail !== undefined && !(Number.isInteger(tail) && tail >= 0))) {
        throw new Problem(`Usage: ${usage}`, 2);
    }
    return withCluster(async (cluster) => {
        if (name === undefined) {
            const names = workloadNames(await readCandidates(cluster, values.namespace));
            throw new Problem(`Usage: ${usage}\n\nNAME is one of ${names.join(", ")}.`, 2);
        }
        const { follow, previous, namespace, container } = values;
        return showLogs(cluster, name, { follow, previous, namespace, container, tail });
    });
});
