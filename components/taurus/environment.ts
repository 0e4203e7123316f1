import type { Input } from "@pulumi/pulumi";

import type { Environment, SecretKey } from "../support/pod";

/** How to reach one support service. */
export interface Endpoint {
    host: Input<string>;
    port: number;
}

/** How to log in to one support service. */
export interface Login extends Endpoint {
    user: string;
    passwordKey: SecretKey;
}

/** The support services as Taurus needs them; ours, or others that speak the same protocols. */
export interface SupportEndpoints {
    mysql: Login;
    rabbitmq: Login;
    dynamodb: Endpoint;
}

/** What every program of the application reads to find its database and its queue. */
function logins({ mysql, rabbitmq }: SupportEndpoints): Environment {
    return {
        MYSQL_HOST: mysql.host,
        MYSQL_USER: mysql.user,
        MYSQL_PASSWD: mysql.passwordKey,
        RABBITMQ_HOST: rabbitmq.host,
        RABBITMQ_USER: rabbitmq.user,
        RABBITMQ_PASSWD: rabbitmq.passwordKey,
    };
}

/** Everything that the server's start scripts read: they stop at any variable that is missing. */
export function serverEnvironment(support: SupportEndpoints, apiKey: SecretKey): Environment {
    return {
        ...logins(support),
        DYNAMODB_HOST: support.dynamodb.host,
        DYNAMODB_PORT: String(support.dynamodb.port),
        DYNAMODB_TABLE_SUFFIX: ".local",
        DYNAMODB_EXTRAS: "--security-off",
        // DynamoDB Local takes any credentials, but the client library insists on some.
        AWS_ACCESS_KEY_ID: "local",
        AWS_SECRET_ACCESS_KEY: "local",
        TAURUS_API_KEY: apiKey,
        // The server sends its own queues' lengths to itself.
        TAURUS_RMQ_METRIC_DEST: "127.0.0.1:2003",
        TAURUS_RMQ_METRIC_PREFIX: "taurus",
        OBLITERATE_DATABASE: "",
        SSL_ORG_NAME: "Numenta",
        SSL_LOCALITY: "CA",
        SSL_DOMAIN_NAME: "localhost",
        SSL_ORGANIZATIONAL_UNIT_NAME: "Engineering",
        SSL_EMAIL_ADDRESS: "support@example.com",
    };
}

/** What the schema's migrations read. */
export function schemaEnvironment({ mysql }: SupportEndpoints): Environment {
    return { MYSQL_HOST: mysql.host, MYSQL_USER: mysql.user, MYSQL_PASSWD: mysql.passwordKey };
}

/** Environment variable of each key for outside data, and the name under which the Secret and the settings have it. */
export const collectorKeys = {
    XIGNITE_API_TOKEN: "xigniteApiToken",
    TAURUS_TWITTER_CONSUMER_KEY: "twitterConsumerKey",
    TAURUS_TWITTER_CONSUMER_SECRET: "twitterConsumerSecret",
    TAURUS_TWITTER_ACCESS_TOKEN: "twitterAccessToken",
    TAURUS_TWITTER_ACCESS_TOKEN_SECRET: "twitterAccessTokenSecret",
} as const;

export type CollectorKey = (typeof collectorKeys)[keyof typeof collectorKeys];

/**
 * What the collectors read. Without any key they stand by.
 *
 * @param keysSecret Name of the Secret with the keys.
 */
export function collectorsEnvironment(
    support: SupportEndpoints,
    apiKey: SecretKey,
    server: Input<string>,
    keysSecret: Input<string>,
    given: readonly CollectorKey[],
): Environment {
    const keys = Object.entries(collectorKeys).map(([variable, key]) => [
        variable,
        given.includes(key) ? { secret: keysSecret, key } : "",
    ]);
    return {
        ...logins(support),
        TAURUS_HTM_SERVER: server,
        TAURUS_API_KEY: apiKey,
        TAURUS_COLLECTORS_OPMODE: given.length > 0 ? "active" : "hot_standby",
        OBLITERATE_DATABASE: "",
        // No mail about errors: that would need an account with Amazon's mail service.
        AWS_ACCESS_KEY_ID: "",
        AWS_SECRET_ACCESS_KEY: "",
        ERROR_REPORT_EMAIL_AWS_REGION: "",
        ERROR_REPORT_EMAIL_RECIPIENTS: "",
        ERROR_REPORT_EMAIL_SENDER_ADDRESS: "",
        ERROR_REPORT_EMAIL_SES_ENDPOINT: "",
        ...(Object.fromEntries(keys) as Environment),
    };
}
