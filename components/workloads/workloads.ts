import * as pulumi from "@pulumi/pulumi";

import { isImageName } from "../images/catalog";
import type { ImageRefs } from "../images/images";
import type { Job } from "../settings/jobs/jobs";
import type { VolumeStorage } from "../support/volume";
import { BatchJob } from "./batch-job/batch-job";
import { CronJob } from "./cron-job/cron-job";
import { Service } from "./service/service";
import type { BrokerEndpoint } from "./parallel-job/objects";
import { ParallelJob, parallelJobVolumes } from "./parallel-job/parallel-job";

export interface WorkloadsArgs {
    /** The declared workloads, checked. */
    jobs: readonly Job[];
    namespace: pulumi.Input<string>;
    /** The images that this program builds, by digest; with `parallel` if there is a parallel job. */
    images: ImageRefs<pulumi.Input<string>>;
    /** Where volumes live. */
    storage: VolumeStorage;
    /** Prefix of the names of PersistentVolumes, which are cluster-wide. */
    clusterWidePrefix: string;
    /** The stack's RabbitMQ. */
    broker: BrokerEndpoint;
}

/** Directories that local storage must have on the node. */
export const workloadVolumes: readonly string[] = parallelJobVolumes;

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
    private declare(name: string, job: Job, args: WorkloadsArgs): void {
        const { namespace, images, storage, clusterWidePrefix } = args;
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
            case "parallel": {
                if (images.parallel === undefined) {
                    throw new Error("a parallel job needs the image `parallel`");
                }
                const { broker, storage: storageSize, ...spec } = job;
                new ParallelJob(
                    name,
                    {
                        ...spec,
                        ...common,
                        program: images.parallel,
                        broker: broker === "own" ? { image: images.rabbitmq } : args.broker,
                        storage,
                        storageSize,
                        clusterWidePrefix,
                    },
                    options,
                );
                break;
            }
        }
    }
}
