/** containerd's folder for one registry, `host[:port]` as image references name it. It is read at each pull. */
export function registryFolder(host: string): string {
    return `/etc/containerd/certs.d/${host}`;
}

/**
 * containerd's `hosts.toml` for one registry: where image references to it really go.
 *
 * @param endpoint For example `http://10.0.0.1:5000`.
 * @param ca Path of the authority's certificate on the node.
 */
export function hostsToml(endpoint: string, ca?: string): string {
    const lines = [`server = "${endpoint}"`, "", `[host."${endpoint}"]`, `  capabilities = ["pull", "resolve"]`];
    return [...lines, ...(ca === undefined ? [] : [`  ca = "${ca}"`]), ""].join("\n");
}
