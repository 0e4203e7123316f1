import * as pulumi from "@pulumi/pulumi";

import { isImageName, ImageName } from "../images/catalog";
import type { Job } from "../settings/jobs/jobs";
import { BatchJob } from "./batch-job/batch-job";
import { CronJob } from "./cron-job/cron-job";
import { Service } from "./service/service";

export interface WorkloadsArgs {
    /** The declared workloads, checked. */
    jobs: readonly Job[];
    namespace: pulumi.Input<string>;
    /** The images that this program builds, by digest. */
    images: Record<ImageName, pulumi.Input<string>>;
}

/** Every workload that the setting `jobs` declares. */
export class Workloads extends pulumi.ComponentResource {
    constructor(name: string, args: WorkloadsArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:Workloads", name, {}, options);
        for (const job of args.jobs) {
            this.declare(`${name}-${job.name}`, job, args);
        }
        this.registerOutputs({});
    }

    /** Makes the component of a job's kind. */
    private declare(name: string, job: Job, { namespace, images }: WorkloadsArgs): void {
        const options = { parent: this };
        const common = {
            workloadName: job.name,
            namespace,
            image: isImageName(job.image) ? images[job.image] : job.image,
        };
        switch (job.kind) {
            case "batch":
                new BatchJob(name, { ...job, ...common }, options);
                break;
            case "cron":
                new CronJob(name, { ...job, ...common }, options);
                break;
            case "service":
                new Service(name, { ...job, ...common }, options);
                break;
        }
    }
}
