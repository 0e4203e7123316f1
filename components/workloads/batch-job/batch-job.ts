import * as batch from "@pulumi/kubernetes/batch/v1";
import * as pulumi from "@pulumi/pulumi";

import { notWaitedFor, waitedFor, workloadLabels } from "../container";
import { jobPatience, jobSpec, RunArgs } from "./job-spec";

export interface BatchJobArgs extends RunArgs {
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
            annotations: args.wait ? waitedFor : notWaitedFor,
        },
        spec: jobSpec(args, labels),
    };
}

/** A command that runs once to its end; a changed one runs again. */
export class BatchJob extends pulumi.ComponentResource {
    /** Name of the Job. */
    readonly jobName: pulumi.Output<string>;

    constructor(name: string, args: BatchJobArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:BatchJob", name, {}, options);
        const patience = jobPatience(args.deadline);
        const job = new batch.Job(`${name}-job`, batchJob(args), {
            parent: this,
            // A Job's template can't be changed, and its name stays.
            replaceOnChanges: ["spec"],
            deleteBeforeReplace: true,
            customTimeouts: { create: patience, update: patience },
        });
        this.jobName = job.metadata.name;
        this.registerOutputs({ jobName: this.jobName });
    }
}
