/** Requests to a registry's HTTP API (OCI distribution specification), with the authorization that it asks for. */
import * as http from "node:http";
import * as https from "node:https";

export interface Credentials {
    username: string;
    password: string;
}

/** How a registry is spoken to. */
export interface RegistryEndpoint {
    /** `host[:port]`, as image names have it. */
    host: string;
    /**
     * Plain HTTP. Not given: HTTPS, but a registry on this machine may speak either and have any certificate, as for Docker.
     */
    insecure?: boolean;
    /** Certificate authorities (PEM) to trust instead of the usual ones. */
    ca?: string | Buffer;
    /** Trust any certificate. */
    insecureSkipVerify?: boolean;
    credentials?: Credentials;
    /** How long one request may take; default 30 s. */
    timeoutMilliseconds?: number;
    signal?: AbortSignal;
}

export interface RegistryAnswer {
    status: number;
    headers: http.IncomingHttpHeaders;
    body: Buffer;
    /** Where the answer is from. */
    url: URL;
    /** The authorization that the request had at last. */
    authorization?: string;
}

export interface RegistryRequest {
    method: "GET" | "HEAD" | "POST";
    /** For example `/v2/`. */
    path: string;
    accept?: string;
    /** What a token has to allow, for example `repository:team/app:pull`. */
    scope?: string;
}

/**
 * Asks a registry: without a login first, then with what it asks for, basic authorization or a bearer token.
 *
 * @returns its answer, whatever that is; 401 also where no token was granted.
 * @throws Error of the connection, with its `code`.
 */
export async function askRegistry(
    endpoint: RegistryEndpoint,
    { method, path, accept, scope }: RegistryRequest,
): Promise<RegistryAnswer> {
    const headers: Record<string, string> = accept === undefined ? {} : { accept };
    const first = await request(endpoint, path, method, headers);
    const challenge = first.headers["www-authenticate"];
    if (first.status !== 401 || challenge === undefined) {
        return first;
    }
    const { credentials } = endpoint;
    const basic =
        credentials === undefined
            ? undefined
            : `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString("base64")}`;
    const authorized = async (authorization: string) => ({
        ...(await request(endpoint, path, method, { ...headers, authorization })),
        authorization,
    });
    if (/^basic/i.test(challenge)) {
        return basic === undefined ? first : authorized(basic);
    }
    const fields = Object.fromEntries([...challenge.matchAll(/(\w+)="([^"]*)"/g)].map((match) => [match[1], match[2]]));
    if (fields.realm === undefined) {
        return first;
    }
    const url = new URL(fields.realm);
    const wanted = fields.scope ?? scope;
    if (wanted !== undefined) {
        url.searchParams.set("scope", wanted);
    }
    if (fields.service !== undefined) {
        url.searchParams.set("service", fields.service);
    }
    const grant = await send(endpoint, url, "GET", basic === undefined ? {} : { authorization: basic });
    if (grant.status !== 200) {
        return { ...grant, status: 401 };
    }
    const { token, access_token } = JSON.parse(grant.body.toString()) as { token?: string; access_token?: string };
    return authorized(`Bearer ${token ?? access_token}`);
}

async function request(
    endpoint: RegistryEndpoint,
    path: string,
    method: string,
    headers: Record<string, string>,
): Promise<RegistryAnswer> {
    const { host, insecure } = endpoint;
    const address = host === "docker.io" ? "registry-1.docker.io" : host;
    if (insecure === true) {
        return send(endpoint, new URL(`http://${address}${path}`), method, headers);
    }
    if (insecure === false || !isLoopback(host)) {
        return send(endpoint, new URL(`https://${address}${path}`), method, headers);
    }
    const plain = await send(endpoint, new URL(`http://${address}${path}`), method, headers);
    // What a TLS server says to plain HTTP. Docker trusts any certificate of a registry on this machine, too.
    return plain.status === 400
        ? send({ ...endpoint, insecureSkipVerify: true }, new URL(`https://${address}${path}`), method, headers)
        : plain;
}

/** Whether `host[:port]` is this machine's own, for whoever asks. */
export function isLoopback(host: string): boolean {
    const name = host.replace(/:\d+$/, "");
    return name === "localhost" || /^127\./.test(name) || name === "[::1]";
}

/** A request that is still to be sent. */
export function openRequest(
    { ca, insecureSkipVerify }: RegistryEndpoint,
    url: URL,
    method: string,
    headers: http.OutgoingHttpHeaders,
    signal: AbortSignal,
): http.ClientRequest {
    const secure: https.RequestOptions = { rejectUnauthorized: insecureSkipVerify !== true, ca };
    const client = url.protocol === "https:" ? https : http;
    return client.request(url, { method, headers, signal, agent: false, ...secure });
}

function send(
    endpoint: RegistryEndpoint,
    url: URL,
    method: string,
    headers: Record<string, string>,
): Promise<RegistryAnswer> {
    const { signal, timeoutMilliseconds = 30_000 } = endpoint;
    return new Promise((resolve, reject) => {
        const timeout = AbortSignal.timeout(timeoutMilliseconds);
        const either = signal === undefined ? timeout : AbortSignal.any([signal, timeout]);
        const outgoing = openRequest(endpoint, url, method, headers, either);
        outgoing.on("response", (incoming) => {
            const chunks: Buffer[] = [];
            incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
            incoming.on("error", reject);
            incoming.on("end", () =>
                resolve({
                    status: incoming.statusCode ?? 0,
                    headers: incoming.headers,
                    body: Buffer.concat(chunks),
                    url,
                }),
            );
        });
        outgoing.on("error", (error) =>
            reject(
                timeout.aborted
                    ? Object.assign(new Error(`${url.host} did not answer within ${timeoutMilliseconds / 1000} s`), {
                          code: "ETIMEDOUT",
                      })
                    : error,
            ),
        );
        outgoing.end();
    });
}
