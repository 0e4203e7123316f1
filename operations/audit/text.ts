import { table } from "../table";
import type { StackUpdate } from "./history";
import type { AuditEntry } from "./log";

/** All that `npm run audit` shows; a part that could not be read is the reason why. */
export interface AuditView {
    stack: string;
    entries: readonly AuditEntry[] | string;
    updates: readonly StackUpdate[] | string;
    /** The most lines of each part; the latest are shown. */
    limit: number;
    /** The beginning of the time in question, as the user gave it. */
    since: string;
}

/** `2026-05-01 12:00:00`, UTC. */
function shortTime(time: string): string {
    return time.replace("T", " ").slice(0, 19);
}

function changesText(changes: Readonly<Record<string, number>>): string {
    const parts = Object.entries(changes)
        .filter(([what, count]) => what !== "same" && count > 0)
        .map(([what, count]) => `${count} ${what}`);
    return parts.length === 0 ? "nothing changed" : parts.join(", ");
}

function period(since: string): string {
    return since === "all" ? "" : /^\d+[smhdw]$/.test(since) ? ` of the last ${since}` : ` since ${since}`;
}

/** Two tables for people: the stack's updates, and who changed what in the cluster; times in UTC. */
export function auditText({ stack, entries, updates, limit, since }: AuditView): string {
    const updateRow = (update: StackUpdate) => [
        shortTime(update.time),
        update.kind,
        update.result,
        update.seconds === undefined ? "" : `${update.seconds.toFixed(0)} s`,
        changesText(update.changes),
        update.commit ?? "",
    ];
    const entryRow = (entry: AuditEntry) => [
        shortTime(entry.time),
        entry.impersonated === undefined ? entry.user : `${entry.user} as ${entry.impersonated}`,
        entry.verb,
        entry.resource,
        entry.namespace === undefined || entry.resource === "namespaces"
            ? (entry.name ?? "")
            : `${entry.namespace}/${entry.name ?? "*"}`,
        String(entry.status),
        entry.client,
    ];
    const part = <T>(headings: string[], items: readonly T[] | string, row: (item: T) => string[]) => {
        if (typeof items === "string") {
            return [`Not known: ${items}.`];
        }
        const hidden = Math.max(0, items.length - limit);
        return [
            ...(items.length === 0 ? [`None${period(since)}.`] : table(headings, items.slice(hidden).map(row))),
            ...(hidden === 0 ? [] : [`(${hidden} older ones not shown: --limit ${items.length})`]),
        ];
    };
    return [
        `Updates of the stack ${stack}${period(since)} (times in UTC)`,
        "",
        ...part(["TIME", "KIND", "RESULT", "TOOK", "CHANGES", "COMMIT"], updates, updateRow),
        "",
        `Changes in the cluster${period(since)}`,
        "",
        ...part(["TIME", "USER", "VERB", "RESOURCE", "OBJECT", "STATUS", "BY"], entries, entryRow),
    ].join("\n");
}
