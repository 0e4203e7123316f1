import type { Settings } from "./schema";

/** Ports of every node at which exposed services answer: fixed, so that the machine's forwarded ports can lead there. */
export const nodePorts = {
    taurus: { https: 30443, supervisor: 30901, metrics: 30203 },
    rabbitmqManagement: 31567,
    mysql: 30306,
    dynamodb: 30830,
} as const;

/** A port of this machine that leads to a port of the first node. */
export interface ExposedPort {
    name: string;
    host: number;
    guest: number;
    /** The setting that moves the host's side. */
    setting: string;
}

/** Every service's port that the settings expose. */
export function exposedPorts({ taurus, support }: Settings): ExposedPort[] {
    const port = (name: string, host: number, guest: number, setting: string) => ({ name, host, guest, setting });
    const { mysql, rabbitmq, dynamodb } = support;
    return [
        ...(taurus.expose
            ? [
                  port("taurus-https", taurus.httpsPort, nodePorts.taurus.https, "taurus.httpsPort"),
                  port(
                      "taurus-supervisor",
                      taurus.supervisorPort,
                      nodePorts.taurus.supervisor,
                      "taurus.supervisorPort",
                  ),
                  port("taurus-metrics", taurus.metricsPort, nodePorts.taurus.metrics, "taurus.metricsPort"),
              ]
            : []),
        ...(mysql.expose ? [port("mysql", mysql.port, nodePorts.mysql, "support.mysql.port")] : []),
        ...(rabbitmq.expose
            ? [
                  port(
                      "rabbitmq-management",
                      rabbitmq.managementPort,
                      nodePorts.rabbitmqManagement,
                      "support.rabbitmq.managementPort",
                  ),
              ]
            : []),
        ...(dynamodb.expose ? [port("dynamodb", dynamodb.port, nodePorts.dynamodb, "support.dynamodb.port")] : []),
    ];
}

/** Where a user of this machine reaches what is exposed; absent what is not. */
export function addresses(settings: Settings): Record<string, string> {
    const { taurus, support, hostAddress } = settings;
    const host = hostAddress === "0.0.0.0" || hostAddress === "127.0.0.1" ? "localhost" : hostAddress;
    const https = taurus.httpsPort === 443 ? "" : `:${taurus.httpsPort}`;
    return {
        kubernetes: `https://${host}:${settings.apiPort}`,
        ...(taurus.expose
            ? {
                  taurus: `https://${host}${https}`,
                  supervisor: `http://${host}:${taurus.supervisorPort}`,
                  metrics: `${host}:${taurus.metricsPort}`,
              }
            : {}),
        ...(support.mysql.expose ? { mysql: `${host}:${support.mysql.port}` } : {}),
        ...(support.rabbitmq.expose ? { rabbitmq: `http://${host}:${support.rabbitmq.managementPort}` } : {}),
        ...(support.dynamodb.expose ? { dynamodb: `http://${host}:${support.dynamodb.port}` } : {}),
    };
}
