/** The operations that the engine asked for and that are under way. */
import type * as grpc from "@grpc/grpc-js";

import { type EngineLog, loggerFor } from "./engine-log";
import { OperationCancelledError, toStatus } from "./errors";
import type { OperationContext } from "./provider";

/** What a request says of its operation, as far as it does. */
export interface OperationOptions {
    urn?: string;
    type?: string;
    name?: string;
    /** Seconds, 0 for none, as requests carry it. */
    timeout?: number;
    preview?: boolean;
}

/** The operations under way, so that they can be cancelled and waited for. */
export class Operations {
    private readonly running = new Map<AbortController, Promise<unknown>>();
    private cancelled: string | undefined;

    constructor(private readonly log: EngineLog) {}

    /** Runs `work` with its context and gives its answer, or error, to the engine after all of its messages. */
    async run<Response>(
        call: grpc.ServerUnaryCall<unknown, unknown>,
        callback: grpc.sendUnaryData<Response>,
        options: OperationOptions,
        work: (context: OperationContext) => Promise<Response>,
    ): Promise<void> {
        const controller = new AbortController();
        const cancelledByCaller = (): void => controller.abort(new OperationCancelledError());
        call.on("cancelled", cancelledByCaller);
        if (this.cancelled !== undefined) {
            controller.abort(new OperationCancelledError(this.cancelled));
        }
        const timeout = options.timeout ? options.timeout * 1000 : undefined;
        const timer =
            timeout === undefined
                ? undefined
                : setTimeout(
                      () =>
                          controller.abort(
                              new OperationCancelledError(
                                  `The operation took longer than its timeout of ${options.timeout} s.`,
                              ),
                          ),
                      timeout,
                  );
        const urn = options.urn ?? "";
        const context: OperationContext = {
            urn,
            type: options.type || typeOf(urn),
            name: options.name || nameOf(urn),
            log: loggerFor(this.log, urn),
            signal: controller.signal,
            timeout,
            preview: options.preview ?? false,
        };
        const result = Promise.resolve().then(() => work(context));
        this.running.set(controller, result);
        try {
            const response = await result;
            await this.log.flush();
            callback(null, response);
        } catch (error) {
            if (process.env.NTA_PLUGIN_DEBUG !== undefined && error instanceof Error) {
                context.log.debug(error.stack ?? error.message);
            }
            await this.log.flush();
            callback(toStatus(error));
        } finally {
            clearTimeout(timer);
            this.running.delete(controller);
        }
    }

    /** Aborts everything, now and later, and waits at most 4 s for it to end. */
    async cancelAll(reason: string): Promise<void> {
        this.cancelled = reason;
        for (const controller of this.running.keys()) {
            controller.abort(new OperationCancelledError(reason));
        }
        let timer: NodeJS.Timeout | undefined;
        const limit = new Promise<void>((resolve) => {
            timer = setTimeout(resolve, 4000);
        });
        await Promise.race([Promise.allSettled(this.running.values()), limit]);
        clearTimeout(timer);
    }

    /** Aborts everything that runs at this moment. */
    cancelRunning(reason: string): void {
        for (const controller of this.running.keys()) {
            controller.abort(new OperationCancelledError(reason));
        }
    }
}

/** The type token in a URN, without its parents' types. */
function typeOf(urn: string): string {
    return (urn.split("::")[2] ?? "").split("$").pop() ?? "";
}

function nameOf(urn: string): string {
    return urn.split("::").slice(3).join("::");
}
