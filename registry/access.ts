import type { RegistryEndpoint } from "../plugins/docker/registry-http";

/** A registry beside the cluster's own, and what it takes to use it. */
export interface RegistryAccess {
    /** As image names begin: `host[:port][/path]`. */
    address: string;
    /** Plain HTTP. */
    insecure: boolean;
    /** Certificate of the authority that signed its certificate, PEM. */
    ca?: string;
    credentials?: { username: string; password: { reveal(): string } };
}

/** `host[:port]` of a registry. */
export function hostOf({ address }: Pick<RegistryAccess, "address">): string {
    return address.split("/")[0];
}

/** How long a registry may take for an answer, in milliseconds: a loaded machine needs seconds for TLS alone. */
const answerTime = 10_000;

/** How the registry's HTTP API is reached. */
export function endpointOf(access: RegistryAccess): RegistryEndpoint {
    const { credentials } = access;
    return {
        host: hostOf(access),
        // Not told so, registries on this machine are taken as Docker takes them: HTTP or HTTPS.
        insecure: access.insecure ? true : undefined,
        ca: access.ca,
        credentials: credentials && { username: credentials.username, password: credentials.password.reveal() },
        timeoutMilliseconds: answerTime,
    };
}
