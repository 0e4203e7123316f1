import { kubectl, withCluster } from "../operations/cluster";
import { runInTerminal } from "../operations/debugging/child";
import { containerOf, findWorkload, readCandidates, runningPod } from "../operations/debugging/workload";
import { readOptions } from "../operations/options";
import { Problem, runMain } from "./problem";

const usage = "npm run shell -- NAME [-n NAMESPACE] [-c CONTAINER] [-- COMMAND...]";

/** The best shell that the image has. */
const shell = ["sh", "-c", "if command -v bash >/dev/null; then exec bash; else exec sh; fi"];

/** kubectl's codes for "there is no such program in the image". */
const noProgram = [126, 127];

runMain(() =>
    withCluster(async (cluster) => {
        const { values, positionals, rest } = readOptions(usage, {
            namespace: { type: "string", short: "n" },
            container: { type: "string", short: "c" },
        });
        const [name] = positionals;
        const candidates = await readCandidates(cluster, values.namespace);
        if (name === undefined || positionals.length > 1) {
            throw new Problem(`Usage: ${usage}`, 2);
        }
        const pod = runningPod(findWorkload(name, candidates));
        const container = containerOf(pod, values.container);
        const { namespace = "", name: podName } = pod.metadata;
        const terminal = process.stdin.isTTY === true && process.stdout.isTTY === true;
        const where = [...(terminal ? ["--tty"] : []), "--stdin", podName, "--container", container];
        const command = rest.length === 0 ? shell : rest;
        const code = await runInTerminal([
            ...kubectl(cluster),
            "--namespace",
            namespace,
            "exec",
            ...where,
            "--",
            ...command,
        ]);
        if (noProgram.includes(code) && rest.length === 0) {
            process.stderr.write(
                `The image of ${namespace}/${podName} has no shell. A container beside it that shares its processes:\n` +
                    `  source env && kubectl -n ${namespace} debug -it ${podName} --target ${container} --image IMAGE\n`,
            );
        }
        return code;
    }),
);
