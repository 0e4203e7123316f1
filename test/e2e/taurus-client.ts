import * as https from "node:https";
import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** How a client outside the cluster reaches the Taurus server. */
export interface TaurusAddress {
    host: string;
    /** Port of the REST API (TLS with the server's self-signed certificate). */
    httpsPort: number;
    /** Port that takes plaintext metrics: lines of `name value unixtime`. */
    metricsPort: number;
    apiKey: string;
}

/** One scored record of a model, as `GET /_models/<uid>/data` returns it. */
export interface ScoredRecord {
    timestamp: string;
    value: number;
    /** Anomaly score, 0 to 1; 0 as well while the record has not been scored yet. */
    anomalyScore: number;
    rowid: number;
}

/** A client for the part of Taurus' API that creates a model and reads its scores. */
export class TaurusClient {
    constructor(private readonly address: TaurusAddress) {}

    /** Sends samples over the plaintext protocol and resolves when the server has taken all of them. */
    async sendSamples(metric: string, samples: { value: number; unixtime: number }[]): Promise<void> {
        const text = samples.map(({ value, unixtime }) => `${metric} ${value} ${unixtime}\n`).join("");
        await new Promise<void>((resolve, reject) => {
            const socket = net.connect(this.address.metricsPort, this.address.host, () => socket.end(text));
            socket.on("error", reject).on("close", () => resolve());
            socket.resume();
        });
    }

    /** Sends a request with the API key as user name, and resolves to the status and the decoded body. */
    async request(method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> {
        const payload = body === undefined ? undefined : JSON.stringify(body);
        return new Promise((resolve, reject) => {
            const request = https.request(
                {
                    host: this.address.host,
                    port: this.address.httpsPort,
                    method,
                    path,
                    auth: `${this.address.apiKey}:`,
                    headers: payload === undefined ? {} : { "content-type": "application/json" },
                    rejectUnauthorized: false,
                    agent: false,
                    timeout: 20_000,
                },
                (response) => {
                    let text = "";
                    response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
                    response.on("end", () => {
                        let decoded: unknown = text;
                        try {
                            decoded = JSON.parse(text);
                        } catch {
                            // Error pages are plain text.
                        }
                        resolve({ status: response.statusCode ?? 0, body: decoded });
                    });
                },
            );
            request.on("timeout", () => request.destroy(new Error(`${method} ${path}: no answer within 20 s`)));
            request.on("error", reject);
            request.end(payload);
        });
    }

    /** Names of the custom metrics that the server has seen. */
    async customMetrics(): Promise<string[]> {
        const { status, body } = await this.request("GET", "/_metrics/custom");
        if (status !== 200) {
            throw new Error(`GET /_metrics/custom: status ${status}: ${JSON.stringify(body)}`);
        }
        return (body as { name: string }[]).map((metric) => metric.name);
    }

    /** Creates a model for a metric and resolves to its uid. */
    async createModel(metric: string, range: { min: number; max: number }): Promise<string> {
        const { status, body } = await this.request("PUT", "/_models", {
            datasource: "custom",
            // The server keeps in DynamoDB what is known to be about a company.
            metricSpec: {
                metric,
                resource: metric,
                userInfo: { symbol: "TEST", metricType: "Test", metricTypeName: "Test metric" },
            },
            modelParams: range,
        });
        if (status !== 201) {
            throw new Error(`PUT /_models: status ${status}: ${JSON.stringify(body)}`);
        }
        return (body as { uid: string }[])[0].uid;
    }

    /** The model's records, newest first. */
    async records(uid: string): Promise<ScoredRecord[]> {
        const { status, body } = await this.request("GET", `/_models/${uid}/data`);
        if (status !== 200) {
            throw new Error(`GET /_models/${uid}/data: status ${status}: ${JSON.stringify(body)}`);
        }
        const { data } = body as { data: [string, number, number, number][] };
        return data.map(([timestamp, value, anomalyScore, rowid]) => ({ timestamp, value, anomalyScore, rowid }));
    }
}

/**
 * A metric that counts to twelve over and over, and jumps to 390 in its last four samples, one every five minutes up to
 * `end` (a Unix time). HTM's anomaly likelihood looks at several samples: one alone may stay below 0.99.
 */
export function waveWithSpike(count: number, end: number): { value: number; unixtime: number }[] {
    return Array.from({ length: count }, (_, index) => ({
        value: index >= count - 4 ? 390 : 100 + (index % 12),
        unixtime: end - (count - 1 - index) * 300,
    }));
}

/** Calls `probe` every second until it returns something other than undefined; rejects with `what` when time is up. */
export async function eventually<T>(what: string, seconds: number, probe: () => Promise<T | undefined>): Promise<T> {
    const end = Date.now() + seconds * 1000;
    let last: unknown;
    while (Date.now() < end) {
        try {
            const found = await probe();
            if (found !== undefined) {
                return found;
            }
        } catch (error) {
            last = error;
        }
        await sleep(1000);
    }
    throw new Error(`${what}: not within ${seconds} s${last instanceof Error ? `; last error: ${last.message}` : ""}`);
}
