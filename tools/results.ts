import { spawn } from "node:child_process";

import { ciBuildReport, failedStep } from "../operations/ci-build/report";
import { kubectl, type StackCluster, withCluster } from "../operations/cluster";
import type { Job, Pod } from "../operations/objects";
import { readOptions } from "../operations/options";
import { resultsPod } from "../operations/parallel/results-pod";
import {
    asArray,
    asObject,
    asString,
    isOwnedBy,
    type KubernetesObject,
    nameOf,
    namespaceOf,
    pluck,
    uidOf,
} from "../plugins/kubernetes/object";
import { isTrue, podState } from "../plugins/kubernetes/pods";
import { sleep } from "../plugins/kubernetes/sleep";
import { Problem, runMain } from "./problem";

const usage =
    "npm run results -- NAME [--namespace NAME]      prints a parallel job's results, a line of JSON for each task, or a " +
    "CI build's steps";

/** Label that says of what kind a job is, and the kinds that have results. */
const kindLabel = "app.kubernetes.io/component";
const kinds = ["parallel-job", "ci-build"];

/** Lines of a failed step's log that are shown. */
const shownLines = 20;

async function findJob({ client }: StackCluster, name: string, namespace?: string): Promise<KubernetesObject> {
    const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
    const query = { labelSelector: `${kindLabel} in (${kinds.join(",")})` };
    const { items } = await client.request("GET", `/apis/batch/v1${within}/jobs`, { query });
    const all = asArray(items).map(asObject);
    const found = all.filter((job) => nameOf(job) === name);
    if (found.length > 1) {
        throw new Problem(`There are jobs called ${name} in several namespaces: choose one by --namespace.`);
    }
    const [job] = found;
    if (job === undefined) {
        const names = all.map((one) => `${nameOf(one)} (namespace ${namespaceOf(one)})`).join(", ");
        throw new Problem(
            `There is no parallel job or CI build called ${name}. ` +
                (names === ""
                    ? "There is none at all: docs/parallel-jobs.md, docs/ci-builds.md."
                    : `There is: ${names}.`),
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

/** Prints how a CI build went; its exit code is 0 if it passed. */
async function printCiBuild({ client }: StackCluster, job: KubernetesObject): Promise<number> {
    const path = await client.pathOf({ group: "", version: "v1", kind: "Pod" }, namespaceOf(job));
    const query = { labelSelector: `batch.kubernetes.io/job-name=${nameOf(job)}` };
    const pods = asArray((await client.request("GET", path, { query })).items).map(asObject);
    // The API's objects are what these types say of them.
    const pod = pods.find((one) => isOwnedBy(one, uidOf(job))) as unknown as Pod | undefined;
    const container = pod && failedStep(pod);
    const lastLines =
        pod === undefined || container === undefined
            ? ""
            : await client.requestText("GET", `${path}/${pod.metadata.name}/log`, {
                  query: { container, tailLines: shownLines },
              });
    const report = ciBuildReport(job as unknown as Job, pod, lastLines.trimEnd(), new Date());
    console.log(report.join("\n"));
    return isTrue(job, "Complete") ? 0 : 1;
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
        if (asString(pluck(job, "metadata", "labels", kindLabel)) === "ci-build") {
            return printCiBuild(cluster, job);
        }
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
