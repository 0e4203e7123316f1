import * as batch from "@pulumi/kubernetes/batch/v1";
import * as pulumi from "@pulumi/pulumi";

import { skipAwait } from "../../support/pod";
import { WorkloadArgs, workloadContainer, workloadLabels, workloadPod } from "../container";

export interface BatchJobArgs extends WorkloadArgs {
    command: readonly string[];
    /** How often it is tried again after it failed. */
    retries: number;
    /** Seconds after which it is ended and counts as failed. */
    deadline?: number;
    /** The update waits for its end, and fails if it does. */
    wait: boolean;
}

/** The Job of a batch job. Its pods stay, with their logs, until it is replaced or deleted. */
export function batchJob(args: BatchJobArgs): batch.JobArgs {
    const labels = workloadLabels(args.workloadName, "batch-job");
    return {
        metadata: {
            name: args.workloadName,
            namespace: args.namespace,
            labels,
            ...(args.wait ? {} : { annotations: skipAwait }),
        },
        spec: {
            backoffLimit: args.retries,
            ...(args.deadline === undefined ? {} : { activeDeadlineSeconds: args.deadline }),
            template: {
                metadata: { labels },
                spec: { restartPolicy: "Never", ...workloadPod([workloadContainer(args, args.command)]) },
            },
        },
    };
}

/** A command that runs once to its end; a changed one runs again. */
export class BatchJob extends pulumi.ComponentResource {
    /** Name of the Job. */
    readonly jobName: pulumi.Output<string>;

    constructor(name: string, args: BatchJobArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:BatchJob", name, {}, options);
        const job = new batch.Job(`${name}-job`, batchJob(args), {
            parent: this,
            // A Job's template can't be changed, and its name stays.
            replaceOnChanges: ["spec"],
            deleteBeforeReplace: true,
            customTimeouts: { create: args.deadline === undefined ? "24h" : `${args.deadline + 60}s` },
        });
        this.jobName = job.metadata.name;
        this.registerOutputs({ jobName: this.jobName });
    }
}
