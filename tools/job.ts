import { withCluster, type StackCluster } from "../operations/cluster";
import { readOptions } from "../operations/options";
import { followJob } from "../operations/run/follow";
import { manualJob } from "../operations/run/manual-job";
import { asArray, asObject, type KubernetesObject, nameOf, namespaceOf } from "../plugins/kubernetes/object";
import { Problem, runMain } from "./problem";

const usage = "npm run job -- NAME [--namespace NAME]      runs a cron job once, now, and follows it to its end";

async function findCronJob({ client }: StackCluster, name: string, namespace?: string): Promise<KubernetesObject> {
    const within = namespace === undefined ? "" : `/namespaces/${namespace}`;
    const { items } = await client.request("GET", `/apis/batch/v1${within}/cronjobs`);
    const all = asArray(items).map(asObject);
    const found = all.filter((cronJob) => nameOf(cronJob) === name);
    if (found.length === 1 && found[0] !== undefined) {
        return found[0];
    }
    const names = all.map((cronJob) => `${nameOf(cronJob)} (namespace ${namespaceOf(cronJob)})`);
    throw new Problem(
        found.length > 1
            ? `There are cron jobs called ${name} in more than one namespace: choose one by --namespace.`
            : `There is no cron job called ${name}. ` +
                  (names.length === 0 ? "There is none at all: docs/workloads.md." : `There is: ${names.join(", ")}.`),
    );
}

runMain(async () => {
    const { values, positionals } = readOptions(usage, { namespace: { type: "string", short: "n" } });
    const [name] = positionals;
    if (name === undefined || positionals.length > 1) {
        throw new Problem(`Usage: ${usage}`, 2);
    }
    // The log is what stdout has; what is said about it goes elsewhere.
    const say = (line: string) => process.stderr.write(`${line}\n`);
    return withCluster(async (cluster) => {
        const cronJob = await findCronJob(cluster, name, values.namespace);
        const wanted = manualJob(cronJob, Math.floor(Date.now() / 1000).toString(36));
        const path = await cluster.client.pathOf({ group: "batch", version: "v1", kind: "Job" }, namespaceOf(wanted));
        const job = await cluster.client.request("POST", path, { body: wanted });
        say(`Job ${nameOf(job)} in namespace ${namespaceOf(job)}; it goes on if you stop following it with Ctrl-C.`);
        const code = await followJob(cluster, job, say);
        if (code === 0) {
            say(`Job ${nameOf(job)} succeeded.`);
        }
        return code;
    });
});
