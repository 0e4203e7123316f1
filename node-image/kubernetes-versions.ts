/** The versions of Kubernetes that nodes can have, each with what its kubeadm asks for. */
import { Problem } from "../tools/problem";
import first from "./versions.json";
import next from "./versions-1.35.4.json";

export type Versions = typeof first;

/** The version of a cluster whose settings name none. */
export const defaultKubernetes = first.kubernetes;

/** From the oldest to the newest; a cluster can go from each to the one after it. */
export const kubernetesVersions = [first.kubernetes, next.kubernetes] as const;

const known = new Map<string, Versions>([
    [first.kubernetes, first],
    [next.kubernetes, { ...first, ...next, images: { ...first.images, ...next.images } }],
]);

/** What nodes of a version are made of. */
export function versionsOf(kubernetes: string): Versions {
    const versions = known.get(kubernetes);
    if (versions === undefined) {
        throw new Problem(`there is no node image with Kubernetes ${kubernetes}, but ${kubernetesVersions.join(", ")}`);
    }
    return versions;
}

/** The file in `<cache>/node-image` that names what was made for a version. */
export function currentFile(kubernetes: string): string {
    return kubernetes === defaultKubernetes ? "current.json" : `current-${kubernetes}.json`;
}
