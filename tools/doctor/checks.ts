import { askPulumi } from "../../operations/pulumi";
import { tryCommand } from "../command";
import { project } from "../stack";
import { hasEngine, mend, readSettings } from "../stack-settings";
import type { Check, CheckResult, Finding, Subject } from "./check";
import { checkCluster, checkClusterBefore } from "./cluster";
import { checkInotify } from "./inotify";
import { checkPlatform } from "./machine";
import { checkPorts } from "./ports";
import { checkRegistry } from "./registry";
import { checkDisk, checkMemory } from "./room";
import { checkState } from "./state";
import { checkTools } from "./tools";

/** All that `npm run doctor` looks at, in its order. */
const allChecks: readonly Check[] = [
    checkPlatform,
    checkTools,
    checkPorts,
    checkDisk,
    checkMemory,
    checkInotify,
    checkRegistry,
    checkCluster,
    checkState,
];

/** What has to be right before `npm run up` begins: what it mends or makes itself is not among it. */
const checksBefore: readonly Check[] = [
    checkPlatform,
    checkPorts,
    checkDisk,
    checkMemory,
    checkInotify,
    checkClusterBefore,
];

/** Looks at everything; with wrong settings at the settings alone, because the rest follows from them. */
export function examine(stack: string): Promise<CheckResult[]> {
    return run(stack, allChecks);
}

/** Everything that would keep `npm run up` from its goal, found before anything is started. */
export async function findingsBefore(stack: string): Promise<Finding[]> {
    return (await run(stack, checksBefore)).flatMap(({ wrong }) => wrong);
}

async function run(stack: string, checks: readonly Check[]): Promise<CheckResult[]> {
    const read = await readSettings(stack);
    const found = `Pulumi.${stack}.yaml`;
    if ("problems" in read) {
        return [{ name: "settings", found, wrong: read.problems }];
    }
    const clusterName = `${project}-${stack}`;
    const subject: Subject = {
        stack,
        clusterName,
        settings: read.settings,
        containers: await runningContainers(clusterName),
        mend: (setting, value) => mend(setting, value, stack, hasEngine()),
        openSecret: (setting) => openSecret(stack, setting),
    };
    return [{ name: "settings", found, wrong: [] }, ...(await Promise.all(checks.map((check) => check(subject))))];
}

async function openSecret(stack: string, setting: string): ReturnType<Subject["openSecret"]> {
    const opened = await askPulumi(stack, ["config", "get", setting]);
    return "answer" in opened ? { answer: opened.answer.replace(/\n$/, "") } : opened;
}

async function runningContainers(clusterName: string): Promise<string[]> {
    const filter = `name=^${clusterName}-[0-9]+$`;
    const { stdout } = await tryCommand(["docker", "ps", "--filter", filter, "--format", "{{.Names}}"], {
        timeout: 10000,
    });
    return stdout.split("\n").filter((name) => name !== "");
}
