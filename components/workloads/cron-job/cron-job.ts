import * as batch from "@pulumi/kubernetes/batch/v1";
import * as pulumi from "@pulumi/pulumi";

import { jobSpec, RunArgs } from "../batch-job/job-spec";
import { workloadLabels } from "../container";

/** What happens when it is time while the run before still goes on: both run, the new one is left out, or the old one ends. */
export type ConcurrencyPolicy = "Allow" | "Forbid" | "Replace";

export interface CronJobArgs extends RunArgs {
    /** Five fields, or a word such as `@daily`. */
    schedule: string;
    /** IANA name, such as `Europe/Berlin`. */
    timeZone: string;
    concurrencyPolicy: ConcurrencyPolicy;
    /** It keeps its history, but does not begin by itself. */
    suspend: boolean;
    /** Seconds by which a start may be late, after the cluster was away; it is left out after that. */
    startingDeadline?: number;
    /** How many ended runs stay, with their logs. */
    keepSucceeded: number;
    keepFailed: number;
}

/** The CronJob of a command that runs at given times. */
export function cronJob(args: CronJobArgs): batch.CronJobArgs {
    const labels = workloadLabels(args.workloadName, "cron-job");
    return {
        metadata: { name: args.workloadName, namespace: args.namespace, labels },
        spec: {
            schedule: args.schedule,
            timeZone: args.timeZone,
            concurrencyPolicy: args.concurrencyPolicy,
            suspend: args.suspend,
            ...(args.startingDeadline === undefined ? {} : { startingDeadlineSeconds: args.startingDeadline }),
            successfulJobsHistoryLimit: args.keepSucceeded,
            failedJobsHistoryLimit: args.keepFailed,
            jobTemplate: { metadata: { labels }, spec: jobSpec(args, labels) },
        },
    };
}

/** A command that runs at given times, each time as a Job of its own. */
export class CronJob extends pulumi.ComponentResource {
    /** Name of the CronJob. */
    readonly cronJobName: pulumi.Output<string>;

    constructor(name: string, args: CronJobArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:CronJob", name, {}, options);
        const job = new batch.CronJob(`${name}-cron-job`, cronJob(args), { parent: this });
        this.cronJobName = job.metadata.name;
        this.registerOutputs({ cronJobName: this.cronJobName });
    }
}
