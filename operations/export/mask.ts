/** What stands in a secret's place. */
export const masked = "(masked)";

/** Secrets shorter than this are not looked for: they would be found in the middle of ordinary words. */
const shortest = 5;

/** What is a secret by its form, whoever made it. The first group, if any, stays. */
const forms: readonly RegExp[] = [
    /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    // A PEM block in base64 that is no certificate.
    /LS0tLS1CRUdJTi(?!BDRVJUSUZJQ0FURS)[A-Za-z0-9+/=]+/g,
    // JSON web tokens.
    /\beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}/g,
    // kubeadm's bootstrap tokens and certificate keys.
    /(?<![\w.-])[a-z0-9]{6}\.[a-z0-9]{16}\b/g,
    /(--certificate-key[ =])[0-9a-f]{64}/g,
    /(authorization["']?\s*[:=]\s*["']?(?:basic|bearer)\s+)[^\s"']+/gi,
    // A password in an address.
    /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:@/"']*:)[^\s@/"']+(?=@)/gi,
    // password=…, "token": "…", api_key: …
    /((?:passw(?:or)?d|passphrase|secret|token|api[_-]?key|(?:secret|private)[_-]?(?:access[_-]?)?key)["']?\s*[=:]\s*["']?)(?!true\b|false\b)[^\s"',;:&(){}[\]<>][^\s"',;&(){}[\]<>]{4,}/gi,
];

/** The ways in which a secret may be written. */
function spellings(secret: string): string[] {
    const trimmed = secret.trim();
    return [secret, trimmed].flatMap((text) => [
        text,
        Buffer.from(text).toString("base64"),
        Buffer.from(text).toString("base64").replace(/=+$/, ""),
        encodeURIComponent(text),
        JSON.stringify(text).slice(1, -1),
    ]);
}

/** Values behind keys that say that they are secret, in a document such as a kubeconfig or a configuration file. */
function secretsInside(document: string): string[] {
    const lines = document.matchAll(
        /^[ \t"'-]*[\w.-]*(?:key|token|passw(?:or)?d|secret)[\w-]*["']?\s*[:=]\s*["']?([^\s"']{5,})/gim,
    );
    return [...lines].map(([, value = ""]) => value);
}

/**
 * Makes a function that replaces secrets in a text: the given ones, in plain text, base64, URL and JSON spelling, and
 * whatever has the form of a secret.
 *
 * @param secrets Values, or whole documents with secrets in them.
 */
export function masker(secrets: Iterable<string>): (text: string) => string {
    const known = new Set<string>();
    for (const secret of secrets) {
        for (const part of secret.includes("\n") ? [secret, ...secretsInside(secret)] : [secret]) {
            spellings(part)
                .filter((text) => text.length >= shortest)
                .forEach((text) => known.add(text));
        }
    }
    // The longest first: one secret may begin another.
    const words = [...known]
        .sort((a, b) => b.length - a.length)
        .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    const all = words.length === 0 ? undefined : new RegExp(words.join("|"), "g");
    return (text) => {
        const plain = all === undefined ? text : text.replace(all, masked);
        return forms.reduce(
            (result, form) => result.replace(form, (_, kept) => `${typeof kept === "string" ? kept : ""}${masked}`),
            plain,
        );
    };
}
