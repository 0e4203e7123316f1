/** The process that holds a lock. */
export interface LockHolder {
    pid: number;
    hostname: string;
    /** What it does, for people. */
    purpose: string;
    /** ISO 8601 time at which it took the lock. */
    since: string;
}

/**
 * Takes the lock that is the file `file`, or says who has it. A lock whose process is gone counts as free. It ends
 * with `release`, or when this process does.
 */
export function tryLock(
    file: string,
    purpose: string,
): { release: () => void; holder?: undefined } | { release?: undefined; holder: LockHolder };

/** Takes the lock as soon as it is free; `onWait` is called once for each process that has to be waited for. */
export function waitForLock(file: string, purpose: string, onWait: (holder: LockHolder) => void): Promise<() => void>;

/**
 * Runs `work` as the only one that has the lock. The process does nothing else meanwhile, nor while it waits for others: for
 * work of moments, where nothing can be awaited. @throws Error when somebody has had it for minutes.
 */
export function alone<T>(file: string, purpose: string, work: () => T): T;
