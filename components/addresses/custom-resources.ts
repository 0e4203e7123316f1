import type { Input } from "@pulumi/pulumi";

import { inMetalLb } from "./metallb";

/** MetalLB's kinds of objects, each with the version that it is kept in. MetalLB asks for all of them, used here or not. */
const kinds = {
    BFDProfile: { plural: "bfdprofiles", version: "v1beta1" },
    BGPAdvertisement: { plural: "bgpadvertisements", version: "v1beta1" },
    BGPPeer: { plural: "bgppeers", version: "v1beta2" },
    Community: { plural: "communities", version: "v1beta1" },
    IPAddressPool: { plural: "ipaddresspools", version: "v1beta1" },
    L2Advertisement: { plural: "l2advertisements", version: "v1beta1" },
    ServiceBGPStatus: { plural: "servicebgpstatuses", version: "v1beta1" },
    ServiceL2Status: { plural: "servicel2statuses", version: "v1beta1" },
} as const;

/** Other versions, which MetalLB 0.15.2 asks for as well. */
const olderVersions: Partial<Record<string, string>> = { BGPPeer: "v1beta1" };

/**
 * The definitions of MetalLB's kinds. What may stand in an object is left open: the only ones that this program makes are
 * the pool's, and their addresses are checked with the settings.
 */
export function metalLbDefinitions() {
    const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    return Object.entries(kinds).map(([kind, { plural, version }]) => ({
        metadata: { name: `${plural}.metallb.io` },
        spec: {
            group: "metallb.io",
            scope: "Namespaced",
            names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
            versions: [olderVersions[kind], version].flatMap((name) =>
                name === undefined
                    ? []
                    : [
                          {
                              name,
                              served: true,
                              storage: name === version,
                              subresources: { status: {} },
                              schema: {
                                  openAPIV3Schema: { type: "object", properties: { spec: anything, status: anything } },
                              },
                          },
                      ],
            ),
        },
    }));
}

/** An IPAddressPool: addresses that any Service of type LoadBalancer may have. */
export function addressPool(addresses: Input<string>) {
    return {
        apiVersion: `metallb.io/${kinds.IPAddressPool.version}`,
        kind: "IPAddressPool",
        metadata: inMetalLb("pool"),
        spec: { addresses: [addresses], autoAssign: true, avoidBuggyIPs: false },
    };
}

/** An L2Advertisement: the speakers answer ARP requests for the pool's addresses. */
export function layer2Advertisement() {
    return {
        apiVersion: `metallb.io/${kinds.L2Advertisement.version}`,
        kind: "L2Advertisement",
        metadata: inMetalLb("pool"),
        spec: { ipAddressPools: ["pool"] },
    };
}
