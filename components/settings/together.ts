import { X509Certificate } from "node:crypto";

import { checkAddresses } from "./addresses";
import { checkClusterKind } from "./cluster-kind";
import { isLoopback } from "../../plugins/docker/registry-http";
import type { SettingsContext } from "./context";
import type { Setting } from "./fields";
import type { GivenValue } from "./given";
import { jobReport } from "./job-report";
import type { Job } from "./jobs/jobs";
import { checkMemory } from "./node-pools";
import { removeCommand, type Report, setCommand } from "./problems";
import { checkRanges } from "./ranges";
import { allSettings, isGitAddress, pinnedSourceRef, settingsByName } from "./schema";

/** Checks that concern more than one setting. Each runs on the values that are right by themselves. */
export function checkTogether(
    values: Map<string, unknown>,
    given: ReadonlyMap<string, GivenValue>,
    context: SettingsContext,
    report: Report,
): void {
    const setting = (name: string) => settingsByName.get(name) as Setting;
    const isSet = (name: string) => values.get(name) !== undefined;
    const wasGiven = (name: string) => values.has(name) && given.get(name) !== undefined;

    checkClusterKind(values, given, report);
    const ownCluster = values.get("cluster") === "vagrant";
    if (ownCluster) {
        checkPorts(values, report);
        checkRanges(values, setting, report);
        checkMemory(values, context, setting, report);
        if (values.get("provider") === "virtualbox" && Number(values.get("nodes")) > 1) {
            report(setting("nodes"), "is more than one, but VirtualBox's machines can't reach one another", {
                right: "1, or provider libvirt or docker",
                suggestion: "1",
            });
        }
    }

    checkRegistry(values, context, report);

    const source = values.get("source") as string | undefined;
    if (source !== undefined && wasGiven("sourceRef") && values.get("sourceRef") !== pinnedSourceRef) {
        if (source !== "auto" && source !== "public" && !isGitAddress(source)) {
            report(setting("sourceRef"), `is set, but source is ${source === "sample" ? "sample" : "a path"}`, {
                right: "a git address in nta:source, or this setting removed",
                mend: removeCommand("sourceRef", false),
            });
        }
    }

    if (ownCluster) {
        checkStorage(values, report);
    }
    checkFolders(values, context, report);
    checkAddresses(values, context, report);

    const twitterKeys = allSettings.filter((candidate) => candidate.path[2]?.startsWith("twitter"));
    if (twitterKeys.some(({ name }) => isSet(name)) && twitterKeys.every(({ name }) => values.has(name))) {
        for (const missing of twitterKeys.filter(({ name }) => !isSet(name))) {
            report(missing, "is not set, but others of Twitter's four keys are", { right: "all four keys or none" });
        }
    }
}

/** Ports of this machine that the settings take, in the order in which a later one has to give way. */
function checkPorts(values: ReadonlyMap<string, unknown>, report: Report): void {
    const inUse: [name: string, condition: boolean][] = [
        ["apiPort", true],
        ["registryPort", values.get("registry") === undefined],
        ["taurus.httpsPort", values.get("taurus.expose") === true],
        ["taurus.supervisorPort", values.get("taurus.expose") === true],
        ["taurus.metricsPort", values.get("taurus.expose") === true],
        ["support.mysql.port", values.get("support.mysql.expose") === true],
        ["support.rabbitmq.managementPort", values.get("support.rabbitmq.expose") === true],
        ["support.dynamodb.port", values.get("support.dynamodb.expose") === true],
    ];
    const taken = new Map<number, string>();
    const all = new Set(inUse.map(([name]) => values.get(name)));
    for (const [name, condition] of inUse) {
        const port = values.get(name);
        if (!condition || typeof port !== "number") {
            continue;
        }
        const other = taken.get(port);
        if (other === undefined) {
            taken.set(port, name);
            continue;
        }
        let free = port < 1024 ? port + 8000 : port + 1;
        while (all.has(free)) {
            free++;
        }
        all.add(free);
        report(settingsByName.get(name) as Setting, `is the port of ${other} too`, {
            right: "a port of its own for each",
            suggestion: String(free > 65535 ? (settingsByName.get(name) as Setting).default : free),
        });
    }
}

/** Folders that jobs publish have to be there. */
function checkFolders(values: ReadonlyMap<string, unknown>, context: SettingsContext, report: Report): void {
    const reportJob = jobReport(context, report);
    for (const [index, job] of ((values.get("jobs") ?? []) as readonly Job[]).entries()) {
        if (job.kind === "static-files" && context.isFolder?.(job.folder) === false) {
            reportJob(index, "folder", job.folder, {
                wrong: "is no folder of this machine",
                right: "a folder's path, from the project's folder or absolute",
                example: "<path>",
            });
        }
    }
}

function checkStorage(values: ReadonlyMap<string, unknown>, report: Report): void {
    const factors: Record<string, number> = { Mi: 1 / 1024, Gi: 1, Ti: 1024 };
    const sizes = allSettings
        .filter((setting) => setting.path.at(-1) === "storage")
        .map((setting) => values.get(setting.name))
        .filter((size): size is string => typeof size === "string")
        .map((size) => Number.parseInt(size, 10) * factors[size.slice(-2)]);
    const total = Math.ceil(sizes.reduce((sum, size) => sum + size, 0));
    const disk = values.get("disk");
    if (typeof disk === "number" && total > disk) {
        report(settingsByName.get("disk") as Setting, `GiB can't hold the volumes of ${total} GiB in all`, {
            right: "more than the sum of the storage settings",
            suggestion: String(total + 6),
        });
    }
}

/** What belongs together among the settings that say where images come from. */
function checkRegistry(values: Map<string, unknown>, context: SettingsContext, report: Report): void {
    const setting = (name: string) => settingsByName.get(name) as Setting;
    const isSet = (name: string) => values.get(name) !== undefined;

    const ownCluster = values.get("cluster") === "vagrant";
    if (ownCluster && values.has("registry") && !isSet("registry")) {
        for (const name of ["registryUsername", "registryPassword", "registryCa"]) {
            if (isSet(name)) {
                report(setting(name), "is set, but the cluster's own registry has no use for it", {
                    right: "a registry of yours in nta:registry, or this setting removed",
                    mend: removeCommand(name, false),
                });
            }
        }
        if (values.get("registryInsecure") === true) {
            report(setting("registryInsecure"), "is set, but the cluster's own registry needs no such setting", {
                right: "a registry of yours in nta:registry, or false",
                suggestion: "false",
            });
        }
    }
    if (isSet("registry") && values.has("registryUsername") && values.has("registryPassword")) {
        if (isSet("registryUsername") && !isSet("registryPassword")) {
            report(setting("registryPassword"), "is not set, but registryUsername is", {
                right: "both of them or none",
            });
        }
        if (isSet("registryPassword") && !isSet("registryUsername")) {
            report(setting("registryUsername"), "is not set, but registryPassword is", {
                right: "both of them or none",
            });
        }
    }
    if (isSet("registryCa")) {
        if (values.get("registryInsecure") === true) {
            report(setting("registryCa"), "is set together with registryInsecure: plain HTTP has no certificate", {
                right: "one of the two",
                mend: setCommand(setting("registryInsecure"), "false", false),
            });
        }
        readCertificate(values, context, (wrong) => report(setting("registryCa"), wrong));
    }
    const registry = values.get("registry") as string | undefined;
    if (registry !== undefined && isLoopback(registry.split("/")[0]) && ownCluster) {
        report(setting("registry"), "is this machine's loopback address, at which the nodes find themselves", {
            right: "a name or an address that leads to the registry from this machine and from the nodes",
            suggestion: setting("registry").example,
        });
    }
    if (ownCluster && values.get("buildImages") === false && values.has("registry") && registry === undefined) {
        report(setting("buildImages"), "is false, but the cluster's own registry has no images but those built here", {
            right: "a registry with the images in nta:registry, or true",
            suggestion: "true",
        });
    }
    if (values.get("buildImages") === true && (values.get("builtImages") as string[] | undefined)?.length) {
        report(setting("builtImages"), "is set, but buildImages is true: all of them are built", {
            right: "buildImages false, or this setting removed",
            mend: removeCommand("builtImages", false),
        });
    }
}

/** Replaces a path in registryCa by the certificate in that file. */
function readCertificate(
    values: Map<string, unknown>,
    context: SettingsContext,
    report: (wrong: string) => void,
): void {
    let pem = values.get("registryCa") as string;
    if (!pem.includes("-----BEGIN")) {
        try {
            pem = context.readFile(pem);
        } catch (error) {
            return report(`can't be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
        }
    }
    try {
        void new X509Certificate(pem);
        values.set("registryCa", pem);
    } catch {
        report("is no certificate in PEM form");
    }
}
