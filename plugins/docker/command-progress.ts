/** Silence after which a line says what is going on and for how long, in milliseconds. */
const heartbeat = 5_000;

/** The least time between two shown lines of the same step, in milliseconds. */
const pace = 2_000;

/** The begin of a build's step, as the classic builder ("Step 3/8 : RUN …") and BuildKit ("#7 [3/8] RUN …") print it. */
const step = /^(Step \d+\/\d+ :|#\d+ \[)/;

/**
 * What is shown of a long command's output: each step of a build at once, other lines now and then. A run without a
 * terminal keeps every line that is shown, and apt alone prints thousands.
 */
export class CommandProgress {
    private readonly started: number;
    private shown: number;
    private lastLine = "";

    /**
     * @param what What the command does, shown now and when it is silent: "building taurus".
     * @param show Takes the lines.
     */
    constructor(
        private readonly what: string,
        private readonly show: (text: string) => void,
        private readonly now: () => number = Date.now,
    ) {
        this.started = this.shown = now();
        show(what);
    }

    /** Takes a line that the command printed. */
    line(line: string): void {
        const text = line.trim();
        if (text === "") {
            return;
        }
        this.lastLine = text;
        if (step.test(text) || this.now() - this.shown >= pace) {
            this.shown = this.now();
            this.show(text);
        }
    }

    /** To be called every second or so: says that the command still runs when nothing was shown for a while. */
    tick(): void {
        if (this.now() - this.shown < heartbeat) {
            return;
        }
        this.shown = this.now();
        const seconds = Math.round((this.shown - this.started) / 1000);
        this.show(`${this.what} (${seconds} s)${this.lastLine === "" ? "" : `: ${this.lastLine}`}`);
    }
}
