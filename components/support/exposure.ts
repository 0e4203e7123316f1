import type * as core from "@pulumi/kubernetes/core/v1";
import type { Output } from "@pulumi/pulumi";

import { skipAwait } from "./pod";

/** How a Service's ports are reached from outside of the cluster. */
export interface Exposure {
    /** A load balancer's address is waited for. */
    type: "NodePort" | "LoadBalancer";
    /** Numbers of the nodes' ports by the name of the Service's port. The cluster chooses those that are not given. */
    nodePorts?: Readonly<Record<string, number>>;
}

/** The `type` of a Service that is exposed like this, or not at all. */
export function serviceType(exposure: Exposure | undefined): string {
    return exposure?.type ?? "ClusterIP";
}

/** The part of a Service's port that fixes the nodes' port, if it is to be fixed. */
export function fixedNodePort(exposure: Exposure | undefined, port: string): { nodePort?: number } {
    const nodePort = exposure?.nodePorts?.[port];
    return nodePort === undefined ? {} : { nodePort };
}

/** Services are not waited for, pods are; a load balancer's address takes its time, and is told to the user. */
export function serviceAnnotations(exposure: Exposure | undefined): Readonly<Record<string, string>> {
    return exposure?.type === "LoadBalancer" ? {} : skipAwait;
}

/** Where an exposed Service answers: at its load balancer, else at the nodes' ports. */
export interface ExposedService {
    /** Address of the load balancer. */
    balancer?: string;
    /** By name. */
    ports: Record<string, { port: number; nodePort?: number }>;
}

/** What the cluster made of a Service's exposure. */
export function exposedService(service: core.Service): Output<ExposedService> {
    return service.spec.apply(({ ports }) =>
        service.status.apply((status) => {
            // What an API server fills in may be missing in a preview, whatever the types say.
            const ingress = status?.loadBalancer?.ingress?.[0];
            const named = (ports ?? []).map(({ name, port, nodePort }) => [name, { port, nodePort }] as const);
            return { balancer: ingress?.hostname ?? ingress?.ip, ports: Object.fromEntries(named) };
        }),
    );
}

/** `host:port` of an exposed Service's port. */
export function endpoint({ balancer, ports }: ExposedService, port: string, node: string): string {
    const { port: own, nodePort } = ports[port] ?? {};
    return balancer === undefined ? `${node}:${nodePort ?? "<port>"}` : `${balancer}:${own}`;
}
