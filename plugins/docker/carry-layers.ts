import type { ClientRequest, IncomingMessage } from "node:http";
import { pipeline } from "node:stream/promises";

import { parseImageName } from "./image-name";
import { askRegistry, openRequest, type RegistryAnswer, type RegistryEndpoint } from "./registry-http";

/**
 * Bytes of a packed layer from which on it is carried: for small ones, Docker does not ask a registry whether it has what
 * another one had.
 */
const leastSize = 5_000_000;

/** How long one layer may take, in milliseconds. */
const longest = 30 * 60_000;

const manifestType = "application/vnd.docker.distribution.manifest.v2+json";

/** An image in a registry: its name, and how the registry is reached. */
export interface ImagePlace {
    name: string;
    endpoint: RegistryEndpoint;
}

interface Layer {
    digest: string;
    size: number;
}

/** Layers that have been carried, by registry and digest. Docker itself takes them over into other repositories. */
const carried = new Set<string>();

/**
 * Copies an image's layers, packed as they are, from the registry that has them to the one that it is going to be pushed to.
 * Docker keeps layers unpacked, and would pack each anew for a push, which takes most of its time; of large layers that it
 * has pushed elsewhere it asks first whether they are there. So this saves time, and is never needed.
 *
 * @param report Takes what is going on.
 * @throws Error of a connection, or saying what a registry refused.
 */
export async function carryLayers(from: ImagePlace, to: ImagePlace, report: (text: string) => void): Promise<void> {
    const { repository, digest = "latest" } = parseImageName(from.name);
    const path = `/v2/${repository}`;
    const manifest = await askRegistry(from.endpoint, {
        method: "GET",
        path: `${path}/manifests/${digest}`,
        accept: manifestType,
        scope: `repository:${repository}:pull`,
    });
    if (manifest.status !== 200) {
        throw new Error(`${from.endpoint.host} answers ${manifest.status} for ${from.name}`);
    }
    const { layers = [] } = JSON.parse(manifest.body.toString()) as { layers?: Layer[] };
    for (const layer of layers.filter(({ size }) => size >= leastSize)) {
        const key = `${to.endpoint.host} ${layer.digest}`;
        if (!carried.has(key)) {
            carried.add(key);
            report(`${layer.digest.slice(7, 19)}: ${(layer.size / 1e6).toFixed(0)} MB from ${from.endpoint.host}`);
            const blob = { ...manifest, url: new URL(`${path}/blobs/${layer.digest}`, manifest.url) };
            await carryLayer(from.endpoint, blob, layer, to);
        }
    }
}

/** @param blob The layer's address, and the authorization that its registry wants. */
async function carryLayer(
    from: RegistryEndpoint,
    blob: Pick<RegistryAnswer, "url" | "authorization">,
    { digest, size }: Layer,
    to: ImagePlace,
): Promise<void> {
    const { repository } = parseImageName(to.name);
    const path = `/v2/${repository}/blobs/`;
    const scope = `repository:${repository}:pull,push`;
    const there = await askRegistry(to.endpoint, { method: "HEAD", path: path + digest, scope });
    if (there.status === 200) {
        return;
    }
    const begun = await askRegistry(to.endpoint, { method: "POST", path: `${path}uploads/`, scope });
    if (begun.status !== 202 || begun.headers.location === undefined) {
        throw new Error(`${to.endpoint.host} answers ${begun.status} to an upload to ${repository}`);
    }
    const target = new URL(begun.headers.location, begun.url);
    target.searchParams.set("digest", digest);

    const signals = [AbortSignal.timeout(longest), from.signal, to.endpoint.signal];
    const signal = AbortSignal.any(signals.filter((one) => one !== undefined));
    const download = openRequest(from, blob.url, "GET", authorizedBy(blob, blob.url), signal);
    const source = answerTo(download);
    download.end();
    const incoming = await source;
    if (incoming.statusCode !== 200) {
        incoming.resume();
        throw new Error(`${from.host} answers ${incoming.statusCode} for ${digest}`);
    }
    const headers = {
        ...authorizedBy(begun, target),
        "content-type": "application/octet-stream",
        "content-length": size,
    };
    const upload = openRequest(to.endpoint, target, "PUT", headers, signal);
    const [outcome] = await Promise.all([answerTo(upload), pipeline(incoming, upload)]);
    outcome.resume();
    if (outcome.statusCode !== 201) {
        throw new Error(`${to.endpoint.host} answers ${outcome.statusCode} to the upload of ${digest}`);
    }
}

/** The authorization that an answer's request had, for the same host only. */
function authorizedBy({ authorization, url }: Pick<RegistryAnswer, "authorization" | "url">, target: URL) {
    return authorization === undefined || target.host !== url.host ? {} : { authorization };
}

function answerTo(request: ClientRequest): Promise<IncomingMessage> {
    return new Promise((resolve, reject) => {
        request.on("response", resolve);
        request.on("error", reject);
    });
}
