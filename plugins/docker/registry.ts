/** The registry HTTP API (OCI distribution specification, "Pulling manifests"), as far as tags become digests. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import * as http from "node:http";
import * as https from "node:https";
import { homedir } from "node:os";
import { join } from "node:path";

import { runProcess } from "../protocol";
import { credentialKey, parseImageName, registryHost } from "./image-name";

export interface Credentials {
    username: string;
    password: string;
}

export interface RegistryOptions {
    /** Logins by registry host; others come from Docker's own configuration. */
    logins: Record<string, Credentials>;
    insecureSkipVerify: boolean;
    signal: AbortSignal;
}

const MANIFEST_TYPES = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

interface Answer {
    status: number;
    headers: http.IncomingHttpHeaders;
    body: Buffer;
}

/** How long one request may take. */
const REQUEST_TIMEOUT = 30_000;

/**
 * The digest ("sha256:…") of an image in its registry. Registries on this machine are spoken to over plain HTTP if that
 * is what they speak, all others over HTTPS.
 * @throws Error naming the image and what the registry said.
 */
export async function resolveDigest(name: string, options: RegistryOptions): Promise<string> {
    const image = parseImageName(name);
    const credentials = options.logins[image.host] ?? (await storedCredentials(image.host, options.signal));
    const reference = image.digest ?? image.tag ?? "latest";
    const path = `/v2/${image.repository}/manifests/${reference}`;
    const scope = `repository:${image.repository}:pull`;
    let answer: Answer;
    try {
        answer = await authorized(image.host, path, "HEAD", scope, credentials, options);
        if (answer.status === 200 && answer.headers["docker-content-digest"] === undefined) {
            answer = await authorized(image.host, path, "GET", scope, credentials, options);
        }
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        const reason = code === "ECONNREFUSED" ? `no registry answers at ${image.host}` : message;
        throw new Error(`Looking up the digest of ${name} failed: ${reason}`, { cause: error });
    }
    const said = answer.headers["docker-content-digest"];
    if (answer.status === 200) {
        return typeof said === "string" ? said : `sha256:${createHash("sha256").update(answer.body).digest("hex")}`;
    }
    const reasons: Record<number, string> = {
        401: `${image.host} wants a login, or refuses the one it was given`,
        403: `${image.host} does not allow this login to read it`,
        404: `the registry at ${image.host} has no such image`,
    };
    throw new Error(
        `Looking up the digest of ${name} failed: ${reasons[answer.status] ?? `${image.host} answered ${answer.status}`}`,
    );
}

/** A request with the authorization that the registry asks for: none, basic, or a bearer token. */
async function authorized(
    host: string,
    path: string,
    method: string,
    scope: string,
    credentials: Credentials | undefined,
    options: RegistryOptions,
): Promise<Answer> {
    const accept = { accept: MANIFEST_TYPES.join(", ") };
    const first = await request(host, path, method, accept, options);
    const challenge = first.headers["www-authenticate"];
    if (first.status !== 401 || challenge === undefined) {
        return first;
    }
    const basic =
        credentials === undefined
            ? undefined
            : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
    if (/^basic/i.test(challenge)) {
        return basic === undefined ? first : request(host, path, method, { ...accept, authorization: basic }, options);
    }
    const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1], match[2]]));
    if (fields.realm === undefined) {
        return first;
    }
    const url = new URL(fields.realm);
    url.searchParams.set("scope", fields.scope ?? scope);
    if (fields.service !== undefined) {
        url.searchParams.set("service", fields.service);
    }
    const headers: Record<string, string> = basic === undefined ? {} : { authorization: basic };
    const grant = await send(url, "GET", headers, options);
    if (grant.status !== 200) {
        return { ...grant, status: 401 };
    }
    const { token, access_token } = JSON.parse(grant.body.toString()) as { token?: string; access_token?: string };
    return request(host, path, method, { ...accept, authorization: `Bearer ${token ?? access_token}` }, options);
}

async function request(
    host: string,
    path: string,
    method: string,
    headers: Record<string, string>,
    options: RegistryOptions,
): Promise<Answer> {
    const address = host === "docker.io" ? "registry-1.docker.io" : host;
    if (!isLoopback(host)) {
        return send(new URL(`https://${address}${path}`), method, headers, options);
    }
    const plain = await send(new URL(`http://${address}${path}`), method, headers, options);
    // What a TLS server says to plain HTTP. Docker trusts any certificate of a registry on this machine, too.
    return plain.status === 400
        ? send(new URL(`https://${address}${path}`), method, headers, { ...options, insecureSkipVerify: true })
        : plain;
}

function isLoopback(host: string): boolean {
    const name = host.replace(/:\d+$/, "");
    return name === "localhost" || /^127\./.test(name) || name === "[::1]";
}

function send(url: URL, method: string, headers: Record<string, string>, options: RegistryOptions): Promise<Answer> {
    const secure: https.RequestOptions = { rejectUnauthorized: !options.insecureSkipVerify };
    const ownAuthority = `/etc/docker/certs.d/${url.host}/ca.crt`;
    if (url.protocol === "https:" && existsSync(ownAuthority)) {
        secure.ca = readFileSync(ownAuthority);
    }
    return new Promise((resolve, reject) => {
        const timeout = AbortSignal.timeout(REQUEST_TIMEOUT);
        const signal = AbortSignal.any([options.signal, timeout]);
        const client = url.protocol === "https:" ? https : http;
        const outgoing = client.request(url, { method, headers, signal, agent: false, ...secure }, (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
            incoming.on("error", reject);
            incoming.on("end", () =>
                resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
            );
        });
        outgoing.on("error", (error) =>
            reject(
                timeout.aborted ? new Error(`${url.host} did not answer within ${REQUEST_TIMEOUT / 1000} s`) : error,
            ),
        );
        outgoing.end();
    });
}

/** The login for a host in Docker's configuration, from the file itself or a credential helper. */
async function storedCredentials(host: string, signal: AbortSignal): Promise<Credentials | undefined> {
    const folder = process.env.DOCKER_CONFIG ?? join(homedir(), ".docker");
    let config: {
        auths?: Record<string, { auth?: string }>;
        credHelpers?: Record<string, string>;
        credsStore?: string;
    };
    try {
        config = JSON.parse(await readFile(join(folder, "config.json"), "utf8")) as typeof config;
    } catch {
        return undefined;
    }
    const key = credentialKey(host);
    const helper = config.credHelpers?.[key] ?? config.credsStore;
    if (helper) {
        try {
            const result = await runProcess(`docker-credential-${helper}`, { args: ["get"], stdin: key, signal });
            const found = JSON.parse(result.stdout) as { Username: string; Secret: string };
            return { username: found.Username, password: found.Secret };
        } catch {
            // The helper knows no login for this host.
        }
    }
    const entry = Object.entries(config.auths ?? {}).find(([server]) => registryHost(server) === host)?.[1];
    const decoded = entry?.auth === undefined ? undefined : Buffer.from(entry.auth, "base64").toString();
    const colon = decoded?.indexOf(":") ?? -1;
    return decoded === undefined || colon < 0
        ? undefined
        : { username: decoded.slice(0, colon), password: decoded.slice(colon + 1) };
}
