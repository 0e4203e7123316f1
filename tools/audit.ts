import { execute } from "../machine/execute";
import { MachineFolder } from "../machine/folder";
import { readHistory, type StackUpdate } from "../operations/audit/history";
import { auditLogScript, fits, noAuditLog, parseSince, readAuditLog, type AuditEntry } from "../operations/audit/log";
import { auditText } from "../operations/audit/text";
import { readOptions } from "../operations/options";
import { askPulumi } from "../operations/pulumi";
import { presentStack } from "./present-stack";
import { Problem, runMain } from "./problem";
import { project } from "./stack";

const usage =
    "npm run audit -- [--user NAME] [--verb VERB] [--resource TYPE] [--name NAME] [--namespace NAME]\n" +
    "                      [--since 24h|DATE|all] [--limit 100] [--json]";

/** What the API server has recorded, or why that can't be read. */
async function readLog(stack: string, since: Date | undefined): Promise<AuditEntry[] | string> {
    const folder = new MachineFolder(`${project}-${stack}`);
    if (folder.state.provider === undefined) {
        return `no machines of the stack ${stack} were made here, so its API server's audit log is out of reach`;
    }
    const { code, stdout, stderr } = await execute(folder, `${folder.clusterName}-1`, auditLogScript(since));
    if (code === noAuditLog) {
        return "the API server keeps no audit log yet: `npm run up` restarts the machine with one";
    }
    return code === 0
        ? readAuditLog(stdout)
        : `the machine ${folder.clusterName}-1 can't be asked: ${stderr.trim() || `exit code ${code}`}`;
}

/** The stack's updates, or why they can't be read. */
async function readUpdates(stack: string): Promise<StackUpdate[] | string> {
    const history = await askPulumi(stack, ["stack", "history", "--json", "--page-size", "500"]);
    return "why" in history ? history.why : readHistory(history.answer);
}

runMain(async () => {
    const { values } = readOptions(usage, {
        user: { type: "string" },
        verb: { type: "string" },
        resource: { type: "string" },
        name: { type: "string" },
        namespace: { type: "string", short: "n" },
        since: { type: "string", default: "24h" },
        limit: { type: "string", default: "100" },
        json: { type: "boolean", default: false },
    });
    const limit = Number(values.limit);
    if (!Number.isInteger(limit) || limit < 1) {
        throw new Problem(`--limit ${values.limit} is no number of lines\n\nUsage: ${usage}`, 2);
    }
    let since: Date | undefined;
    try {
        since = parseSince(values.since, new Date());
    } catch (error) {
        throw new Problem(`--since: ${(error as Error).message}\n\nUsage: ${usage}`, 2);
    }
    const stack = presentStack();
    const [log, history] = await Promise.all([readLog(stack, since), readUpdates(stack)]);
    const { user, verb, resource, name, namespace } = values;
    const entries =
        typeof log === "string"
            ? log
            : log.filter((entry) => fits(entry, { user, verb, resource, name, namespace, since }));
    const updates =
        typeof history === "string"
            ? history
            : history.filter((update) => since === undefined || Date.parse(update.time) >= since.getTime());
    console.log(
        values.json
            ? JSON.stringify({ stack, updates, entries }, null, 4)
            : auditText({ stack, entries, updates, limit, since: values.since }),
    );
    return typeof log === "string" && typeof history === "string" ? 1 : 0;
});
