import * as pulumi from "@pulumi/pulumi";

import { Dynamodb } from "./dynamodb";
import type { ExposedService, Exposure } from "./exposure";
import { Mysql } from "./mysql";
import { Rabbitmq } from "./rabbitmq";
import type { VolumeStorage } from "./volume";

/** One support service's size and exposure. */
export interface SupportServiceArgs {
    /** Image by digest. */
    image: pulumi.Input<string>;
    /** Size of the data volume, a Kubernetes quantity. */
    storageSize: string;
    /** Not exposed if absent. */
    exposure?: Exposure;
}

export interface SupportArgs {
    namespace: pulumi.Input<string>;
    /** Prefix of the names of PersistentVolumes, which are cluster-wide. */
    clusterWidePrefix: string;
    storage: VolumeStorage;
    mysql: SupportServiceArgs;
    rabbitmq: SupportServiceArgs;
    dynamodb: SupportServiceArgs;
}

/** The services that Taurus stands on. What depends on this component starts when all three are ready. */
export class Support extends pulumi.ComponentResource {
    readonly mysql: Mysql;
    readonly rabbitmq: Rabbitmq;
    readonly dynamodb: Dynamodb;
    /** Where those that are exposed answer from outside of the cluster. */
    readonly exposed: Partial<Record<"mysql" | "rabbitmq" | "dynamodb", pulumi.Output<ExposedService>>>;

    constructor(name: string, args: SupportArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Support", name, {}, options);
        const { namespace, clusterWidePrefix, storage } = args;
        const shared = { namespace, clusterWidePrefix, storage };
        this.mysql = new Mysql(`${name}-mysql`, { ...shared, ...args.mysql }, { parent: this });
        this.rabbitmq = new Rabbitmq(`${name}-rabbitmq`, { ...shared, ...args.rabbitmq }, { parent: this });
        this.dynamodb = new Dynamodb(`${name}-dynamodb`, { ...shared, ...args.dynamodb }, { parent: this });
        this.exposed = {
            mysql: this.mysql.exposed,
            rabbitmq: this.rabbitmq.exposed,
            dynamodb: this.dynamodb.exposed,
        };
        this.registerOutputs({});
    }
}

/** Directories that local storage must have on the node: one for each service. */
export const supportVolumes: readonly string[] = ["mysql", "rabbit", "dynamodb"];
