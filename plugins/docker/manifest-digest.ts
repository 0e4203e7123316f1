import { createHash } from "node:crypto";

import { parseImageName } from "./image-name";
import { askRegistry, type RegistryAnswer, type RegistryEndpoint } from "./registry-http";

const MANIFEST_TYPES = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

export interface ManifestAnswer {
    /** The answer's HTTP status. */
    status: number;
    /** "sha256:…" if the image is there. */
    digest?: string;
}

/**
 * Asks a registry for the digest of an image.
 * @throws Error of the connection, with its `code`.
 */
export async function askDigest(name: string, endpoint: RegistryEndpoint): Promise<ManifestAnswer> {
    const image = parseImageName(name);
    const ask = (method: "GET" | "HEAD"): Promise<RegistryAnswer> =>
        askRegistry(endpoint, {
            method,
            path: `/v2/${image.repository}/manifests/${image.digest ?? image.tag ?? "latest"}`,
            accept: MANIFEST_TYPES.join(", "),
            scope: `repository:${image.repository}:pull`,
        });
    const header = "docker-content-digest";
    let answer = await ask("HEAD");
    if (answer.status === 200 && answer.headers[header] === undefined) {
        answer = await ask("GET");
    }
    if (answer.status !== 200) {
        return { status: answer.status };
    }
    const said = answer.headers[header];
    const digest = typeof said === "string" ? said : `sha256:${createHash("sha256").update(answer.body).digest("hex")}`;
    return { status: 200, digest };
}
