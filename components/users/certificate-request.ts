// tsyringe, which @peculiar/x509 stands on, wants it loaded first.
import "reflect-metadata";

import { webcrypto } from "node:crypto";

import { Pkcs10CertificateRequestGenerator } from "@peculiar/x509";

/** A new key and the request for a certificate of it, both PEM. */
export interface KeyAndRequest {
    privateKey: string;
    request: string;
}

const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };

/** Makes a key and asks for a certificate that names a user. Kubernetes takes the common name for the user's name. */
export async function keyAndRequest(userName: string): Promise<KeyAndRequest> {
    const keys = await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const request = await Pkcs10CertificateRequestGenerator.create(
        { name: `CN=${userName}`, keys, signingAlgorithm: algorithm },
        webcrypto as unknown as Parameters<typeof Pkcs10CertificateRequestGenerator.create>[1],
    );
    const exported = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
    const lines = exported.match(/.{1,64}/g) ?? [];
    return {
        privateKey: `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`,
        request: `${request.toString("pem")}\n`,
    };
}
