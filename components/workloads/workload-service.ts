import * as core from "@pulumi/kubernetes/core/v1";
import type { Input, Output } from "@pulumi/pulumi";

import { exposedService } from "../support/exposure";
import { skipAwait } from "../support/pod";

/** How a workload is reached. */
export interface AddressArgs {
    /** An address in the cluster, or one on the nodes' network as well. */
    type: "ClusterIP" | "LoadBalancer";
    /** The address in the cluster; chosen by the cluster if not given. */
    clusterIP?: string;
    /** The address on the nodes' network; the first free one if not given. */
    loadBalancerIP?: string;
}

export interface WorkloadServiceArgs extends AddressArgs {
    workloadName: string;
    namespace: Input<string>;
    labels: Record<string, string>;
    /** Labels of the pods that are meant. */
    selector: Record<string, string>;
    ports: readonly { name: string; port: number }[];
}

/** The Service of a workload. Its ports lead to the containers' of the same names. An address outside is waited for. */
export function workloadService(args: WorkloadServiceArgs): core.ServiceArgs {
    const { type, clusterIP, loadBalancerIP } = args;
    const balanced = type === "LoadBalancer";
    return {
        metadata: {
            name: args.workloadName,
            namespace: args.namespace,
            labels: args.labels,
            annotations: balanced ? { "pulumi.com/waitFor": "jsonpath={.status.loadBalancer.ingress}" } : skipAwait,
        },
        spec: {
            type,
            ...(clusterIP === undefined ? {} : { clusterIP }),
            ...(loadBalancerIP === undefined ? {} : { loadBalancerIP }),
            selector: args.selector,
            ports: args.ports.map(({ name, port }) => ({ name, port, targetPort: name })),
        },
    };
}

/** A line of an /etc/hosts, with the names that the Service has in the cluster; undefined where it has no such address. */
export function hostsLine(service: core.Service): Output<string | undefined> {
    return exposedService(service).apply(({ balancer }) =>
        service.metadata.apply(({ name, namespace }) => {
            // A cloud's balancer may have a name in place of an address.
            const address = /^[\d.]+$/.test(balancer ?? "") ? balancer : undefined;
            return address && `${address} ${name}.${namespace} ${name}.${namespace}.svc.cluster.local`;
        }),
    );
}
