/**
 * What is wrong with a registry's name, or nothing. The grammar is that of image references
 * (distribution/reference): a domain, an optional port, optional lower-case path components.
 */
export function registryProblem(value: string): string | undefined {
    const scheme = /^[a-z+]+:\/\//i.exec(value);
    if (scheme) {
        return `has a scheme (${scheme[0]}), which image names do not`;
    }
    if (/[\s@?#]/.test(value)) {
        return "has characters that image names can't have";
    }
    const [address = "", ...components] = value.split("/");
    const [, host = "", portText] = /^(\[[0-9a-fA-F:]+\]|[^:]*)(?::(.*))?$/.exec(address) ?? [];
    if (host === "") {
        return "has no host";
    }
    const label = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
    if (!host.startsWith("[") && !host.split(".").every((part) => part.length <= 63 && label.test(part))) {
        return "has a host that is no DNS name or address";
    }
    if (portText !== undefined && !(/^\d{1,5}$/.test(portText) && Number(portText) >= 1 && Number(portText) <= 65535)) {
        return "has a port that is no number from 1 to 65535";
    }
    if (portText === undefined && host !== "localhost" && !host.includes(".") && !host.startsWith("[")) {
        // Docker takes such a first part for a folder on Docker Hub, and pushes there.
        return "has a host without a dot or a port, which Docker takes for an account on Docker Hub";
    }
    const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
    const wrong = components.find((part) => !component.test(part));
    if (wrong === "") {
        return "has an empty part in its path";
    }
    if (wrong?.includes(":")) {
        return "has a tag, which belongs to an image and not to a registry";
    }
    if (wrong !== undefined) {
        return `has the part "${wrong}" in its path (lower-case letters, digits and single separators . _ - are right)`;
    }
    return undefined;
}

/** `https://Registry/Path/` is meant as `Registry/path`. */
export function suggestRegistry(wrong: string): string | undefined {
    const [host = "", ...path] = wrong
        .trim()
        .replace(/^[a-z+]+:\/\//i, "")
        .split("/");
    const components = path.filter((part) => part !== "").map((part) => part.replace(/:.*$/, "").toLowerCase());
    const candidate = [host, ...components].join("/");
    return registryProblem(candidate) === undefined ? candidate : undefined;
}
