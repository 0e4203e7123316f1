/**
 * Pulumi's `kubernetes` package for any kind of the Kubernetes API: a stand-in for Pulumi's own plugin, with the same
 * inputs, state, replacement rules and waits.
 */
import type { PropertyMap } from "../protocol/properties";
import type { DiffRequest, DiffResult, OperationContext, Provider } from "../protocol/provider";
import { Connection } from "./connection";
import { diffConfig } from "./diff-config";
import { asObject, reveal } from "./object";
import { ObjectHandler } from "./object-handler";
import { readSettings } from "./settings";

/** The version of the @pulumi/kubernetes SDK that this stands in for; set when the plugin is built. */
export const version = process.env.PLUGIN_VERSION ?? "4.32.0";

/** The provider; one for each process, as the engine starts one for each provider resource. */
export class KubernetesProvider implements Provider {
    readonly name = "kubernetes";
    readonly version = version;
    readonly covers = ["kubernetes:<group>/<version>:<Kind> and <Kind>Patch"];
    readonly supportsAutonaming = true;

    private connection = Connection.none();
    private objects = new ObjectHandler(this.connection);

    resource(): ObjectHandler {
        return this.objects;
    }

    diffConfig(_context: OperationContext, request: DiffRequest): DiffResult {
        const olds = asObject(reveal(Object.keys(request.oldInputs).length > 0 ? request.oldInputs : request.oldState));
        const { changed, replaces: replaced } = diffConfig(olds, asObject(reveal(request.newInputs)));
        const detailed: NonNullable<DiffResult["detailed"]> = {};
        for (const key of changed) {
            const kind = olds[key] === undefined ? "add" : request.newInputs[key] === undefined ? "delete" : "update";
            detailed[key] = { kind: replaced.includes(key) ? `${kind}-replace` : kind, inputDiff: true };
        }
        return { changes: changed.length > 0, replaces: replaced, deleteBeforeReplace: false, detailed };
    }

    async configure(_context: OperationContext, config: PropertyMap): Promise<void> {
        const settings = readSettings(asObject(reveal(config)));
        this.connection.close();
        this.connection = Connection.to(settings);
        this.objects = new ObjectHandler(this.connection);
        return Promise.resolve();
    }

    async close(): Promise<void> {
        this.connection.close();
        return Promise.resolve();
    }
}
