/**
 * Has the cluster's authority sign a certificate for a user: what the engine runs for {@link User}. Reads an
 * {@link IssueArgs} as JSON from standard input and prints the user's kubeconfig. The key never leaves this machine.
 */
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { keyAndRequest } from "./certificate-request";
import { userKubeconfig } from "./kubeconfig";

export interface IssueArgs {
    userName: string;
    namespace: string;
    /** Seconds that the certificate is good for. */
    seconds: number;
    /** Of an administrator. */
    kubeconfig: string;
}

/** The object by which a user asks the cluster's authority for a certificate (certificates.k8s.io/v1). */
export function signingRequest(objectName: string, request: string, seconds: number): object {
    return {
        apiVersion: "certificates.k8s.io/v1",
        kind: "CertificateSigningRequest",
        metadata: { name: objectName, labels: { "app.kubernetes.io/part-of": "taurus" } },
        spec: {
            request: Buffer.from(request).toString("base64"),
            signerName: "kubernetes.io/kube-apiserver-client",
            expirationSeconds: seconds,
            usages: ["client auth"],
        },
    };
}

async function issue({ userName, namespace, seconds, kubeconfig }: IssueArgs): Promise<string> {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-user-"));
    try {
        const admin = path.join(folder, "kubeconfig");
        fs.writeFileSync(admin, kubeconfig, { mode: 0o600 });
        const kubectl = (args: string[], input?: string) =>
            execFileSync("kubectl", ["--kubeconfig", admin, "--request-timeout=30s", ...args], {
                input,
                encoding: "utf8",
                stdio: ["pipe", "pipe", "pipe"],
            });
        const objectName = `nta-${userName}-${Date.now()}`;
        const { privateKey, request } = await keyAndRequest(userName);
        kubectl(["create", "-f", "-"], JSON.stringify(signingRequest(objectName, request, seconds)));
        try {
            kubectl(["certificate", "approve", objectName]);
            kubectl(["wait", `csr/${objectName}`, "--for=jsonpath={.status.certificate}", "--timeout=60s"]);
            const signed = kubectl(["get", "csr", objectName, "-o", "jsonpath={.status.certificate}"]);
            const certificate = Buffer.from(signed, "base64").toString("utf8");
            return userKubeconfig(kubeconfig, { userName, namespace, certificate, privateKey });
        } finally {
            // Signed or not, nobody needs it any more.
            kubectl(["delete", "csr", objectName, "--ignore-not-found"]);
        }
    } finally {
        fs.rmSync(folder, { recursive: true, force: true });
    }
}

if (require.main === module) {
    issue(JSON.parse(fs.readFileSync(0, "utf8")) as IssueArgs).then(
        (kubeconfig) => process.stdout.write(kubeconfig),
        (error: Error & { stderr?: string }) => {
            process.stderr.write(`the certificate was not made: ${(error.stderr ?? error.message).trim()}\n`);
            process.exitCode = 1;
        },
    );
}
