import * as http from "node:http";

/** What a server answered. */
export interface Answer {
    status: number;
    headers: http.IncomingHttpHeaders;
    body: Buffer;
}

/** Milliseconds after which a request without an answer has failed. */
const patience = 10_000;

/** A GET on a connection of its own: a Service chooses a pod for each connection, not for each request. */
export function get(url: string | URL, headers: http.OutgoingHttpHeaders = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
        const signal = AbortSignal.timeout(patience);
        const request = http.get(url, { headers, agent: false, signal }, (response) => {
            const parts: Buffer[] = [];
            response.on("data", (part: Buffer) => parts.push(part));
            response.on("error", reject);
            response.on("end", () =>
                resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }),
            );
        });
        request.on("error", reject);
    });
}

/** Calls an address so many times a second, whether answers come or not, until it is told to stop. */
export class SteadyCalls {
    /** How often each body was answered. */
    readonly answers = new Map<string, number>();
    /** What went wrong: a line for each call that got no answer, or one other than 200. */
    readonly failures: string[] = [];
    made = 0;
    /** Milliseconds. */
    slowest = 0;
    /** From the first call to the last one. */
    seconds = 0;
    private readonly started = Date.now();
    private readonly underWay = new Set<Promise<void>>();
    private readonly timer: NodeJS.Timeout;

    /** @param limit Calls after which it stops by itself. */
    constructor(
        private readonly url: string,
        private readonly perSecond: number,
        private readonly limit: number,
    ) {
        this.timer = setInterval(() => this.catchUp(), 1000 / perSecond);
    }

    /** Makes the calls that are due: a timer that comes late has more than one to make. */
    private catchUp(): void {
        const elapsed = (Date.now() - this.started) / 1000;
        for (; this.made < Math.min(elapsed * this.perSecond, this.limit); this.made++) {
            const call = this.call().finally(() => this.underWay.delete(call));
            this.underWay.add(call);
        }
    }

    private async call(): Promise<void> {
        const began = Date.now();
        const at = () => `at ${((began - this.started) / 1000).toFixed(2)} s, after ${Date.now() - began} ms`;
        try {
            const { status, body } = await get(this.url);
            const text = body.toString();
            this.answers.set(text, (this.answers.get(text) ?? 0) + 1);
            if (status !== 200) {
                this.failures.push(`${at()}: status ${status}`);
            }
        } catch (error) {
            this.failures.push(`${at()}: ${(error as Error).message}`);
        }
        this.slowest = Math.max(this.slowest, Date.now() - began);
    }

    /** Ends it, and waits for the answers that are still to come. */
    async stop(): Promise<void> {
        if (this.seconds === 0) {
            this.catchUp();
            this.seconds = (Date.now() - this.started) / 1000;
        }
        clearInterval(this.timer);
        await Promise.all(this.underWay);
    }
}
