import type { ExposedService, Exposure } from "../support/exposure";
import { endpoint } from "../support/exposure";
import type { Settings } from "./schema";

/**
 * Ports of every node at which exposed services answer, by the names of the Services' ports: fixed, so that the machine's
 * forwarded ports can lead there.
 */
export const nodePorts = {
    taurus: { https: 30443, supervisor: 30901, metrics: 30203 },
    rabbitmq: { management: 31567 },
    mysql: { mysql: 30306 },
    dynamodb: { dynamodb: 30830 },
} as const;

/** What can be exposed. */
export type ExposableService = keyof typeof nodePorts;

/** How each service is exposed; not at all if absent. On a cluster of others the node ports are the cluster's choice. */
export function exposures(settings: Settings): Partial<Record<ExposableService, Exposure>> {
    const { taurus, support, cluster, serviceType } = settings;
    const exposed = { taurus, ...support };
    const names = (Object.keys(nodePorts) as ExposableService[]).filter((name) => exposed[name].expose);
    return Object.fromEntries(
        names.map((name) => [
            name,
            cluster === "existing" ? { type: serviceType } : { type: "NodePort", nodePorts: nodePorts[name] },
        ]),
    );
}

/** A port of this machine that leads to a port of the first node. */
export interface ExposedPort {
    name: string;
    host: number;
    guest: number;
    /** The setting that moves the host's side. */
    setting: string;
}

/** Every service's port that the settings expose on this machine. */
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
        ...(mysql.expose ? [port("mysql", mysql.port, nodePorts.mysql.mysql, "support.mysql.port")] : []),
        ...(rabbitmq.expose
            ? [
                  port(
                      "rabbitmq-management",
                      rabbitmq.managementPort,
                      nodePorts.rabbitmq.management,
                      "support.rabbitmq.managementPort",
                  ),
              ]
            : []),
        ...(dynamodb.expose
            ? [port("dynamodb", dynamodb.port, nodePorts.dynamodb.dynamodb, "support.dynamodb.port")]
            : []),
    ];
}

/** Where a user of this machine reaches what is exposed; absent what is not. */
export function addresses(settings: Settings): Record<string, string> {
    const { taurus, support, hostAddress } = settings;
    const host = hostAddress === "0.0.0.0" || hostAddress === "127.0.0.1" ? "localhost" : hostAddress;
    return {
        kubernetes: `https://${host}:${settings.apiPort}`,
        ...(taurus.expose
            ? {
                  taurus: https(`${host}:${taurus.httpsPort}`),
                  supervisor: `http://${host}:${taurus.supervisorPort}`,
                  metrics: `${host}:${taurus.metricsPort}`,
              }
            : {}),
        ...(support.mysql.expose ? { mysql: `${host}:${support.mysql.port}` } : {}),
        ...(support.rabbitmq.expose ? { rabbitmq: `http://${host}:${support.rabbitmq.managementPort}` } : {}),
        ...(support.dynamodb.expose ? { dynamodb: `http://${host}:${support.dynamodb.port}` } : {}),
    };
}

/** Where what is exposed on an existing cluster is reached: at load balancers, or at ports of this node. */
export function addressesOnCluster(
    server: string,
    nodeAddress: string | undefined,
    services: Partial<Record<ExposableService, ExposedService>>,
): Record<string, string> {
    const { taurus, mysql, rabbitmq, dynamodb } = services;
    const at = (service: ExposedService, port: string) => endpoint(service, port, nodeAddress ?? "<node>");
    return {
        kubernetes: server,
        ...(taurus
            ? {
                  taurus: https(at(taurus, "https")),
                  supervisor: `http://${at(taurus, "supervisor")}`,
                  metrics: at(taurus, "metrics"),
              }
            : {}),
        ...(mysql ? { mysql: at(mysql, "mysql") } : {}),
        ...(rabbitmq ? { rabbitmq: `http://${at(rabbitmq, "management")}` } : {}),
        ...(dynamodb ? { dynamodb: `http://${at(dynamodb, "dynamodb")}` } : {}),
    };
}

function https(endpoint: string): string {
    return `https://${endpoint.replace(/:443$/, "")}`;
}
