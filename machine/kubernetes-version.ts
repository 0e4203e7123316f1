import { MachineError } from "./errors";
import type { MachineFolder } from "./folder";
import { ApiServer, localAddress } from "./health";
import { imageFor, type Provider } from "./provider";
import type { MachineSpec } from "./spec";

/** Major, minor and patch of `1.35.4`; versions of a cluster may have more after that. */
function numbers(version: string): [number, number, number] {
    const [, major, minor, patch] = /^v?(\d+)\.(\d+)\.(\d+)/.exec(version) ?? [];
    if (patch === undefined) {
        throw new MachineError(`"${version}" is no version of Kubernetes`);
    }
    return [Number(major), Number(minor), Number(patch)];
}

/** Less than, equal to or greater than 0, as the first version is older than, the same as or newer than the second. */
export function compareVersions(one: string, other: string): number {
    const [a, b] = [numbers(one), numbers(other)];
    return a[0] - b[0] || a[1] - b[1] || a[2] - b[2];
}

/** Why a cluster that runs one version of Kubernetes can't get another one, and what to do; undefined where it can. */
export function versionProblem(clusterName: string, present: string, wanted: string): string | undefined {
    const order = compareVersions(wanted, present);
    if (order === 0) {
        return undefined;
    }
    const stay = `\`pulumi config set kubernetesVersion ${present}\` leaves it as it is`;
    const problem = (why: string, mend: string) =>
        `nta:kubernetesVersion is ${wanted}, and the cluster ${clusterName} runs Kubernetes ${present}: ${why}. ${mend}`;
    const anew = "`npm run destroy` and `npm run up` make the cluster anew, empty";
    if (order < 0) {
        return problem("Kubernetes has no way back to an older version", `${stay}; ${anew}`);
    }
    const [[major, minor], [wantedMajor, wantedMinor]] = [numbers(present), numbers(wanted)];
    if (wantedMajor !== major || wantedMinor > minor + 1) {
        return problem(
            `it goes from one minor version to the next, and that would skip ${major}.${minor + 1}`,
            `Go to a version ${major}.${minor + 1} first; ${stay}`,
        );
    }
    return undefined;
}

/** What happens to the machines on the way from one version to another, in words. */
export function versionChange(spec: MachineSpec, provider: Provider, present: string): string[] {
    const wanted = spec.kubernetesVersion;
    if (compareVersions(wanted, present) === 0) {
        return [];
    }
    const [first, ...others] = spec.nodes.map(({ name }) => name);
    const order = [first, ...others].join(", then ");
    const image = imageFor(provider, wanted) === undefined ? " Its node image is made first, which takes minutes." : "";
    return [
        `Kubernetes goes from ${present} to ${wanted}, on ${order}: each is drained first, so what runs on it starts again, and ` +
            `the API server is away for moments.${image}`,
    ];
}

/**
 * The version of a cluster's control plane: as it says itself, else as it was when the last `up` ended. Undefined before
 * there is one.
 */
export async function presentVersion(folder: MachineFolder): Promise<string | undefined> {
    const applied = folder.specification;
    if (applied === undefined) {
        return undefined;
    }
    const config = folder.read("kubeconfig");
    if (config === undefined) {
        return applied.kubernetesVersion;
    }
    const api = new ApiServer(config, localAddress(applied.hostAddress), applied.apiPort);
    try {
        return (await api.version()) ?? applied.kubernetesVersion;
    } finally {
        api.close();
    }
}

/**
 * Checks that a cluster can get the version that the specification wants, and gives the one that it has. An unchanged
 * specification is not looked into, unless the last run on the machines did not end.
 *
 * @throws MachineError if it can't.
 */
export async function checkVersion(spec: MachineSpec, folder: MachineFolder): Promise<string | undefined> {
    const { unfinished } = folder.state;
    const wanted = spec.kubernetesVersion;
    if (unfinished !== true && folder.specification?.kubernetesVersion === wanted) {
        return wanted;
    }
    const present = await presentVersion(folder);
    const problem = present && versionProblem(spec.clusterName, present, wanted);
    if (problem) {
        throw new MachineError(problem);
    }
    return present;
}
