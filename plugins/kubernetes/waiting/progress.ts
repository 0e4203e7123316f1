import type { Logger } from "../../protocol/engine-log";
import type { Verdict } from "../readiness/readiness";

/** Milliseconds after which it is said again what is waited for. */
export const heartbeat = 10_000;

/** Shows what is waited for: at each change, and every few seconds so that nobody has to wonder. */
export class Progress {
    private shown = "";

    constructor(
        private readonly log: Logger,
        private readonly started: number,
    ) {}

    show(verdict: Verdict): void {
        const text = this.text(verdict);
        if (text !== this.shown) {
            this.shown = text;
            this.log.status(text);
        }
    }

    beat(verdict: Verdict): void {
        const text = this.text(verdict) || "Waiting for the API server";
        this.log.status(`${text} (${Math.round((Date.now() - this.started) / 1000)} s)`);
    }

    private text(verdict: Verdict): string {
        const problem = verdict.problems?.[0];
        return problem === undefined ? verdict.status : `${verdict.status}; ${firstLine(problem)}`;
    }
}

function firstLine(text: string): string {
    const line = text.split("\n")[0] ?? "";
    return line.length > 300 ? `${line.slice(0, 300)}…` : line;
}
