/** What a stream must offer to show progress on; `process.stdout` does. */
export interface ProgressStream {
    isTTY?: boolean;
    columns?: number;
    write(text: string): unknown;
}

/** How a step tells what it is doing. */
export interface Report {
    /** What happens now; shown at the next opportunity, replaced by the next call. */
    (activity: string): void;
    /** A line that stays. */
    note(line: string): void;
}

/** A duration as people say it: `8s`, `2m 05s`, `1h 02m`. */
export function formatDuration(milliseconds: number): string {
    const seconds = Math.floor(milliseconds / 1000);
    const pad = (value: number) => String(value).padStart(2, "0");
    if (seconds < 60) {
        return `${seconds}s`;
    }
    if (seconds < 3600) {
        return `${Math.floor(seconds / 60)}m ${pad(seconds % 60)}s`;
    }
    return `${Math.floor(seconds / 3600)}h ${pad(Math.floor((seconds % 3600) / 60))}m`;
}

/** A text cut to `columns`, without control characters, so that it stays one line of a terminal. */
export function fitLine(text: string, columns: number): string {
    // eslint-disable-next-line no-control-regex -- they are what has to go
    const clean = text.replace(/\u001b\[[0-9;]*[A-Za-z]/g, "").replace(/[\u0000-\u001f\u007f]+/g, " ");
    return clean.length > columns ? `${clean.slice(0, Math.max(columns - 1, 0))}…` : clean;
}

/** Lets through a line every 5 s, and those with which something else begins: what stands before the colon is its name. */
export function paced(tell: (line: string) => void): (line: string) => void {
    let last = "";
    let written = 0;
    return (line) => {
        const kind = line.split(":")[0] ?? "";
        if (kind !== last || Date.now() - written >= 5000) {
            last = kind;
            written = Date.now();
            tell(line);
        }
    };
}

/**
 * Shows the steps of long work. On a terminal one line is kept up to date; anywhere else a line is written when
 * something happens, not more often than every 5 s for the same step, and when nothing happened for 8 s.
 */
export class Progress {
    private current = 0;
    private lastWrite = 0;
    private drawn = false;

    constructor(
        private readonly total: number,
        private readonly stream: ProgressStream = process.stdout,
        private readonly now: () => number = Date.now,
    ) {}

    /** Runs one step. Its result is shown behind the title by `describe`, with the time that it took. */
    async step<T>(
        title: string,
        work: (report: Report) => Promise<T>,
        describe: (result: T) => string = () => "ready",
    ): Promise<T> {
        this.current++;
        const label = `[${this.current}/${this.total}] ${title}`;
        const started = this.now();
        let activity = "";
        let shown = "";
        const line = () => `${label}: ${activity || "…"} (${formatDuration(this.now() - started)})`;
        const draw = () => {
            if (this.stream.isTTY === true) {
                this.stream.write(`\r\u001b[K${fitLine(line(), (this.stream.columns ?? 80) - 1)}`);
                this.drawn = true;
                return;
            }
            const quiet = this.now() - this.lastWrite;
            if (quiet >= 8000 || (activity !== shown && quiet >= 5000)) {
                shown = activity;
                this.write(line());
            }
        };
        const report: Report = Object.assign(
            (text: string) => {
                activity = text;
                if (this.stream.isTTY !== true && shown === "" && text !== "") {
                    // The first sign of what a step does comes at once.
                    shown = text;
                    this.write(line());
                }
            },
            { note: (text: string) => this.write(`${label}: ${text}`) },
        );
        this.lastWrite = this.now();
        const timer = setInterval(draw, this.stream.isTTY === true ? 250 : 1000);
        try {
            const result = await work(report);
            this.write(`${label}: ${describe(result)}${this.took(started)}`);
            return result;
        } catch (error) {
            this.write(`${label}: failed${this.took(started)}`);
            throw error;
        } finally {
            clearInterval(timer);
        }
    }

    private took(started: number): string {
        const milliseconds = this.now() - started;
        return milliseconds >= 1000 ? ` (${formatDuration(milliseconds)})` : "";
    }

    /** Writes a line that stays. */
    write(text: string): void {
        this.stream.write(`${this.drawn ? "\r\u001b[K" : ""}${text}\n`);
        this.drawn = false;
        this.lastWrite = this.now();
    }
}
