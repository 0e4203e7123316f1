/** The process of a resource provider: its server, and how it ends. */
import * as grpc from "@grpc/grpc-js";
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb";

import { EngineLog } from "./engine-log";
import { onEngineGone } from "./lifeline";
import { Operations } from "./operations";
import type { Provider } from "./provider";
import { providerService } from "./service";

/** Programs send whole files and large manifests: no limit, like Pulumi's own plugins (400 MiB). */
const CHANNEL_OPTIONS = { "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 };

/**
 * Serves `provider` until the engine stops it: starts on a free port of 127.0.0.1 and prints the port, which is how the
 * engine finds it. The engine's address is the first argument of the process, or comes with Handshake or Attach.
 */
export async function serve(provider: Provider): Promise<void> {
    const log = new EngineLog();
    const engineAddress = process.argv.slice(2).find((argument) => /^[^-].*:\d+$/.test(argument));
    if (engineAddress !== undefined) {
        log.connect(engineAddress);
    }
    const operations = new Operations(log);
    const server = new grpc.Server(CHANNEL_OPTIONS);
    server.addService(ResourceProviderService, providerService(provider, log, operations));
    const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, bound) =>
            error ? reject(error) : resolve(bound),
        );
    });
    process.stdout.write(`${port}\n`);

    let closing = false;
    const close = async (reason: string): Promise<void> => {
        if (closing) {
            return;
        }
        closing = true;
        await operations.cancelAll(reason);
        await provider.close?.();
        server.forceShutdown();
        process.exit(0);
    };
    // The engine interrupts its plugins when it is done and kills them 5 s later.
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.on(name, () => void close(`The plugin was stopped (${name}).`));
    }
    onEngineGone(() => void close("Pulumi's engine went away."));
}
