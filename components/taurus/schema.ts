import * as batch from "@pulumi/kubernetes/batch/v1";
import * as pulumi from "@pulumi/pulumi";

import { environmentVariables, labels, restrictedContainer, restrictedPod } from "../support/pod";
import { schemaEnvironment, SupportEndpoints } from "./environment";
import { applicationUser } from "./server";

export interface SchemaArgs {
    namespace: pulumi.Input<string>;
    /** The taurus image by digest. */
    image: pulumi.Input<string>;
    support: SupportEndpoints;
}

/** The Job that makes the databases where they are missing and brings their tables up to the image's version. */
export function schemaJob(args: SchemaArgs): batch.JobArgs {
    return {
        metadata: { name: "taurus-schema", namespace: args.namespace, labels: labels("taurus-schema") },
        spec: {
            backoffLimit: 4,
            activeDeadlineSeconds: 900,
            template: {
                metadata: { labels: labels("taurus-schema") },
                spec: {
                    restartPolicy: "Never",
                    automountServiceAccountToken: false,
                    enableServiceLinks: false,
                    securityContext: restrictedPod(applicationUser),
                    containers: [
                        {
                            name: "schema",
                            image: args.image,
                            command: ["/opt/nta/bin/migrate"],
                            env: environmentVariables(schemaEnvironment(args.support)),
                            resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "512Mi" } },
                            securityContext: restrictedContainer(),
                        },
                    ],
                },
            },
        },
    };
}

/**
 * The databases' tables; made when everything in `dependsOn` is ready. What depends on this starts when the migrations are through; a new image runs them
 * again.
 */
export class Schema extends pulumi.ComponentResource {
    constructor(name: string, args: SchemaArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:taurus:Schema", name, {}, options);
        new batch.Job(`${name}-job`, schemaJob(args), {
            parent: this,
            dependsOn: options?.dependsOn,
            // A Job's template can't be changed, and its name stays.
            replaceOnChanges: ["spec.template"],
            deleteBeforeReplace: true,
            customTimeouts: { create: "15m" },
        });
        this.registerOutputs({});
    }
}
