/** Image names: `[host[:port]/]path[:tag][@digest]`, as in distribution's reference grammar. */

export interface ImageName {
    /** "localhost:5000", "docker.io" */
    host: string;
    /** "team/app" */
    repository: string;
    tag: string | undefined;
    /** "sha256:…" */
    digest: string | undefined;
}

const DIGEST = /^[A-Za-z][A-Za-z0-9]*:[0-9a-fA-F]{32,}$/;
const PATH = /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$/;
const HOST =
    /^(?:\[[0-9a-fA-F:]+\]|[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*)(?::\d{1,5})?$/;
const TAG = /^\w[\w.-]{0,127}$/;

/**
 * Takes a name apart. A name without a host belongs to Docker Hub.
 * @throws Error saying what is wrong with the name.
 */
export function parseImageName(name: string): ImageName {
    let rest = name;
    let digest: string | undefined;
    const at = rest.indexOf("@");
    if (at >= 0) {
        digest = rest.slice(at + 1);
        rest = rest.slice(0, at);
        if (!DIGEST.test(digest)) {
            throw new Error(`${JSON.stringify(name)} is no image name: ${JSON.stringify(digest)} is no digest`);
        }
    }
    let tag: string | undefined;
    const colon = rest.lastIndexOf(":");
    if (colon > rest.lastIndexOf("/")) {
        tag = rest.slice(colon + 1);
        rest = rest.slice(0, colon);
        if (!TAG.test(tag)) {
            throw new Error(`${JSON.stringify(name)} is no image name: ${JSON.stringify(tag)} is no tag`);
        }
    }
    let { host, repository } = { host: "docker.io", repository: rest };
    const slash = rest.indexOf("/");
    const first = rest.slice(0, Math.max(slash, 0));
    if (slash >= 0 && (/[.:[]/.test(first) || first === "localhost" || first !== first.toLowerCase())) {
        host = first === "index.docker.io" ? "docker.io" : first;
        repository = rest.slice(slash + 1);
        if (!HOST.test(host)) {
            throw new Error(`${JSON.stringify(name)} is no image name: ${JSON.stringify(host)} is no registry host`);
        }
    }
    if (!PATH.test(repository)) {
        throw new Error(
            `${JSON.stringify(name)} is no image name: a repository is made of lower-case letters, digits, ".", "_", ` +
                `"-" and "/"`,
        );
    }
    if (host === "docker.io" && !repository.includes("/")) {
        repository = `library/${repository}`;
    }
    return { host, repository, tag, digest };
}

/** Whether the name itself says which registry it belongs to. */
export function namesRegistry(name: string): boolean {
    const first = name.split("/")[0] ?? "";
    return name.includes("/") && (/[.:[]/.test(first) || first === "localhost");
}

/** "https://registry.example:5000/v2/" and "registry.example:5000" are the same registry. */
export function registryHost(server: string): string {
    const host = server.replace(/^[a-z]+:\/\//, "").split("/")[0] ?? "";
    return ["docker.io", "index.docker.io", "registry-1.docker.io"].includes(host) ? "docker.io" : host;
}

/** The key under which Docker's configuration file keeps the login of a registry. */
export function credentialKey(host: string): string {
    return host === "docker.io" ? "https://index.docker.io/v1/" : host;
}
