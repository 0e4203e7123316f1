import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

const answers = new Map<string, Promise<boolean>>();

/**
 * Whether the host of `url` answers, asked once per host and run and given up after `timeout` ms: on a closed network
 * it would otherwise take minutes to find out.
 */
export function reaches(url: string, timeout = 4000): Promise<boolean> {
    const { origin } = new URL(url);
    let answer = answers.get(origin);
    if (answer === undefined) {
        answer = fetch(origin, { method: "HEAD", redirect: "manual", signal: AbortSignal.timeout(timeout) }).then(
            (response) => response.status < 500,
            () => false,
        );
        answers.set(origin, answer);
    }
    return answer;
}

/** SHA-256 of a file, in hexadecimal. */
export async function sha256File(file: string): Promise<string> {
    const hash = createHash("sha256");
    await pipeline(createReadStream(file), hash);
    return hash.digest("hex");
}

/** The checksum of `name` in a file as `sha256sum` writes it. */
export function findChecksum(checksums: string, name: string): string | undefined {
    for (const line of checksums.split("\n")) {
        const match = /^([0-9a-f]{64})\s+\*?(\S+)$/i.exec(line.trim());
        if (match !== null && match[2] === name) {
            return match[1]?.toLowerCase();
        }
    }
    return undefined;
}

/** The text at `url`. Throws when the server does not give it. */
export async function fetchText(url: string, timeout = 20000): Promise<string> {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeout) });
    if (!response.ok) {
        throw new Error(`${url}: the server answered ${response.status}`);
    }
    return response.text();
}

export interface DownloadOptions {
    url: string;
    /** Where it goes; there is either nothing or the whole, checked file. */
    file: string;
    /** What it must be, in hexadecimal. */
    sha256: string;
    report: (activity: string) => void;
    /** Milliseconds without a single byte after which the attempt has failed. */
    stall?: number;
}

/**
 * Downloads a file, goes on where an interrupted attempt stopped, and checks it. A file that is there already is
 * checked too, and fetched again when it is not what it should be.
 */
export async function download(options: DownloadOptions): Promise<void> {
    const { url, file, sha256, report } = options;
    if (await exists(file)) {
        if ((await sha256File(file)) === sha256) {
            return;
        }
        report(`${file} is corrupt, it is fetched again`);
        await rm(file);
    }
    await mkdir(dirname(file), { recursive: true });
    const partial = `${file}.partial`;
    for (let attempt = 1; ; attempt++) {
        const resumed = await fetchInto(options, partial);
        const actual = await sha256File(partial);
        if (actual === sha256) {
            await rename(partial, file);
            return;
        }
        await rm(partial);
        // What was there before may have been another file's beginning: that deserves one more attempt from zero.
        if (!resumed || attempt === 2) {
            throw new Error(`${url}: the checksum is ${actual} where ${sha256} was expected; nothing was kept of it`);
        }
        report("the continued download was corrupt, it is fetched again");
    }
}

/** Fetches what is missing of `partial`; true when it went on with what was there. */
async function fetchInto({ url, report, stall = 30000 }: DownloadOptions, partial: string): Promise<boolean> {
    const have = (await exists(partial)) ? (await stat(partial)).size : 0;
    const abort = new AbortController();
    let timer = setTimeout(() => abort.abort(), stall);
    try {
        const response = await fetch(url, {
            headers: have > 0 ? { range: `bytes=${have}-` } : {},
            signal: abort.signal,
        });
        if (response.status === 416) {
            return true;
        }
        if (!response.ok || response.body === null) {
            throw new Error(`the server answered ${response.status}`);
        }
        const resumed = response.status === 206;
        let done = resumed ? have : 0;
        const total = done + Number(response.headers.get("content-length") ?? 0);
        const count = new Transform({
            transform(chunk: Buffer, _encoding, callback) {
                clearTimeout(timer);
                timer = setTimeout(() => abort.abort(), stall);
                done += chunk.length;
                report(`downloading, ${megabytes(done)}${total > done ? ` of ${megabytes(total)}` : ""} MB`);
                callback(null, chunk);
            },
        });
        const body = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
        await pipeline(body, count, createWriteStream(partial, { flags: resumed ? "a" : "w" }));
        return resumed;
    } catch (error) {
        const reason = abort.signal.aborted ? `no data for ${stall / 1000} s` : describe(error);
        throw new Error(`${url}: ${reason}; what came so far is kept, the next run goes on from there`);
    } finally {
        clearTimeout(timer);
    }
}

function describe(error: unknown): string {
    if (!(error instanceof Error)) {
        return String(error);
    }
    return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}

function megabytes(bytes: number): string {
    return (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0);
}

async function exists(file: string): Promise<boolean> {
    return stat(file).then(
        () => true,
        () => false,
    );
}
