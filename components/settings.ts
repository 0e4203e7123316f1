import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import type { RegistryAccess } from "../registry/access";
import type { ReachArgs } from "./cluster/reach";
import { isBalanced } from "./settings/addresses";
import { parseSettings } from "./settings/parse";
import { SecretText } from "./settings/fields";
import type { Settings } from "./settings/schema";
import { findCommit } from "./workloads/ci-build/git";

export type { SettingsContext } from "./settings/context";
export { parseSettings } from "./settings/parse";
export { SettingsError } from "./settings/problems";
export type { SettingProblem } from "./settings/problems";
export { SecretText } from "./settings/fields";
export type { Settings } from "./settings/schema";

/** Names of encrypted keys, as the language host hands them to programs beside PULUMI_CONFIG. */
function secretKeys(): string[] {
    return JSON.parse(process.env["PULUMI_CONFIG_SECRET_KEYS"] || "[]") as string[];
}

/**
 * Reads and checks the stack's configuration: the one place where this program does so.
 *
 * @throws SettingsError with everything that is wrong with it.
 */
export function readSettings(): Settings {
    return parseSettings(pulumi.runtime.allConfig(), secretKeys(), {
        project: pulumi.getProject(),
        hostMemory: Math.floor(os.totalmem() / 2 ** 20),
        readFile: (file) => fs.readFileSync(pathOf(file), "utf8"),
        isFolder: (folder) => fs.statSync(path.resolve(folder), { throwIfNoEntry: false })?.isDirectory() ?? false,
        findCommit: (checkout, ref) => findCommit(pathOf(checkout), ref),
    });
}

/** A path of the settings: the project folder's, absolute, or one of the user's home. */
function pathOf(given: string): string {
    return path.resolve(given.replace(/^~(?=\/|$)/, os.homedir()));
}

/** The registry that the settings name; undefined for the cluster's own. */
export function registryOf(settings: Settings): RegistryAccess | undefined {
    const { registry, registryInsecure, registryCa, registryUsername, registryPassword } = settings;
    if (registry === undefined) {
        return undefined;
    }
    const credentials =
        registryUsername === undefined || registryPassword === undefined
            ? undefined
            : { username: registryUsername, password: registryPassword };
    return { address: registry, insecure: registryInsecure, ca: registryCa, credentials };
}

/** Which of the needed images are taken from the registry as they are there; the others are built. */
export function pulledImagesOf<Name extends string>(
    { buildImages, builtImages }: Settings,
    needed: readonly Name[],
): Name[] {
    const built: readonly string[] = builtImages;
    return buildImages ? [] : needed.filter((name) => !built.includes(name));
}

/**
 * The name of a stack's cluster, of its machines and of everything on this machine that belongs to it.
 *
 * @throws RunError if the stack's name can't be part of a host name.
 */
export function clusterNameOf(stack: string): string {
    if (!/^[a-z0-9]([a-z0-9-]{0,36}[a-z0-9])?$/.test(stack)) {
        throw new pulumi.RunError(
            `the stack's name "${stack}" becomes part of host names: it may have lower-case letters, digits and hyphens, ` +
                `at most 38. Mend it: pulumi stack rename <name>`,
        );
    }
    return `nta-${stack}`;
}

/** The cluster that is there already, if the settings name one. */
export function existingClusterOf(settings: Settings, owner: string): ReachArgs | undefined {
    const { cluster, kubeconfig, kubeContext, namespace, storageClass } = settings;
    if (cluster !== "existing") {
        return undefined;
    }
    const source = kubeconfig instanceof SecretText ? { content: kubeconfig.reveal() } : kubeconfig;
    return { kubeconfig: source, context: kubeContext, namespace, owner, storageClass };
}

/** Whether Services of type LoadBalancer get their addresses from this program. */
export function givesAddresses({ cluster, addressPool, jobs }: Settings): boolean {
    return addressPool !== undefined || (cluster === "vagrant" && jobs.some(isBalanced));
}

/** The collectors' keys that are set, each as a secret. */
export function collectorKeysOf({ taurus }: Settings): Record<string, pulumi.Output<string>> {
    const { enabled: _, ...keys } = taurus.collectors;
    const given = Object.entries(keys).filter((entry): entry is [string, SecretText] => entry[1] !== undefined);
    return Object.fromEntries(given.map(([name, key]) => [name, pulumi.secret(key.reveal())]));
}
