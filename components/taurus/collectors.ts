import { createHash } from "node:crypto";

import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

import {
    environmentVariables,
    labels,
    readyCommand,
    restrictedContainer,
    restrictedPod,
    SecretKey,
} from "../support/pod";
import { CollectorKey, collectorsEnvironment, SupportEndpoints } from "./environment";
import { applicationUser } from "./server";

export interface CollectorsArgs {
    namespace: pulumi.Input<string>;
    /** The taurus.metric_collectors image by digest. */
    image: pulumi.Input<string>;
    support: SupportEndpoints;
    /** Host name of the Taurus server. */
    server: pulumi.Input<string>;
    apiKey: SecretKey;
    /** Keys for outside data, each a secret. None: the collectors stand by. */
    keys: Partial<Record<CollectorKey, pulumi.Input<string>>>;
}

const collectorsName = "taurus-collectors";

/**
 * The collectors' ReplicationController.
 *
 * @param keysChecksum Changes when a key does, so that the pod starts again with it.
 */
export function collectorsReplicationController(
    args: CollectorsArgs,
    keysSecret: pulumi.Input<string>,
    keysChecksum?: pulumi.Input<string>,
): core.ReplicationControllerArgs {
    const podLabels = labels(collectorsName);
    const given = Object.keys(args.keys) as CollectorKey[];
    const environment = collectorsEnvironment(args.support, args.apiKey, args.server, keysSecret, given);
    return {
        metadata: { name: collectorsName, namespace: args.namespace, labels: podLabels },
        spec: {
            replicas: 1,
            selector: podLabels,
            template: {
                metadata: {
                    labels: podLabels,
                    ...(keysChecksum === undefined ? {} : { annotations: { "nta/keys-checksum": keysChecksum } }),
                },
                spec: {
                    automountServiceAccountToken: false,
                    enableServiceLinks: false,
                    terminationGracePeriodSeconds: 30,
                    securityContext: restrictedPod(applicationUser),
                    containers: [
                        {
                            name: "collectors",
                            image: args.image,
                            ports: [{ name: "supervisor", containerPort: 8001 }],
                            env: environmentVariables(environment),
                            startupProbe: {
                                exec: { command: [...readyCommand] },
                                timeoutSeconds: 15,
                                periodSeconds: 2,
                                failureThreshold: 300,
                            },
                            livenessProbe: {
                                tcpSocket: { port: 8001 },
                                timeoutSeconds: 5,
                                periodSeconds: 20,
                                failureThreshold: 6,
                            },
                            resources: { requests: { cpu: "50m", memory: "256Mi" }, limits: { memory: "1Gi" } },
                            securityContext: restrictedContainer(),
                        },
                    ],
                },
            },
        },
    };
}

/** The metric collectors: agents that gather outside data and send it to the server. */
export class Collectors extends pulumi.ComponentResource {
    constructor(name: string, args: CollectorsArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:taurus:Collectors", name, {}, options);
        const keys =
            Object.keys(args.keys).length > 0
                ? new core.Secret(
                      `${name}-keys`,
                      {
                          metadata: {
                              name: collectorsName,
                              namespace: args.namespace,
                              labels: labels(collectorsName),
                          },
                          stringData: args.keys as Record<string, pulumi.Input<string>>,
                      },
                      { parent: this },
                  )
                : undefined;
        const checksum = keys && pulumi.secret(args.keys).apply((values) => keysChecksum(values));
        new core.ReplicationController(
            `${name}-pods`,
            collectorsReplicationController(args, keys?.metadata.name ?? collectorsName, checksum),
            {
                parent: this,
                dependsOn: options?.dependsOn,
                replaceOnChanges: ["spec.template"],
                deleteBeforeReplace: true,
                customTimeouts: { create: "15m", update: "15m" },
            },
        );
        this.registerOutputs({});
    }
}

/** Same for the same keys, whatever their order. */
export function keysChecksum(keys: Partial<Record<CollectorKey, string>>): string {
    const sorted = Object.entries(keys).sort(([first], [second]) => (first < second ? -1 : 1));
    return createHash("sha256").update(JSON.stringify(sorted)).digest("hex").slice(0, 16);
}
