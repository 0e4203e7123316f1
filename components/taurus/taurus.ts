import * as pulumi from "@pulumi/pulumi";

import { Credentials } from "../support/credentials";
import type { ExposedService, Exposure } from "../support/exposure";
import type { VolumeStorage } from "../support/volume";
import { Collectors } from "./collectors";
import type { CollectorKey, SupportEndpoints } from "./environment";
import { Schema } from "./schema";
import { serverName, TaurusServer } from "./server";

export interface TaurusArgs {
    namespace: pulumi.Input<string>;
    /** Prefix of the names of PersistentVolumes, which are cluster-wide. */
    clusterWidePrefix: string;
    storage: VolumeStorage;
    /** The taurus image by digest. */
    image: pulumi.Input<string>;
    replicas: number;
    /** Size of the checkpoints' volume, a Kubernetes quantity. */
    storageSize: string;
    /** Not exposed if absent. */
    exposure?: Exposure;
    support: SupportEndpoints;
    /** No collectors if absent. */
    collectors?: {
        /** The taurus.metric_collectors image by digest. */
        image: pulumi.Input<string>;
        keys: Partial<Record<CollectorKey, pulumi.Input<string>>>;
    };
}

/** Taurus: the schema when everything in `dependsOn` is ready, then the server and the collectors. */
export class Taurus extends pulumi.ComponentResource {
    /** User name of the REST API's basic authentication, a secret output. */
    readonly apiKey: pulumi.Output<string>;
    /** DNS name of the server in the namespace. */
    readonly host: pulumi.Output<string>;
    /** Where the server's ports answer from outside of the cluster, if it is exposed. */
    readonly exposed?: pulumi.Output<ExposedService>;

    constructor(name: string, args: TaurusArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:taurus:Taurus", name, {}, options);
        const { namespace, clusterWidePrefix, storage, support } = args;
        const credentials = new Credentials(
            `${name}-credentials`,
            { namespace, secretName: serverName, key: "apiKey" },
            { parent: this },
        );
        this.apiKey = credentials.password;

        const schema = new Schema(
            `${name}-schema`,
            { namespace, image: args.image, support },
            { parent: this, dependsOn: options?.dependsOn },
        );
        const server = new TaurusServer(
            `${name}-server`,
            {
                namespace,
                clusterWidePrefix,
                storage,
                support,
                apiKey: credentials.passwordKey,
                image: args.image,
                replicas: args.replicas,
                storageSize: args.storageSize,
                exposure: args.exposure,
            },
            { parent: this, dependsOn: [schema] },
        );
        this.host = server.host;
        this.exposed = server.exposed;

        if (args.collectors) {
            const { image, keys } = args.collectors;
            new Collectors(
                `${name}-collectors`,
                { namespace, image, keys, support, server: server.host, apiKey: credentials.passwordKey },
                { parent: this, dependsOn: [schema] },
            );
        }
        this.registerOutputs({ apiKey: this.apiKey, host: this.host });
    }
}

/** Directories that local storage must have on the node. */
export const taurusVolumes: readonly string[] = [serverName];
