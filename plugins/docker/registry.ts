/** Digests of images in their registries, looked up as Docker does: with its logins and its certificate authorities. */
import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

import { runProcess } from "../protocol";
import { credentialKey, parseImageName, registryHost } from "./image-name";
import { askDigest, type ManifestAnswer } from "./manifest-digest";
import type { Credentials, RegistryEndpoint } from "./registry-http";

export interface RegistryOptions {
    /** Logins by registry host; others come from Docker's own configuration. */
    logins: Record<string, Credentials>;
    insecureSkipVerify: boolean;
    signal: AbortSignal;
}

/** How a registry is reached: with the authority that Docker knows for it, and a login or else the one that Docker has. */
export async function endpointOf(
    host: string,
    login: Credentials | undefined,
    signal: AbortSignal,
): Promise<RegistryEndpoint> {
    const ownAuthority = `/etc/docker/certs.d/${host}/ca.crt`;
    return {
        host,
        ca: existsSync(ownAuthority) ? readFileSync(ownAuthority) : undefined,
        credentials: login ?? (await storedCredentials(host, signal)),
        signal,
    };
}

/**
 * The digest ("sha256:…") of an image in its registry. Registries on this machine are spoken to over plain HTTP if that
 * is what they speak, all others over HTTPS.
 * @throws Error naming the image and what the registry said.
 */
export async function resolveDigest(name: string, options: RegistryOptions): Promise<string> {
    const { host } = parseImageName(name);
    let answer: ManifestAnswer;
    try {
        answer = await askDigest(name, {
            ...(await endpointOf(host, options.logins[host], options.signal)),
            insecureSkipVerify: options.insecureSkipVerify,
        });
    } catch (error) {
        const { code, message } = error as NodeJS.ErrnoException;
        const reason = code === "ECONNREFUSED" ? `no registry answers at ${host}` : message;
        throw new Error(`Looking up the digest of ${name} failed: ${reason}`, { cause: error });
    }
    if (answer.digest !== undefined) {
        return answer.digest;
    }
    const reasons: Record<number, string> = {
        401: `${host} wants a login, or refuses the one it was given`,
        403: `${host} does not allow this login to read it`,
        404: `the registry at ${host} has no such image`,
    };
    throw new Error(
        `Looking up the digest of ${name} failed: ${reasons[answer.status] ?? `${host} answered ${answer.status}`}`,
    );
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
