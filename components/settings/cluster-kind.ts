import { defaultText, type Setting } from "./fields";
import type { GivenValue } from "./given";
import { removeCommand, type Report } from "./problems";
import { settingsByName } from "./schema";

/** Settings that mean something for a cluster of this program's own only, ... */
const machineSettings = [
    "provider",
    "kubernetesVersion",
    "nodes",
    "nodePools",
    "cpus",
    "memory",
    "disk",
    "podRange",
    "serviceRange",
    "hostAddress",
    "apiPort",
    "registryPort",
    "taurus.httpsPort",
    "taurus.supervisorPort",
    "taurus.metricsPort",
    "support.mysql.port",
    "support.rabbitmq.managementPort",
    "support.dynamodb.port",
];

/** ... and for one that exists already only. */
const existingSettings = ["kubeconfig", "kubeContext", "storageClass", "serviceType"];

/** Checks that the settings fit the kind of cluster, and that a cluster that exists can be found. */
export function checkClusterKind(
    values: ReadonlyMap<string, unknown>,
    given: ReadonlyMap<string, GivenValue>,
    report: Report,
): void {
    const cluster = values.get("cluster");
    if (cluster === undefined) {
        return;
    }
    const existing = cluster === "existing";
    for (const name of existing ? machineSettings : existingSettings) {
        const setting = settingsByName.get(name) as Setting;
        const value = given.get(name);
        // The engine hands over the defaults of Pulumi.yaml as if they had been given.
        if (value !== undefined && values.has(name) && String(value.value) !== defaultText(setting)) {
            const wrong = existing
                ? "is set, but cluster is existing: it belongs to the machine that this program makes"
                : "is set, but cluster is vagrant: it belongs to a cluster that exists already";
            report(setting, wrong, {
                right: `nta:cluster = ${existing ? "vagrant" : "existing"}, or this setting removed`,
                mend: removeCommand(value.flat ? `nta:${name}` : name, !value.flat && setting.path.length > 1),
            });
        }
    }
    if (!existing) {
        return;
    }
    const missing = (name: string) => values.has(name) && values.get(name) === undefined;
    if (missing("registry")) {
        report(settingsByName.get("registry") as Setting, "is not set, but an existing cluster brings no registry", {
            right: "a registry that this machine and the cluster's nodes reach",
        });
    }
    if (missing("kubeContext") && missing("kubeconfig")) {
        // kubectl's current context changes at any time; the stack must not move to another cluster by that.
        report(settingsByName.get("kubeContext") as Setting, "is not set, and neither is kubeconfig", {
            right: "the name of a context; `kubectl config get-contexts` lists them",
        });
    }
}
