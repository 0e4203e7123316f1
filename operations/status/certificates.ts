import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import * as net from "node:net";
import * as tls from "node:tls";
import type { ActiveContext } from "../../plugins/kubernetes/kubeconfig";
import { asString, type JsonObject } from "../../plugins/kubernetes/object";

/** One certificate and its end. */
export interface Certificate {
    name: string;
    /** Common name of whom it is about. */
    subject: string;
    /** ISO 8601 in UTC. */
    end: string;
}

function certificate(name: string, { subject, validTo }: Pick<X509Certificate, "subject" | "validTo">): Certificate {
    const commonName = /^CN=(.*)$/m.exec(subject)?.[1] ?? subject.replaceAll("\n", ", ");
    return { name, subject: commonName, end: new Date(validTo).toISOString() };
}

function fromKubeconfig(name: string, entry: JsonObject, key: string): Certificate[] {
    const data = asString(entry[`${key}-data`]);
    const file = asString(entry[key]);
    if (data === "" && file === "") {
        // Logged in by a token, say.
        return [];
    }
    return [certificate(name, new X509Certificate(data === "" ? readFileSync(file) : Buffer.from(data, "base64")))];
}

/** What the API server shows of itself; nothing when it does not answer within 5 s. Not verified: only looked at. */
function serving(server: URL, serverName: string): Promise<Certificate[]> {
    return new Promise((resolve) => {
        const socket = tls.connect({
            host: server.hostname.replace(/^\[|\]$/g, ""),
            port: Number(server.port || 443),
            rejectUnauthorized: false,
            ...(serverName === "" ? {} : { servername: serverName }),
        });
        const end = (found: Certificate[]) => {
            socket.destroy();
            resolve(found);
        };
        socket.setTimeout(5000, () => end([]));
        socket.on("error", () => end([]));
        socket.on("secureConnect", () => {
            const shown = socket.getPeerX509Certificate();
            end(shown === undefined ? [] : [certificate("API server", shown)]);
        });
    });
}

/** The certificates that a cluster's user depends on: the API server's, its authority's, and the user's own. */
export async function certificates({ cluster, user }: ActiveContext): Promise<Certificate[]> {
    const server = new URL(asString(cluster.server));
    const named = asString(cluster["tls-server-name"]);
    const host = server.hostname.replace(/^\[|\]$/g, "");
    const shown =
        server.protocol === "https:" ? await serving(server, named || (net.isIP(host) === 0 ? host : "")) : [];
    return [
        ...shown,
        ...fromKubeconfig("cluster authority", cluster, "certificate-authority"),
        ...fromKubeconfig("kubeconfig's user", user, "client-certificate"),
    ];
}
