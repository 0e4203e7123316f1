import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "../../components/settings/schema";
import { portHolder } from "../../machine/ports";
import { tryCommand } from "../command";
import { stateDirectory } from "../directories";
import type { CheckResult, Finding, Subject } from "./check";

/** A port that has to be free on this machine. */
export interface WantedPort {
    port: number;
    /** The setting that moves it, without the project's name. */
    setting: string;
}

/** The ports of this machine that a cluster with these settings takes. */
export function wantedPorts(settings: Settings): WantedPort[] {
    const { taurus, support } = settings;
    if (settings.cluster === "existing") {
        return [];
    }
    return [
        { setting: "apiPort", port: settings.apiPort, wanted: true },
        { setting: "registryPort", port: settings.registryPort, wanted: settings.registry === undefined },
        { setting: "taurus.httpsPort", port: taurus.httpsPort, wanted: taurus.expose },
        { setting: "taurus.supervisorPort", port: taurus.supervisorPort, wanted: taurus.expose },
        { setting: "taurus.metricsPort", port: taurus.metricsPort, wanted: taurus.expose },
        { setting: "support.mysql.port", port: support.mysql.port, wanted: support.mysql.expose },
        {
            setting: "support.rabbitmq.managementPort",
            port: support.rabbitmq.managementPort,
            wanted: support.rabbitmq.expose,
        },
        { setting: "support.dynamodb.port", port: support.dynamodb.port, wanted: support.dynamodb.expose },
    ]
        .filter((entry) => entry.wanted)
        .map(({ setting, port }) => ({ setting, port }));
}

/** Whether the cluster's ports are free, or its own already. */
export async function checkPorts({ clusterName, settings, containers, mend }: Subject): Promise<CheckResult> {
    const wanted = wantedPorts(settings);
    const own = await publishedPorts(containers);
    const wrong: Finding[] = [];
    for (const { port, setting } of wanted) {
        const holder = own.has(port) ? undefined : await portHolder(settings.hostAddress, port);
        if (holder !== undefined && !isForwarder(holder, clusterName)) {
            const other = port < 1024 ? port + 8000 : port < 55000 ? port + 10000 : port - 10000;
            wrong.push({
                wrong: `port ${port} (setting ${setting}) is taken by ${holder}: stop that, or take another port`,
                mend: mend(setting, other),
            });
        }
    }
    const list = wanted.map(({ port }) => port).join(", ");
    return { name: "ports", found: wanted.length === 0 ? "none needed" : `${list} on ${settings.hostAddress}`, wrong };
}

/** The ports of this machine that these containers publish. */
async function publishedPorts(containers: readonly string[]): Promise<Set<number>> {
    if (containers.length === 0) {
        return new Set();
    }
    const format = "{{range $ports := .NetworkSettings.Ports}}{{range $ports}}{{.HostPort}} {{end}}{{end}}";
    const { stdout } = await tryCommand(["docker", "inspect", "--format", format, ...containers], { timeout: 10000 });
    return new Set(stdout.split(/\s+/).filter(Boolean).map(Number));
}

/** Whether it is one of the programs by which Vagrant forwards the ports of virtual machines, for our own machine. */
function isForwarder(holder: string, cluster: string): boolean {
    return (
        /\((\S*\/)?(ssh|VBoxHeadless) /.test(holder) &&
        existsSync(join(stateDirectory(), "machines", cluster, ".vagrant"))
    );
}
