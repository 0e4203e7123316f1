/** Resolves after `ms` milliseconds. @throws the signal's reason when it aborts. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
        const onAbort = (): void => {
            clearTimeout(timer);
            reject(signal?.reason as Error);
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener("abort", onAbort);
            resolve();
        }, ms);
        if (signal?.aborted) {
            onAbort();
        } else {
            signal?.addEventListener("abort", onAbort, { once: true });
        }
    });
}

/** A sleep that what was waited for ends early. */
export class InterruptibleSleep {
    private end = (): void => undefined;

    /** Ends the sleep that is under way, if there is one. */
    readonly wake = (): void => this.end();

    /** Resolves after `ms` milliseconds, when it is woken, and when the signal aborts. */
    upTo(ms: number, signal: AbortSignal): Promise<void> {
        return new Promise((resolve) => {
            const done = (): void => {
                clearTimeout(timer);
                signal.removeEventListener("abort", done);
                this.end = () => undefined;
                resolve();
            };
            const timer = setTimeout(done, ms);
            signal.addEventListener("abort", done, { once: true });
            this.end = done;
        });
    }
}
