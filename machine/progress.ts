/** Progress lines on standard error: what is happening and the seconds so far, and never silence for long. */
export class Progress {
    private readonly start = Date.now();
    private readonly timer: NodeJS.Timeout;
    private current = "starting";
    private since = Date.now();
    private last = Date.now();

    constructor(
        private readonly subject: string,
        private readonly write: (line: string) => void = (line) => process.stderr.write(`${line}\n`),
    ) {
        this.timer = setInterval(() => {
            // What takes minutes is told of less often: a run that fails shows all lines once more.
            const pause = Date.now() - this.since < 60_000 ? 7_500 : 30_000;
            if (Date.now() - this.last >= pause) {
                this.print(`still: ${this.current}`);
            }
        }, 500);
        this.timer.unref();
    }

    /** Seconds since the start. */
    get seconds(): number {
        return Math.round((Date.now() - this.start) / 1000);
    }

    /** Something begins; named again while it goes on. */
    step(text: string): void {
        this.current = text;
        this.since = Date.now();
        this.print(text);
    }

    /** Something to know. */
    note(text: string): void {
        this.print(text);
    }

    end(): void {
        clearInterval(this.timer);
    }

    private print(text: string): void {
        this.last = Date.now();
        this.write(`${this.subject}: ${text} (${this.seconds} s)`);
    }
}
