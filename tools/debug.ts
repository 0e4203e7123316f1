import { kubectl, withCluster, type StackCluster } from "../operations/cluster";
import { debugCopy } from "../operations/debugging/debug-copy";
import { askPython, debugSession, pythonProcesses, type DebugTarget } from "../operations/debugging/session";
import { containerOf, findWorkload, readCandidates, runningPod } from "../operations/debugging/workload";
import type { Pod } from "../operations/objects";
import { readOptions } from "../operations/options";
import { sleep } from "../plugins/kubernetes/sleep";
import { Problem, runMain } from "./problem";
import type { Report } from "./progress";
import { shellQuote } from "./pulumi-home";

const usage =
    "npm run debug -- NAME [--copy] [--port 5678] [-n NAMESPACE] [-c CONTAINER] [-- python (-m MODULE | FILE) ARGUMENTS...]";

/** Seconds until a copy of a pod runs; its image is on the node already. */
const longestStart = 120;

const report: Report = Object.assign((text: string) => process.stderr.write(`${text} …\n`), {
    note: (text: string) => void process.stderr.write(`${text}\n`),
});

/** A line of a shell, with quotes only where they are needed. */
function shown(words: readonly string[]): string {
    return words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : shellQuote(word))).join(" ");
}

/** The pod that the copy was made from runs on. @returns the copy's name. */
async function makeCopy({ client }: StackCluster, pod: Pod, container: string, python: string): Promise<string> {
    const { namespace = "", name } = pod.metadata;
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const copy = `${name.slice(0, 50)}-debug-${Date.now().toString(36)}`;
    report(`copying the pod to ${copy}`);
    const original = await client.request("GET", `${pods}/${name}`);
    await client.request("POST", pods, { body: debugCopy(original, container, copy, python) });
    for (let second = 0; second < longestStart; second++) {
        const { status } = (await client.request("GET", `${pods}/${copy}`)) as unknown as Pod;
        const one = status.containerStatuses?.find((candidate) => candidate.name === container);
        if (one?.state?.running !== undefined) {
            return copy;
        }
        if (status.phase === "Failed") {
            break;
        }
        await sleep(1000);
    }
    await client.request("DELETE", `${pods}/${copy}`);
    throw new Problem(`The copy ${copy} does not run; the pod that it was made from may say why: npm run status`);
}

runMain(() =>
    withCluster(async (cluster) => {
        const { values, positionals, rest } = readOptions(usage, {
            namespace: { type: "string", short: "n" },
            container: { type: "string", short: "c" },
            port: { type: "string", default: "5678" },
            copy: { type: "boolean", default: false },
        });
        const [name] = positionals;
        const port = Number(values.port);
        if (name === undefined || positionals.length > 1 || !Number.isInteger(port) || port < 1 || port > 65535) {
            throw new Problem(`Usage: ${usage}`, 2);
        }
        const workload = findWorkload(name, await readCandidates(cluster, values.namespace));
        const pod = values.copy ? workload.pods[0] : runningPod(workload);
        if (pod === undefined) {
            throw new Problem(`${workload.kind}/${workload.name} has no pod to copy.`);
        }
        const { namespace = "" } = pod.metadata;
        const container = containerOf(pod, values.container);
        const own = pod.spec.containers.find((one) => one.name === container);
        const line = rest.length > 0 || !values.copy ? rest : [...(own?.command ?? []), ...(own?.args ?? [])];
        const interpreter = line[0] ?? "python";
        const target: DebugTarget = {
            kubectl: [...kubectl(cluster), "--namespace", namespace],
            pod: values.copy ? await makeCopy(cluster, pod, container, interpreter) : pod.metadata.name,
            container,
            interpreter,
        };
        try {
            const facts = await askPython(target);
            if (line.length === 0) {
                const processes = await pythonProcesses(target);
                const examples = processes.map((words) => `\n  npm run debug -- ${name} -- ${shown(words)}`).join("");
                throw new Problem(
                    `Say what to run under the debugger. ${target.pod} runs now:${examples || " no Python"}`,
                    2,
                );
            }
            return await debugSession(target, { line, port, facts }, report, () =>
                report.note(
                    `${target.pod} waits for a debugger at localhost:${port} (debugpy, Python ${facts.version}).\n` +
                        `VS Code: "request": "attach", "connect": { "host": "localhost", "port": ${port} }, ` +
                        `"pathMappings": [{ "localRoot": "\${workspaceFolder}", "remoteRoot": "${facts.directory}" }]`,
                ),
            );
        } finally {
            if (values.copy) {
                await cluster.client.request("DELETE", `/api/v1/namespaces/${namespace}/pods/${target.pod}`);
            }
        }
    }),
);
