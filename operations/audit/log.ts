import { auditLogDirectory } from "../../cloud-init/audit-policy";

/** One request that the API server has answered. */
export interface AuditEntry {
    /** When it came, ISO 8601 in UTC. */
    time: string;
    user: string;
    /** Whom the user acted as, if somebody else. */
    impersonated?: string;
    /** The API's verb (create, update, patch, delete, deletecollection), or exec, attach, portforward, proxy. */
    verb: string;
    /** `<plural>[.<group>][/<subresource>]`; a path for requests that are about no object. */
    resource: string;
    namespace?: string;
    name?: string;
    /** HTTP status of the answer: 403 is a request that was not allowed. */
    status: number;
    /** The program that asked, as it calls itself. */
    client: string;
    sourceIPs: string[];
}

/** What to show; everything that is given must fit. */
export interface AuditFilter {
    /** Part of the user's name. */
    user?: string;
    verb?: string;
    /** Plural or singular, with or without group and subresource. */
    resource?: string;
    /** Name of the object. */
    name?: string;
    namespace?: string;
    since?: Date;
}

/** The part of an audit.k8s.io/v1 Event at the level Metadata that is used here. */
interface AuditEvent {
    auditID: string;
    requestURI: string;
    verb: string;
    user: { username?: string };
    impersonatedUser?: { username?: string };
    sourceIPs?: string[];
    userAgent?: string;
    objectRef?: { resource?: string; namespace?: string; name?: string; apiGroup?: string; subresource?: string };
    responseStatus?: { code?: number };
    requestReceivedTimestamp: string;
}

/** Subresources that are an action of their own, whatever HTTP method carries it. */
const actions = new Set(["exec", "attach", "portforward", "proxy"]);

function entryOf(event: AuditEvent): AuditEntry {
    const { resource, apiGroup, subresource, namespace, name } = event.objectRef ?? {};
    const isAction = subresource !== undefined && actions.has(subresource);
    const type = apiGroup === undefined || apiGroup === "" ? resource : `${resource}.${apiGroup}`;
    return {
        time: event.requestReceivedTimestamp,
        user: event.user.username ?? "",
        ...(event.impersonatedUser === undefined ? {} : { impersonated: event.impersonatedUser.username }),
        verb: isAction ? subresource : event.verb,
        resource:
            type === undefined
                ? event.requestURI.split("?")[0]
                : subresource === undefined || isAction
                  ? type
                  : `${type}/${subresource}`,
        namespace,
        name,
        status: event.responseStatus?.code ?? 0,
        client: (event.userAgent ?? "").split(/[/ ]/)[0],
        sourceIPs: event.sourceIPs ?? [],
    };
}

/** The entries of an audit log, the oldest first. A long request, of which begin and end are logged, is one entry. */
export function readAuditLog(text: string): AuditEntry[] {
    const entries = new Map<string, AuditEntry>();
    for (const line of text.split("\n").filter((candidate) => candidate !== "")) {
        let event: AuditEvent;
        try {
            event = JSON.parse(line) as AuditEvent;
        } catch {
            // The server is writing this line, or was killed while it did.
            continue;
        }
        entries.set(event.auditID, entryOf(event));
    }
    return [...entries.values()].sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
}

/** Whether `asked` names the resource: `deployment`, `deployments`, `deployments.apps`, `deployments/scale`. */
function isResource(resource: string, asked: string): boolean {
    const [type = "", subresource] = resource.split("/");
    const [askedType = "", askedSubresource] = asked.toLowerCase().split("/");
    const plural = type.split(".")[0] ?? "";
    const singular = [plural.replace(/s$/, ""), plural.replace(/es$/, ""), plural.replace(/ies$/, "y")];
    const fits = [type, plural, ...singular].includes(askedType);
    return fits && (askedSubresource === undefined || askedSubresource === subresource);
}

export function fits(entry: AuditEntry, filter: AuditFilter): boolean {
    const { user, verb, resource, name, namespace, since } = filter;
    const who = [entry.user, entry.impersonated ?? ""].map((text) => text.toLowerCase());
    return (
        (user === undefined || who.some((text) => text.includes(user.toLowerCase()))) &&
        (verb === undefined || entry.verb === verb.toLowerCase()) &&
        (resource === undefined || isResource(entry.resource, resource)) &&
        (name === undefined || entry.name === name) &&
        (namespace === undefined || entry.namespace === namespace) &&
        (since === undefined || Date.parse(entry.time) >= since.getTime())
    );
}

/** The exit code of {@link auditLogScript} where there is no log. */
export const noAuditLog = 3;

/**
 * A shell script that prints the log on the first node, the oldest line first, without the files that were full before
 * `since`: the API server names each by the time of its last line.
 */
export function auditLogScript(since: Date | undefined): string {
    const oldest = since === undefined ? "audit-" : `audit-${since.toISOString().slice(0, -1).replaceAll(":", "-")}`;
    return [
        `cd ${auditLogDirectory} 2>/dev/null || exit ${noAuditLog}`,
        "for file in audit-*.log; do",
        `    if [ -e "$file" ] && [ "$file" \\> "${oldest}" ]; then cat "$file"; fi`,
        "done",
        "cat audit.log",
    ].join("\n");
}

/**
 * A time from `30m`, `2h`, `7d` (before now) or an ISO 8601 date or time, `undefined` for `all`.
 *
 * @throws RangeError for anything else.
 */
export function parseSince(text: string, now: Date): Date | undefined {
    if (text === "all") {
        return undefined;
    }
    const [, count, unit = ""] = /^(\d+)([smhdw])$/.exec(text) ?? [];
    const seconds: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86400, w: 604800 };
    const time = count === undefined ? Date.parse(text) : now.getTime() - Number(count) * (seconds[unit] ?? 0) * 1000;
    // Date.parse takes words such as "10" for a year or a month.
    if (Number.isNaN(time) || (count === undefined && !/^\d{4}-\d{2}-\d{2}/.test(text))) {
        throw new RangeError(`"${text}" is no time: give 30m, 2h, 7d, a date such as 2026-05-01, or all`);
    }
    return new Date(time);
}
