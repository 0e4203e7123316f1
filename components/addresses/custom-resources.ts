import type { Input } from "@pulumi/pulumi";

import { inMetalLb } from "./metallb";

/** MetalLB's kinds of objects, each with the versions that MetalLB 0.15.2 asks for, used here or not; the last one is kept. */
const kinds = {
    BFDProfile: { plural: "bfdprofiles", versions: ["v1beta1"] },
    BGPAdvertisement: { plural: "bgpadvertisements", versions: ["v1beta1"] },
    BGPPeer: { plural: "bgppeers", versions: ["v1beta1", "v1beta2"] },
    Community: { plural: "communities", versions: ["v1beta1"] },
    IPAddressPool: { plural: "ipaddresspools", versions: ["v1beta1"] },
    L2Advertisement: { plural: "l2advertisements", versions: ["v1beta1"] },
    ServiceBGPStatus: { plural: "servicebgpstatuses", versions: ["v1beta1"] },
    ServiceL2Status: { plural: "servicel2statuses", versions: ["v1beta1"] },
};

/**
 * The definitions of MetalLB's kinds. What may stand in an object is left open: the only ones that this program makes are
 * the pool's, and their addresses are checked with the settings.
 */
export function metalLbDefinitions() {
    const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
    return Object.entries(kinds).map(([kind, { plural, versions }]) => ({
        metadata: { name: `${plural}.metallb.io` },
        spec: {
            group: "metallb.io",
            scope: "Namespaced",
            names: { kind, listKind: `${kind}List`, plural, singular: kind.toLowerCase() },
            versions: versions.map((name) => ({
                name,
                served: true,
                storage: name === versions.at(-1),
                subresources: { status: {} },
                schema: { openAPIV3Schema: { type: "object", properties: { spec: anything, status: anything } } },
            })),
        },
    }));
}

/** An IPAddressPool: addresses that any Service of type LoadBalancer may have. */
export function addressPool(addresses: Input<string>) {
    return {
        apiVersion: "metallb.io/v1beta1",
        kind: "IPAddressPool",
        metadata: inMetalLb("pool"),
        spec: { addresses: [addresses], autoAssign: true, avoidBuggyIPs: false },
    };
}

/** An L2Advertisement: the speakers answer ARP requests for the pool's addresses. */
export function layer2Advertisement() {
    return {
        apiVersion: "metallb.io/v1beta1",
        kind: "L2Advertisement",
        metadata: inMetalLb("pool"),
        spec: { ipAddressPools: ["pool"] },
    };
}
