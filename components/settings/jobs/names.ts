import type { z } from "zod";

import { objectNames } from "../../workloads/parallel-job/objects";

/**
 * Names that Taurus and its support have in the namespace: those of Services, controllers, Jobs and Secrets, and those by
 * which Services and controllers find their pods.
 */
export const stackNames: readonly string[] = [
    "mysql",
    "rabbit",
    "dynamodb",
    "taurus",
    "taurus-schema",
    "taurus-server",
    "taurus-collectors",
];

/** What is looked at of an entry, which may be wrong in other ways. */
interface NamedEntry {
    kind?: unknown;
    name?: unknown;
}

/** Names that an entry's parts have, beside its own. */
function partNames({ kind, name }: NamedEntry): string[] {
    return kind === "parallel" && typeof name === "string" ? Object.values(objectNames(name)) : [];
}

/**
 * Reports entries whose name something else in the namespace has. It is told apart by name alone there: a Service would
 * send requests to the pods of both.
 */
export function checkJobNames(entries: readonly NamedEntry[], context: z.RefinementCtx): void {
    for (const [index, { name }] of entries.entries()) {
        if (typeof name !== "string") {
            continue;
        }
        const refuse = (message: string) => context.addIssue({ code: "custom", path: [index, "name"], message });
        if (stackNames.includes(name)) {
            refuse("is the name of a part of Taurus or its support");
        }
        const owner = entries.findIndex((entry) => partNames(entry).includes(name));
        if (owner >= 0) {
            refuse(`is the name of a part of entry ${owner}, ${String(entries[owner].name)}`);
        }
    }
}
