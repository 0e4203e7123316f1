/** One update of the stack, as Pulumi has recorded it. */
export interface StackUpdate {
    /** When it began, ISO 8601 in UTC. */
    time: string;
    /** update, preview, refresh, destroy, import. */
    kind: string;
    /** succeeded, failed, in-progress. */
    result: string;
    seconds?: number;
    /** Number of resources by what was done with them: create, update, delete, same and so on. */
    changes: Record<string, number>;
    /** The checkout's commit, with `+` when there were changes that were not committed. */
    commit?: string;
    message?: string;
}

/** The part of `pulumi stack history --json` that is used here. */
interface HistoryItem {
    kind: string;
    startTime: string;
    endTime?: string;
    message?: string;
    environment?: Record<string, string>;
    result: string;
    resourceChanges?: Record<string, number>;
}

/** The updates in Pulumi's own history as JSON, the oldest first. */
export function readHistory(json: string): StackUpdate[] {
    const items = JSON.parse(json) as HistoryItem[];
    return items
        .map(({ kind, startTime, endTime, message, environment = {}, result, resourceChanges = {} }) => {
            const head = environment["git.head"];
            const finished = endTime !== undefined && result !== "in-progress";
            return {
                time: startTime,
                kind,
                result,
                ...(finished ? { seconds: (Date.parse(endTime) - Date.parse(startTime)) / 1000 } : {}),
                changes: resourceChanges,
                ...(head === undefined
                    ? {}
                    : { commit: `${head.slice(0, 10)}${environment["git.dirty"] === "true" ? "+" : ""}` }),
                ...(message === undefined || message === "" ? {} : { message }),
            };
        })
        .sort((a, b) => Date.parse(a.time) - Date.parse(b.time));
}
