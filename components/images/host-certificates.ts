import * as fs from "node:fs";
import * as path from "node:path";

/** Where Debian's update-ca-certificates takes certificates that this machine trusts beyond the usual ones. */
const localCertificates = "/usr/local/share/ca-certificates";

/**
 * Certificates (PEM, one after the other, the same text for the same files) that this machine trusts beyond Debian's own
 * list: behind a company's proxy, builds need them to download anything.
 */
export function hostCertificates(folder = localCertificates): string {
    if (!fs.existsSync(folder)) {
        return "";
    }
    const files = fs.readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".crt"));
    const texts = files.sort().map((name) => fs.readFileSync(path.join(folder, name), "utf8").trim());
    const certificates = texts.flatMap(
        (text) => text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [],
    );
    return [...new Set(certificates)].join("\n");
}
