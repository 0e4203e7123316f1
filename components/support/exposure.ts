import type * as core from "@pulumi/kubernetes/core/v1";
import type { Input, Output } from "@pulumi/pulumi";

import { skipAwait } from "./pod";

/** How a Service's ports are reached from outside of the cluster. */
export interface Exposure {
    /** A load balancer's address is waited for. */
    type: "NodePort" | "LoadBalancer";
    /** Numbers of the nodes' ports by the name of the Service's port. The cluster chooses those that are not given. */
    nodePorts?: Readonly<Record<string, number>>;
}

/** What the Service of a program is made from. */
export interface ProgramServiceArgs {
    serviceName: string;
    namespace: Input<string>;
    /** The labels of the program's pods; the Service has them too. */
    labels: Record<string, string>;
    /** Each leads to the container's port of the same name. */
    ports: readonly { name: string; port: number }[];
    /** Not exposed if absent. */
    exposure?: Exposure;
}

/** The Service of a program, exposed or not. It keeps its address whatever becomes of the pods. */
export function programService(args: ProgramServiceArgs): core.ServiceArgs {
    const { exposure } = args;
    const ports = args.ports.map(({ name, port }) => {
        const nodePort = exposure?.nodePorts?.[name];
        return { name, port, targetPort: name, ...(nodePort === undefined ? {} : { nodePort }) };
    });
    return {
        metadata: {
            name: args.serviceName,
            namespace: args.namespace,
            labels: args.labels,
            // Services are not waited for, pods are; a load balancer's address takes its time, and is told to the user.
            annotations: exposure?.type === "LoadBalancer" ? {} : skipAwait,
        },
        spec: { type: exposure?.type ?? "ClusterIP", selector: args.labels, ports },
    };
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
