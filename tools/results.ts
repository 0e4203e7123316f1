import { spawn } from "node:child_process";

import { kubectl, type StackCluster, withCluster } from "../operations/cluster";
import { readOptions } from "../operations/options";
import { resultsPod } from "../operations/parallel/results-pod";
import { sleep } from "../plugins/kubernetes/client";
import { asArray, asObject, type KubernetesObject, nameOf, namespaceOf } from "../plugins/kubernetes/object";
import { podState } from "../plugins/kubernetes/pods";
import { Problem, runMain } from "./problem";

const usage =
    "npm run results -- NAME [--namespace NAME]      prints a parallel job's results, a line of JSON for each task";

async function findJob({ client }: StackCluster, name: string, namespace?: string): Promise<KubernetesObject> {
    const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
    const query = { labelSelector: "app.kubernetes.io/component=parallel-job" };
    const { items } = await client.request("GET", `/apis/batch/v1${within}/jobs`, { query });
    const all = asArray(items).map(asObject);
    const found = all.filter((job) => nameOf(job) === name);
    if (found.length > 1) {
        throw new Problem(`There are parallel jobs called ${name} in several namespaces: choose one by --namespace.`);
    }
    const [job] = found;
    if (job === undefined) {
        const names = all.map((one) => `${nameOf(one)} (namespace ${namespaceOf(one)})`).join(", ");
        throw new Problem(
            `There is no parallel job called ${name}. ${names === "" ? "There is none at all: docs/parallel-jobs.md." : `There is: ${names}.`}`,
        );
    }
    return job;
}

/** Runs the program's `results` in a pod that runs; its output is ours. */
function printResults(cluster: StackCluster, pod: KubernetesObject): Promise<number> {
    const [program, ...options] = kubectl(cluster);
    const args = ["--namespace", namespaceOf(pod), "exec", nameOf(pod), "--", "/parallel", "results", "/results"];
    return new Promise((settle, fail) => {
        const child = spawn(program, [...options, ...args], { stdio: ["ignore", "inherit", "inherit"] });
        child.once("error", fail);
        child.once("exit", (code) => settle(code ?? 1));
    });
}

runMain(async () => {
    const { values, positionals } = readOptions(usage, { namespace: { type: "string", short: "n" } });
    const [name] = positionals;
    if (name === undefined || positionals.length > 1) {
        throw new Problem(`Usage: ${usage}`, 2);
    }
    return withCluster(async (cluster) => {
        const { client } = cluster;
        const job = await findJob(cluster, name, values.namespace);
        const wanted = resultsPod(job, Math.floor(Date.now() / 1000).toString(36));
        if (wanted === undefined) {
            throw new Problem(`The job ${name} is not one that this program has made.`);
        }
        const kind = { group: "", version: "v1", kind: "Pod" };
        const path = await client.pathOf(kind, namespaceOf(wanted), nameOf(wanted));
        await client.request("POST", await client.pathOf(kind, namespaceOf(wanted)), { body: wanted });
        try {
            let told = "";
            for (;;) {
                const pod = await client.request("GET", path);
                const { phase } = asObject(pod.status);
                if (phase === "Running") {
                    return await printResults(cluster, pod);
                }
                if (phase === "Failed") {
                    throw new Problem(`The pod that reads the results did not start: ${podState(pod)}`);
                }
                if (podState(pod) !== told) {
                    told = podState(pod);
                    process.stderr.write(`Waiting for a pod that reads the results: ${told}\n`);
                }
                await sleep(300);
            }
        } finally {
            await client.request("DELETE", path);
        }
    });
});
