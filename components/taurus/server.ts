import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

import { type ExposedService, exposedService, type Exposure, programService } from "../support/exposure";
import { environmentVariables, labels, probes, restrictedContainer, restrictedPod, SecretKey } from "../support/pod";
import { Volume, VolumeStorage } from "../support/volume";
import { serverEnvironment, SupportEndpoints } from "./environment";

/** User and group of the application's images. */
export const applicationUser = 10001;

/** Name of the server's Service, and of the volume with the models' checkpoints. */
export const serverName = "taurus";

export interface TaurusServerArgs {
    namespace: pulumi.Input<string>;
    /** The taurus image by digest. */
    image: pulumi.Input<string>;
    replicas: number;
    support: SupportEndpoints;
    apiKey: SecretKey;
    /** Size of the checkpoints' volume, a Kubernetes quantity. */
    storageSize: string;
    storage: VolumeStorage;
    clusterWidePrefix: string;
    /** Not exposed if absent. */
    exposure?: Exposure;
}

/** The server's ReplicationController: one pod that keeps its models' checkpoints on a claim. */
export function serverReplicationController(
    args: TaurusServerArgs,
    claimName: pulumi.Input<string>,
): core.ReplicationControllerArgs {
    const podLabels = labels("taurus-server");
    return {
        metadata: { name: "taurus-server", namespace: args.namespace, labels: podLabels },
        spec: {
            replicas: args.replicas,
            selector: podLabels,
            template: {
                metadata: { labels: podLabels },
                spec: {
                    automountServiceAccountToken: false,
                    enableServiceLinks: false,
                    terminationGracePeriodSeconds: 30,
                    securityContext: {
                        ...restrictedPod(applicationUser),
                        // The server listens on 443 and 80 without being root.
                        sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
                    },
                    containers: [
                        {
                            name: "taurus",
                            image: args.image,
                            ports: [
                                { name: "https", containerPort: 443 },
                                { name: "supervisor", containerPort: 9001 },
                                { name: "metrics", containerPort: 2003 },
                            ],
                            env: environmentVariables(serverEnvironment(args.support, args.apiKey)),
                            ...probes(443),
                            resources: { requests: { cpu: "100m", memory: "512Mi" }, limits: { memory: "3Gi" } },
                            securityContext: restrictedContainer(),
                            volumeMounts: [{ name: "checkpoints", mountPath: "/home/nta/taurus_model_checkpoints" }],
                        },
                    ],
                    volumes: [{ name: "checkpoints", persistentVolumeClaim: { claimName } }],
                },
            },
        },
    };
}

/** The server's Service: HTTPS, the supervisor, and metrics in the plaintext protocol. */
export function serverService({ namespace, exposure }: TaurusServerArgs): core.ServiceArgs {
    const ports = [
        { name: "https", port: 443 },
        { name: "supervisor", port: 9001 },
        { name: "metrics", port: 2003 },
    ];
    return programService({
        serviceName: serverName,
        namespace,
        labels: labels("taurus-server"),
        ports,
        exposure,
    });
}

/**
 * The Taurus server as `taurus:443`, `taurus:9001` and `taurus:2003`. Its pod starts when everything in `dependsOn` is
 * ready; it is done when all its programs run.
 */
export class TaurusServer extends pulumi.ComponentResource {
    /** DNS name in the namespace. */
    readonly host: pulumi.Output<string>;
    /** Where its ports answer from outside of the cluster, if it is exposed. */
    readonly exposed?: pulumi.Output<ExposedService>;

    constructor(name: string, args: TaurusServerArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:taurus:TaurusServer", name, {}, options);
        const checkpoints = new Volume(
            `${name}-checkpoints`,
            {
                namespace: args.namespace,
                volumeName: serverName,
                persistentVolumeName: `${args.clusterWidePrefix}-${serverName}`,
                size: args.storageSize,
                storage: args.storage,
            },
            { parent: this },
        );
        const service = new core.Service(`${name}-service`, serverService(args), { parent: this });
        new core.ReplicationController(`${name}-pods`, serverReplicationController(args, checkpoints.claimName), {
            parent: this,
            dependsOn: options?.dependsOn,
            // A ReplicationController leaves running pods as they are when its template changes, and two servers must
            // not share the checkpoints: the old one goes first.
            replaceOnChanges: ["spec.template"],
            deleteBeforeReplace: true,
            customTimeouts: { create: "15m", update: "15m" },
        });
        this.host = service.metadata.name;
        this.exposed = args.exposure && exposedService(service);
        this.registerOutputs({ host: this.host });
    }
}
