import { askRegistry } from "../plugins/docker/registry-http";
import { endpointOf, hostOf, type RegistryAccess } from "./access";

/** What is wrong with a registry, and the commands that mend it. */
export interface RegistryProblem {
    /** A sentence without its full stop, that begins with the registry's address. */
    wrong: string;
    mend: string;
    /** It answers as a registry should, but to nobody without a login. */
    wantsLogin?: true;
}

/** Codes of a certificate that no trusted authority has signed. */
const unknownAuthority = [
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "CERT_SIGNATURE_FAILURE",
];

const setAddress = "pulumi config set registry <host[:port][/path]>";
const setLogin = "pulumi config set registryUsername <name> && pulumi config set --secret registryPassword";

/** What a failed connection means. */
export function connectionProblem(access: RegistryAccess, error: NodeJS.ErrnoException): RegistryProblem {
    const host = hostOf(access);
    const code = error.code ?? "";
    if (unknownAuthority.includes(code)) {
        return {
            wrong:
                access.ca === undefined
                    ? `${host} has a certificate of an authority that is not known`
                    : `${host} has a certificate that the authority in nta:registryCa has not signed`,
            mend: "pulumi config set registryCa <path of the authority's certificate, PEM>",
        };
    }
    if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
        return { wrong: `${host} has a certificate for other names: ${error.message}`, mend: setAddress };
    }
    if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID") {
        return {
            wrong: `${host} has a certificate that is not valid now (${error.message})`,
            mend: "renew the registry's certificate, or set this machine's clock",
        };
    }
    if (code === "EPROTO" || /wrong version number|packet length too long/i.test(error.message)) {
        return { wrong: `${host} does not speak HTTPS`, mend: "pulumi config set registryInsecure true" };
    }
    const reasons: Record<string, string> = {
        ECONNREFUSED: "nothing listens there",
        ENOTFOUND: "there is no such name",
        EAI_AGAIN: "its name can't be looked up",
        EHOSTUNREACH: "there is no way to it",
        ENETUNREACH: "there is no way to it",
        ETIMEDOUT: error.message,
    };
    return {
        wrong: `${host} can't be reached: ${reasons[code] ?? error.message}`,
        mend: `start the registry or mend the way to it (VPN, proxy), or name another one: ${setAddress}`,
    };
}

/**
 * Looks whether a registry answers as one and takes the login.
 *
 * @returns what is wrong; undefined if nothing is.
 */
export async function registryProblem(access: RegistryAccess): Promise<RegistryProblem | undefined> {
    const host = hostOf(access);
    let answer;
    try {
        answer = await askRegistry(endpointOf(access), { method: "GET", path: "/v2/" });
    } catch (error) {
        return connectionProblem(access, error as NodeJS.ErrnoException);
    }
    const challenge = answer.headers["www-authenticate"] ?? "";
    if (answer.status === 200) {
        return undefined;
    }
    if (answer.status === 401 || answer.status === 403) {
        if (access.credentials !== undefined) {
            return { wrong: `${host} refuses the user name or the password`, mend: setLogin };
        }
        // Tokens are given for one image at a time, so whether all may read them is not known before.
        return /^bearer/i.test(challenge)
            ? undefined
            : { wrong: `${host} wants a login`, mend: setLogin, wantsLogin: true };
    }
    if (answer.status === 400 && access.insecure && /HTTPS/.test(answer.body.toString())) {
        return { wrong: `${host} speaks HTTPS`, mend: "pulumi config set registryInsecure false" };
    }
    return {
        wrong: `${host} answers, but not as a registry: ${answer.status} to GET /v2/`,
        mend: setAddress,
    };
}
