import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import type { RegistryMirror } from "../cloud-init/documents";
import type { ExistingClusterArgs } from "./cluster/existing-cluster";
import { parseSettings } from "./settings/parse";
import { SecretText } from "./settings/fields";
import type { Settings } from "./settings/schema";

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
    const settings = parseSettings(pulumi.runtime.allConfig(), secretKeys(), {
        project: pulumi.getProject(),
        hostMemory: Math.floor(os.totalmem() / 2 ** 20),
        readFile: (file) => fs.readFileSync(path.resolve(file.replace(/^~(?=\/)/, os.homedir())), "utf8"),
        isFolder: (folder) => fs.statSync(path.resolve(folder), { throwIfNoEntry: false })?.isDirectory() ?? false,
    });
    refuseUnsupported(settings);
    return settings;
}

/**
 * Settings that are declared and checked, but that no part of the program acts on yet.
 *
 * @throws RunError that names them: better refused than ignored.
 */
export function refuseUnsupported({ buildImages, registryUsername }: Settings): void {
    const problems = [
        ...(buildImages
            ? []
            : [
                  "nta:buildImages is false, but taking images from the registry is not supported yet: pulumi config rm buildImages",
              ]),
        ...(registryUsername === undefined
            ? []
            : [
                  "nta:registryUsername is set, but a registry with a login is not supported yet: " +
                      "pulumi config rm registryUsername && pulumi config rm registryPassword",
              ]),
    ];
    if (problems.length > 0) {
        throw new pulumi.RunError(problems.join("\n"));
    }
}

/** How the nodes reach the registry that the settings name; undefined for the cluster's own. */
export function registryMirrorOf({ registry, registryInsecure, registryCa }: Settings): RegistryMirror | undefined {
    return registry === undefined
        ? undefined
        : { host: registry.split("/")[0], insecure: registryInsecure, ca: registryCa };
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
export function existingClusterOf(settings: Settings, owner: string): ExistingClusterArgs | undefined {
    const { cluster, registry, kubeconfig, kubeContext, namespace, storageClass } = settings;
    if (cluster !== "existing" || registry === undefined) {
        return undefined;
    }
    const source = kubeconfig instanceof SecretText ? { content: kubeconfig.reveal() } : kubeconfig;
    return { kubeconfig: source, context: kubeContext, registry, namespace, owner, storageClass };
}

/** The registry's login, if there is one; the password as a secret. */
export function registryCredentialsOf({
    registryUsername,
    registryPassword,
}: Settings): { username: string; password: pulumi.Output<string> } | undefined {
    return registryUsername === undefined || registryPassword === undefined
        ? undefined
        : { username: registryUsername, password: pulumi.secret(registryPassword.reveal()) };
}

/** The collectors' keys that are set, each as a secret. */
export function collectorKeysOf({ taurus }: Settings): Record<string, pulumi.Output<string>> {
    const { enabled: _, ...keys } = taurus.collectors;
    const given = Object.entries(keys).filter((entry): entry is [string, SecretText] => entry[1] !== undefined);
    return Object.fromEntries(given.map(([name, key]) => [name, pulumi.secret(key.reveal())]));
}
