/** Messages to the engine, which shows them under their resource while an operation runs. */
import * as grpc from "@grpc/grpc-js";
import { EngineClient } from "@pulumi/pulumi/proto/engine_grpc_pb";
import { LogRequest, LogSeverity } from "@pulumi/pulumi/proto/engine_pb";

export type Severity = "debug" | "info" | "warning" | "error";

const SEVERITIES: Record<Severity, LogSeverity> = {
    debug: LogSeverity.DEBUG,
    info: LogSeverity.INFO,
    warning: LogSeverity.WARNING,
    error: LogSeverity.ERROR,
};

interface Message {
    severity: Severity;
    text: string;
    urn: string;
    status: boolean;
}

/** Messages that may wait before status messages are dropped. */
const LONG_QUEUE = 500;

/**
 * A queue of messages to one engine, sent in order. When it gets long, because the engine can't take them fast enough,
 * status messages are replaced by newer ones; all others are kept. A lost engine is no error: the work goes on without messages.
 */
export class EngineLog {
    private client: EngineClient | undefined;
    private readonly queue: Message[] = [];
    private draining: Promise<void> | undefined;

    /** Connects to the engine at `address` ("host:port"), in place of any before. */
    connect(address: string): void {
        this.client?.close();
        this.client = new EngineClient(address, grpc.credentials.createInsecure(), {
            "grpc.max_send_message_length": -1,
        });
    }

    send(severity: Severity, text: string, urn: string, status: boolean): void {
        if (this.client === undefined) {
            process.stderr.write(`${text}\n`);
            return;
        }
        const last = this.queue[this.queue.length - 1];
        if (status && this.queue.length > LONG_QUEUE && last?.status && last.urn === urn) {
            this.queue.pop();
        }
        this.queue.push({ severity, text, urn, status });
        this.draining ??= this.drain().finally(() => {
            this.draining = undefined;
        });
    }

    /** Waits until everything said so far has reached the engine, at most 5 s. */
    async flush(): Promise<void> {
        if (this.draining === undefined) {
            return;
        }
        let timer: NodeJS.Timeout | undefined;
        const limit = new Promise<void>((resolve) => {
            timer = setTimeout(resolve, 5000);
        });
        await Promise.race([this.draining, limit]);
        clearTimeout(timer);
    }

    private async drain(): Promise<void> {
        for (let message = this.queue.shift(); message !== undefined; message = this.queue.shift()) {
            await this.sendOne(message);
        }
    }

    private sendOne(message: Message): Promise<void> {
        const request = new LogRequest();
        request.setSeverity(SEVERITIES[message.severity]);
        // The field must be well-formed UTF-8; this replaces lone surrogates.
        request.setMessage(Buffer.from(message.text).toString());
        request.setUrn(message.urn);
        request.setEphemeral(message.status);
        return new Promise((resolve) => {
            const client = this.client;
            if (client === undefined) {
                resolve();
                return;
            }
            client.log(request, () => resolve());
        });
    }
}

/** What one operation says; every message appears beside its resource. */
export interface Logger {
    debug(text: string): void;
    info(text: string): void;
    warning(text: string): void;
    /** Shown as an error and makes the whole update fail; an operation that fails throws instead. */
    error(text: string): void;
    /** A line of progress that the next one replaces; not kept in the output of a non-interactive run. */
    status(text: string): void;
}

/** A logger whose messages belong to the resource `urn` ("" for none). */
export function loggerFor(log: EngineLog, urn: string): Logger {
    return {
        debug: (text) => log.send("debug", text, urn, false),
        info: (text) => log.send("info", text, urn, false),
        warning: (text) => log.send("warning", text, urn, false),
        error: (text) => log.send("error", text, urn, false),
        status: (text) => log.send("info", text, urn, true),
    };
}
