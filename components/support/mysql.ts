import * as pulumi from "@pulumi/pulumi";

import { Credentials } from "./credentials";
import { DataService, DataServiceArgs, DataServiceDefinition, supportUser } from "./data-service";
import type { ExposedService } from "./exposure";
import { SecretKey } from "./pod";

export type MysqlArgs = DataServiceArgs;

export function mysqlDefinition(passwordKey: SecretKey): DataServiceDefinition {
    return {
        serviceName: "mysql",
        ports: [{ name: "mysql", port: 3306 }],
        environment: { MYSQL_ROOT_PASSWORD: passwordKey },
        dataFolder: "/var/lib/mysql",
        user: supportUser,
        memoryRequest: "192Mi",
        memoryLimit: "768Mi",
        terminationGracePeriodSeconds: 30,
    };
}

/** MariaDB as `mysql:3306`. */
export class Mysql extends pulumi.ComponentResource {
    readonly host: pulumi.Output<string>;
    readonly port: number;
    /** Where its ports answer from outside of the cluster, if it is exposed. */
    readonly exposed?: pulumi.Output<ExposedService>;
    readonly user = "root";
    /** A secret output. */
    readonly password: pulumi.Output<string>;
    /** Where pods of the namespace find the password. */
    readonly passwordKey: SecretKey;

    constructor(name: string, args: MysqlArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Mysql", name, {}, options);
        const { namespace } = args;
        const credentials = new Credentials(
            `${name}-credentials`,
            { namespace, secretName: "mysql", key: "password" },
            { parent: this },
        );
        this.password = credentials.password;
        this.passwordKey = credentials.passwordKey;
        const definition = mysqlDefinition(this.passwordKey);
        const service = new DataService(`${name}-server`, { ...args, definition }, { parent: this });
        this.host = service.host;
        this.port = service.port;
        this.exposed = service.exposed;
        this.registerOutputs({ host: this.host, password: this.password });
    }
}
