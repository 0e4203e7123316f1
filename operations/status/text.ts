import { age, table } from "../table";
import type { StatusReport } from "./report";

/** Days before its end from which on a certificate is something to see to. */
const soon = 30;
const day = 86_400_000;

/** Namespaces of the cluster itself: their pods and services are one line as long as all is well there. */
function isSystem(name: string): boolean {
    return /^(kube-|metallb-)/.test(name) || name === "default/kubernetes";
}

function isMarked(line: string): boolean {
    return line.startsWith("! ");
}

/** A table each of whose rows may be marked as something to look at. */
function section(headings: readonly string[], rows: readonly { cells: readonly string[]; well?: boolean }[]): string[] {
    const [first = "", ...others] = table(
        headings,
        rows.map(({ cells }) => cells),
    );
    return rows.length === 0
        ? []
        : [`  ${first}`, ...others.map((line, index) => `${rows[index]?.well === false ? "!" : " "} ${line}`), ""];
}

/** `sha256:0123456789ab`, enough to tell images apart. */
function shortDigest(digest: string): string {
    return digest.slice(0, "sha256:".length + 12);
}

/** The report as people read it, on one screen; lines that begin with `!` are what to look at. */
export function statusText(report: StatusReport): string[] {
    const now = Date.parse(report.time);
    const since = (time: string) => age(now - Date.parse(time));
    const systemPods = report.pods.filter(({ name }) => isSystem(name));
    const shownPods = report.pods.filter((pod) => !isSystem(pod.name) || !pod.well);
    const quietPods = systemPods.filter(({ well }) => well).length;
    return [
        `Stack ${report.stack}: Kubernetes ${report.apiServer.version} at ${report.apiServer.address}, ${report.time.slice(0, 19)}Z`,
        "",
        ...section(
            ["NODE", "STATUS", "ROLES", "AGE", "VERSION", "ADDRESS"],
            report.nodes.map((node) => ({
                cells: [node.name, node.status, node.roles.join(","), since(node.since), node.version, node.address],
                well: node.ready,
            })),
        ),
        ...section(
            ["POD", "READY", "STATUS", "RESTARTS", "AGE", "NODE"],
            [
                ...shownPods.map((pod) => ({
                    cells: [pod.name, pod.ready, pod.status, String(pod.restarts), since(pod.since), pod.node],
                    well: pod.well,
                })),
                ...(quietPods === 0 ? [] : [{ cells: ["(the system's)", `${quietPods}/${systemPods.length}`] }]),
            ],
        ),
        ...section(
            ["SERVICE", "TYPE", "ADDRESS", "PORTS", "LINKS"],
            report.services
                .filter(({ name }) => !isSystem(name))
                .map(({ name, type, address, ports, links }) => ({
                    cells: [name, type, address, ports.join(","), links.join("  ")],
                })),
        ),
        ...section(
            ["JOB", "OUTCOME", "TOOK", "AGO"],
            report.jobs.map((job) => ({
                cells: [
                    job.name,
                    job.outcome,
                    job.seconds === undefined ? "" : age(job.seconds * 1000),
                    since(job.since),
                ],
                well: job.well,
            })),
        ),
        ...section(
            ["CRON JOB", "SCHEDULE", "RUNNING", "LAST START", "LAST SUCCESS"],
            report.cronJobs.map((cronJob) => ({
                cells: [
                    cronJob.name,
                    cronJob.suspended ? `${cronJob.schedule}, suspended` : cronJob.schedule,
                    String(cronJob.running),
                    cronJob.lastStart === undefined ? "never" : `${since(cronJob.lastStart)} ago`,
                    cronJob.lastSuccess === undefined ? "never" : `${since(cronJob.lastSuccess)} ago`,
                ],
            })),
        ),
        ...section(
            ["IMAGE", "DIGEST", "PODS"],
            report.images
                .filter(({ pods }) => !pods.every(isSystem))
                .map(({ image, digest, pods }) => ({ cells: [image, shortDigest(digest), String(pods.length)] })),
        ),
        ...section(
            ["VOLUME CLAIM", "STATUS", "SIZE", "VOLUME", "CLASS"],
            report.volumes.map(({ name, status, size, volume, storageClass }) => ({
                cells: [name, status, size, volume, storageClass],
                well: status === "Bound",
            })),
        ),
        ...section(
            ["CERTIFICATE", "OF", "ENDS", "DAYS LEFT"],
            report.certificates.map(({ name, subject, end }) => {
                const left = Math.floor((Date.parse(end) - now) / day);
                return { cells: [name, subject, end.slice(0, 10), String(left)], well: left >= soon };
            }),
        ),
    ].slice(0, -1);
}

/** For a terminal: headings bold, lines to look at red. */
export function coloured(lines: readonly string[]): string[] {
    return lines.map((line) => {
        if (isMarked(line)) {
            return `\u001b[31m${line}\u001b[0m`;
        }
        return /^ {2}[A-Z]{2}/.test(line) ? `\u001b[1m${line}\u001b[0m` : line;
    });
}
