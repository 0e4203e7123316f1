import * as pulumi from "@pulumi/pulumi";

import { Credentials } from "./credentials";
import { DataService, DataServiceArgs, DataServiceDefinition, supportUser } from "./data-service";
import type { ExposedService } from "./exposure";
import { SecretKey } from "./pod";

export interface RabbitmqArgs extends DataServiceArgs {
    /** Name of its Service; `rabbit` if it is absent. */
    serviceName?: string;
}

const user = "taurus";

const defaultServiceName = "rabbit";

export function rabbitmqDefinition(passwordKey: SecretKey, serviceName = defaultServiceName): DataServiceDefinition {
    return {
        serviceName,
        ports: [
            { name: "amqp", port: 5672 },
            { name: "management", port: 15672 },
        ],
        environment: { RABBITMQ_USER: user, RABBITMQ_PASSWD: passwordKey },
        dataFolder: "/var/lib/rabbitmq",
        user: supportUser,
        memoryRequest: "192Mi",
        memoryLimit: "768Mi",
        terminationGracePeriodSeconds: 30,
    };
}

/** RabbitMQ as `rabbit:5672`, with its management pages and API as `rabbit:15672`, or under another name. */
export class Rabbitmq extends pulumi.ComponentResource {
    readonly host: pulumi.Output<string>;
    readonly port: number;
    /** Where its ports answer from outside of the cluster, if it is exposed. */
    readonly exposed?: pulumi.Output<ExposedService>;
    readonly user = user;
    /** A secret output. */
    readonly password: pulumi.Output<string>;
    /** Where pods of the namespace find the password. */
    readonly passwordKey: SecretKey;

    constructor(name: string, args: RabbitmqArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Rabbitmq", name, {}, options);
        const { namespace, serviceName = defaultServiceName } = args;
        const credentials = new Credentials(
            `${name}-credentials`,
            { namespace, secretName: serviceName, key: "password" },
            { parent: this },
        );
        this.password = credentials.password;
        this.passwordKey = credentials.passwordKey;
        const definition = rabbitmqDefinition(this.passwordKey, serviceName);
        const service = new DataService(`${name}-server`, { ...args, definition }, { parent: this });
        this.host = service.host;
        this.port = service.port;
        this.exposed = service.exposed;
        this.registerOutputs({ host: this.host, password: this.password });
    }
}
