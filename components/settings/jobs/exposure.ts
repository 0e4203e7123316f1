import { isIPv4 } from "node:net";

import { entryChoice, entryText, field } from "../entries";

const address = () => entryText((value) => (isIPv4(value) ? undefined : "is no IPv4 address")).optional();

/** How a workload that answers requests is reached. */
export const exposureFields = () => ({
    type: field(entryChoice(["ClusterIP", "LoadBalancer"]).default("ClusterIP"), {
        description:
            "`ClusterIP`: it has an address in the cluster. `LoadBalancer`: one on the nodes' network as well, at which this " +
            "machine reaches it, from `addressPool` or the cluster's own load balancers.",
        expected: "ClusterIP or LoadBalancer",
        example: "LoadBalancer",
    }),
    clusterIP: field(address(), {
        description:
            "The address that it has in the cluster. Not set: the cluster chooses one. It stays in either case.",
        expected: "a free address of `serviceRange` (10.100.0.0/16)",
        example: "10.100.200.1",
    }),
    loadBalancerIP: field(address(), {
        description:
            "The address that it has on the nodes' network, for `type: LoadBalancer`. Not set: the first free one. It stays in " +
            "either case.",
        expected: "a free address of `addressPool`",
        example: "172.18.255.210",
    }),
});
