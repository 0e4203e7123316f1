import type { Service, ServicePort } from "../objects";

/** How this machine reaches ports of the cluster's nodes. */
export interface Outside {
    /** Ports of this machine that lead to ports of the first node. */
    forwarded: readonly { host: number; guest: number }[];
    /** Where this machine's forwarded ports answer. */
    hostAddress: string;
    /** A node's own address, where no ports are forwarded (a cluster that was not made here). */
    nodeAddress?: string;
    /** Names that this machine knows addresses by. */
    names?: ReadonlyMap<string, string>;
}

/** The first name of each address in a hosts file. */
export function hostNames(hosts: string): Map<string, string> {
    const names = new Map<string, string>();
    for (const line of hosts.split("\n")) {
        const [address = "", name] = line.replace(/#.*/, "").trim().split(/\s+/);
        if (name !== undefined && !names.has(address)) {
            names.set(address, name);
        }
    }
    return names;
}

/** The scheme that a browser would need; undefined for what is not HTTP as far as one can tell. */
function scheme({ name = "", port, appProtocol }: ServicePort): "http" | "https" | undefined {
    const protocol = (appProtocol ?? name).toLowerCase();
    if (protocol.startsWith("https") || port === 443 || port === 8443) {
        return "https";
    }
    const isWeb = /^(http|web|management|supervisor)/.test(protocol) || [80, 8080, 9001, 15672].includes(port);
    return isWeb ? "http" : undefined;
}

function link(port: ServicePort, host: string, number: number): string {
    const kind = scheme(port);
    const bracketed = host.includes(":") ? `[${host}]` : host;
    const usual = (kind === "https" && number === 443) || (kind === "http" && number === 80);
    return `${kind === undefined ? "" : `${kind}://`}${bracketed}${usual ? "" : `:${number}`}`;
}

/** Where a service answers outside its cluster: links for what is HTTP, `host:port` for the rest. */
export function serviceLinks({ spec, status }: Service, outside: Outside): string[] {
    const { forwarded, hostAddress, nodeAddress, names } = outside;
    const host = ["0.0.0.0", "127.0.0.1"].includes(hostAddress) ? "localhost" : hostAddress;
    const external = [
        ...(status.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => hostname ?? ip ?? ""),
        ...(spec.externalIPs ?? []),
    ];
    return (spec.ports ?? []).flatMap((port) => {
        const here = forwarded.find(({ guest }) => guest === port.nodePort);
        const links = external
            .filter((address) => address !== "")
            .map((address) => link(port, names?.get(address) ?? address, port.port));
        if (here !== undefined) {
            links.push(link(port, host, here.host));
        } else if (links.length === 0 && port.nodePort !== undefined && nodeAddress !== undefined) {
            links.push(link(port, nodeAddress, port.nodePort));
        }
        return links;
    });
}
