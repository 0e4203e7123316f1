/** Credentials of a kubeconfig's user. */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import type * as https from "node:https";

import { dataOrFile } from "./kubeconfig";
import { asArray, asObject, asString, type JsonObject } from "./object";

/** What a request carries so that the API server knows who asks. */
export interface Credentials {
    headers: Record<string, string>;
    tls: https.AgentOptions;
    /** Milliseconds since the epoch; Infinity for credentials that don't expire. */
    expires: number;
}

/** How a kubeconfig's user logs in. */
export async function logIn(user: JsonObject): Promise<Credentials> {
    if (user.exec !== undefined) {
        return runCredentialPlugin(asObject(user.exec));
    }
    const headers: Record<string, string> = {};
    let expires = Infinity;
    const tokenFile = asString(user.tokenFile);
    if (tokenFile !== "") {
        headers.authorization = `Bearer ${readFileSync(tokenFile, "utf8").trim()}`;
        // Mounted tokens are renewed in their file.
        expires = Date.now() + 60_000;
    } else if (asString(user.token) !== "") {
        headers.authorization = `Bearer ${asString(user.token)}`;
    } else if (asString(user.username) !== "") {
        const pair = `${asString(user.username)}:${asString(user.password)}`;
        headers.authorization = `Basic ${Buffer.from(pair).toString("base64")}`;
    }
    return {
        headers,
        tls: { cert: dataOrFile(user, "client-certificate"), key: dataOrFile(user, "client-key") },
        expires,
    };
}

/** Milliseconds that a credential command may take. */
const limit = 60_000;

/** Runs a client-go credential plugin (client.authentication.k8s.io ExecCredential), as clouds use them. */
function runCredentialPlugin(exec: JsonObject): Promise<Credentials> {
    const command = asString(exec.command);
    const env = { ...process.env };
    for (const variable of asArray(exec.env).map(asObject)) {
        env[asString(variable.name)] = asString(variable.value);
    }
    env.KUBERNETES_EXEC_INFO = JSON.stringify({
        apiVersion: exec.apiVersion ?? "client.authentication.k8s.io/v1",
        kind: "ExecCredential",
        spec: { interactive: false },
    });
    return new Promise((resolve, reject) => {
        const args = asArray(exec.args).map(asString);
        execFile(command, args, { env, timeout: limit, maxBuffer: 1 << 20 }, (error, stdout, stderr) => {
            if (error !== null) {
                const why =
                    error.code === "ENOENT"
                        ? `there is no such program\n${asString(exec.installHint)}`
                        : error.killed
                          ? `it has not ended within ${limit / 1000} s\n${stderr}`
                          : `it ended with ${error.code ?? error.signal}\n${stderr}`;
                reject(new Error(`the kubeconfig's credential command ${command} failed: ${why.trim()}`));
                return;
            }
            try {
                const status = asObject((JSON.parse(stdout) as JsonObject).status);
                const token = asString(status.token);
                const expiry = asString(status.expirationTimestamp);
                resolve({
                    headers: token === "" ? {} : { authorization: `Bearer ${token}` },
                    tls: {
                        cert: asString(status.clientCertificateData) || undefined,
                        key: asString(status.clientKeyData) || undefined,
                    },
                    expires: expiry === "" ? Infinity : Date.parse(expiry) - 60_000,
                });
            } catch {
                reject(new Error(`the kubeconfig's credential command ${command} printed no ExecCredential`));
            }
        });
    });
}
