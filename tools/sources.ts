import { Problem } from "./problem";
import type { Report } from "./progress";

/** One of the places that a tool can come from. */
export interface Source<T> {
    /** For messages: "official download", "Go module". */
    name: string;
    /** Gets the tool; `unavailable` when this place does not have it. Throws when it should have worked. */
    get(report: Report): Promise<T | Unavailable>;
}

/** Why a source does not apply on this machine. */
export class Unavailable {
    constructor(readonly reason: string) {}
}

/**
 * Takes a tool from the first source that has it. What fails is said and the next one is tried.
 * Throws a Problem that names every source and why it did not do.
 */
export async function firstThatWorks<T>(
    tool: string,
    sources: readonly Source<T>[],
    report: Report,
): Promise<{ source: string; result: T }> {
    const reasons: string[] = [];
    for (const source of sources) {
        try {
            const result = await source.get(report);
            if (!(result instanceof Unavailable)) {
                return { source: source.name, result };
            }
            reasons.push(`${source.name}: ${result.reason}`);
        } catch (error) {
            const message = error instanceof Error ? error.message : String(error);
            report.note(`${source.name}: ${message.split("\n")[0] ?? ""}`);
            reasons.push(`${source.name}: ${message.replaceAll("\n", "\n    ")}`);
        }
    }
    throw new Problem(`${tool} could not be had:\n${reasons.map((reason) => `  - ${reason}`).join("\n")}`);
}
