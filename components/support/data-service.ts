import * as apps from "@pulumi/kubernetes/apps/v1";
import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

import { type ExposedService, exposedService, type Exposure, programService } from "./exposure";
import { Environment, environmentVariables, labels, probes, restrictedContainer, restrictedPod } from "./pod";
import { Volume, VolumeStorage } from "./volume";

/** What MySQL, RabbitMQ and DynamoDB take alike. */
export interface DataServiceArgs {
    namespace: pulumi.Input<string>;
    /** Image by digest. */
    image: pulumi.Input<string>;
    /** Size of the data volume, a Kubernetes quantity. */
    storageSize: string;
    storage: VolumeStorage;
    /** Folder of local storage that services share: each has its data in a folder of its name there. */
    sharedFolder?: string;
    /** Prefix of the names of what is cluster-wide. */
    clusterWidePrefix: string;
    /** Not exposed if absent. */
    exposure?: Exposure;
}

/** User and group of the support services' images. */
export const supportUser = 999;

/** One port of a data service. */
export interface ServicePort {
    name: string;
    port: number;
}

/** What tells one data service from another. */
export interface DataServiceDefinition {
    /** Name of the Service, the StatefulSet and the volume. */
    serviceName: string;
    /** The first one is what liveness looks at. */
    ports: readonly [ServicePort, ...ServicePort[]];
    environment: Environment;
    /** Where the data is mounted in the container. */
    dataFolder: string;
    /** User and group of the image. */
    user: number;
    memoryRequest: string;
    memoryLimit: string;
    /** Seconds that a clean stop may take. */
    terminationGracePeriodSeconds: number;
}

/** The StatefulSet of a data service: one pod under "restricted", its data on a claim that outlives it. */
export function dataServiceStatefulSet(
    definition: DataServiceDefinition,
    args: DataServiceArgs,
    claimName: pulumi.Input<string>,
): apps.StatefulSetArgs {
    const { serviceName } = definition;
    return {
        metadata: { name: serviceName, namespace: args.namespace, labels: labels(serviceName) },
        spec: {
            serviceName,
            replicas: 1,
            selector: { matchLabels: labels(serviceName) },
            template: {
                metadata: { labels: labels(serviceName) },
                spec: {
                    automountServiceAccountToken: false,
                    // Else a Service named dynamodb sets DYNAMODB_PORT=tcp://..., which images take for theirs.
                    enableServiceLinks: false,
                    terminationGracePeriodSeconds: definition.terminationGracePeriodSeconds,
                    securityContext: restrictedPod(definition.user),
                    containers: [
                        {
                            name: serviceName,
                            image: args.image,
                            ports: definition.ports.map(({ name, port }) => ({ name, containerPort: port })),
                            env: environmentVariables(definition.environment),
                            ...probes(definition.ports[0].port),
                            // No CPU limit: it would slow starts down, and shares keep the balance already.
                            resources: {
                                requests: { cpu: "50m", memory: definition.memoryRequest },
                                limits: { memory: definition.memoryLimit },
                            },
                            securityContext: restrictedContainer(),
                            volumeMounts: [
                                {
                                    name: "data",
                                    mountPath: definition.dataFolder,
                                    ...(args.sharedFolder === undefined ? {} : { subPath: serviceName }),
                                },
                            ],
                        },
                    ],
                    volumes: [{ name: "data", persistentVolumeClaim: { claimName } }],
                },
            },
        },
    };
}

/** The Service of a data service. */
export function dataServiceService(definition: DataServiceDefinition, args: DataServiceArgs): core.ServiceArgs {
    const { serviceName, ports } = definition;
    const { namespace, exposure } = args;
    return programService({ serviceName, namespace, labels: labels(serviceName), ports, exposure });
}

/** A service that keeps data: volume, StatefulSet and Service. Done when its pod says that it is ready. */
export class DataService extends pulumi.ComponentResource {
    /** DNS name in the namespace. */
    readonly host: pulumi.Output<string>;
    /** Port of the protocol that clients speak. */
    readonly port: number;
    /** Where its ports answer from outside of the cluster, if it is exposed. */
    readonly exposed?: pulumi.Output<ExposedService>;

    constructor(
        name: string,
        args: DataServiceArgs & { definition: DataServiceDefinition },
        options?: pulumi.ComponentResourceOptions,
    ) {
        super("nta:support:DataService", name, {}, options);
        const { definition } = args;
        const volume = new Volume(
            `${name}-data`,
            {
                namespace: args.namespace,
                volumeName: definition.serviceName,
                persistentVolumeName: `${args.clusterWidePrefix}-${definition.serviceName}`,
                folder: args.sharedFolder,
                size: args.storageSize,
                storage: args.storage,
            },
            { parent: this },
        );
        const service = new core.Service(`${name}-service`, dataServiceService(definition, args), { parent: this });
        new apps.StatefulSet(`${name}-pods`, dataServiceStatefulSet(definition, args, volume.claimName), {
            parent: this,
            customTimeouts: { create: "15m", update: "15m" },
        });
        this.host = service.metadata.name;
        this.exposed = args.exposure && exposedService(service);
        this.port = definition.ports[0].port;
        this.registerOutputs({ host: this.host, port: this.port });
    }
}
