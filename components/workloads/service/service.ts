import * as apps from "@pulumi/kubernetes/apps/v1";
import * as autoscaling from "@pulumi/kubernetes/autoscaling/v2";
import * as core from "@pulumi/kubernetes/core/v1";
import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { WorkloadArgs, workloadContainer, workloadLabels, workloadPod } from "../container";
import { AddressArgs, hostsLine, workloadService } from "../workload-service";
import { ProbeArgs, serviceProbes } from "./probes";

/** A port that a service answers at. */
export interface PortArgs {
    name: string;
    /** The Service's. */
    port: number;
    /** The container's, if it is another one. */
    containerPort?: number;
}

/** The number of replicas follows the load. */
export interface AutoscaleArgs {
    min: number;
    max: number;
    /** Percent of the reserved processors. */
    cpu: number;
}

export interface ServiceArgs extends WorkloadArgs, AddressArgs {
    /** The image's own if not given. */
    command?: readonly string[];
    replicas: number;
    /** At least one. */
    ports: readonly PortArgs[];
    readiness: ProbeArgs;
    liveness: ProbeArgs;
    /** Seconds for which a pod that is about to stop still answers. */
    drain: number;
    /** Seconds that the program has to end by itself. */
    stopTimeout: number;
    autoscale?: AutoscaleArgs;
}

const component = "service";

/**
 * The Deployment of a service. A rolling update loses no request: a pod goes only when a new one is ready, and it goes on
 * answering for a moment, until all nodes have taken it out of their rules.
 */
export function serviceDeployment(args: ServiceArgs): apps.DeploymentArgs {
    const labels = workloadLabels(args.workloadName, component);
    const ports = args.ports.map(({ name, port, containerPort }) => ({ name, containerPort: containerPort ?? port }));
    const container: types.input.core.v1.Container = {
        ...workloadContainer(args, args.command),
        ports,
        ...serviceProbes(args.readiness, args.liveness, ports[0].containerPort),
        ...(args.drain === 0 ? {} : { lifecycle: { preStop: { sleep: { seconds: args.drain } } } }),
    };
    return {
        metadata: { name: args.workloadName, namespace: args.namespace, labels },
        spec: {
            // With a number here, each update would undo what the autoscaler did.
            ...(args.autoscale === undefined ? { replicas: args.replicas } : {}),
            revisionHistoryLimit: 2,
            strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 0, maxSurge: "25%" } },
            selector: { matchLabels: labels },
            template: {
                metadata: { labels },
                spec: {
                    ...workloadPod([container], args),
                    terminationGracePeriodSeconds: args.drain + args.stopTimeout,
                    topologySpreadConstraints: [
                        {
                            topologyKey: "kubernetes.io/hostname",
                            maxSkew: 1,
                            whenUnsatisfiable: "ScheduleAnyway",
                            labelSelector: { matchLabels: labels },
                        },
                    ],
                },
            },
        },
    };
}

/** The Service of a service: its name in DNS and its address, which stay whatever becomes of the pods. */
export function serviceService(args: ServiceArgs): core.ServiceArgs {
    const labels = workloadLabels(args.workloadName, component);
    return workloadService({ ...args, labels, selector: labels });
}

/** The HorizontalPodAutoscaler of a service. */
export function serviceAutoscaler(
    args: ServiceArgs,
    { min, max, cpu }: AutoscaleArgs,
): autoscaling.HorizontalPodAutoscalerArgs {
    return {
        metadata: {
            name: args.workloadName,
            namespace: args.namespace,
            labels: workloadLabels(args.workloadName, component),
        },
        spec: {
            scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: args.workloadName },
            minReplicas: min,
            maxReplicas: max,
            metrics: [
                {
                    type: "Resource",
                    resource: { name: "cpu", target: { type: "Utilization", averageUtilization: cpu } },
                },
            ],
        },
    };
}

/** A program that keeps running and answers at a name and an address that stay. Done when its pods are ready. */
export class Service extends pulumi.ComponentResource {
    /** DNS name in the namespace. */
    readonly host: pulumi.Output<string>;
    /** Line for the /etc/hosts of a machine that reaches the nodes' network; undefined without an address there. */
    readonly hostsLine: pulumi.Output<string | undefined>;

    constructor(name: string, args: ServiceArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:Service", name, {}, options);
        const service = new core.Service(`${name}-service`, serviceService(args), { parent: this });
        const pods = new apps.Deployment(`${name}-pods`, serviceDeployment(args), { parent: this });
        if (args.autoscale !== undefined) {
            new autoscaling.HorizontalPodAutoscaler(`${name}-autoscaler`, serviceAutoscaler(args, args.autoscale), {
                parent: this,
                dependsOn: [pods],
            });
        }
        this.host = service.metadata.name;
        this.hostsLine = hostsLine(service);
        this.registerOutputs({ host: this.host });
    }
}
