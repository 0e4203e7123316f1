import * as pulumi from "@pulumi/pulumi";

import { DataService, DataServiceArgs, DataServiceDefinition, supportUser } from "./data-service";
import type { ExposedService } from "./exposure";

export type DynamodbArgs = DataServiceArgs;

export function dynamodbDefinition(): DataServiceDefinition {
    return {
        serviceName: "dynamodb",
        ports: [{ name: "dynamodb", port: 8300 }],
        environment: { DYNAMODB_PORT: "8300" },
        dataFolder: "/data",
        user: supportUser,
        memoryRequest: "256Mi",
        memoryLimit: "1Gi",
        terminationGracePeriodSeconds: 15,
    };
}

/** DynamoDB Local as `dynamodb:8300`. It takes any credentials. */
export class Dynamodb extends pulumi.ComponentResource {
    readonly host: pulumi.Output<string>;
    readonly port: number;
    /** Where its ports answer from outside of the cluster, if it is exposed. */
    readonly exposed?: pulumi.Output<ExposedService>;

    constructor(name: string, args: DynamodbArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Dynamodb", name, {}, options);
        const definition = dynamodbDefinition();
        const service = new DataService(`${name}-server`, { ...args, definition }, { parent: this });
        this.host = service.host;
        this.port = service.port;
        this.exposed = service.exposed;
        this.registerOutputs({ host: this.host });
    }
}
