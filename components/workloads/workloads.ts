import * as pulumi from "@pulumi/pulumi";

import { isImageName, type OnDemandImageName, onDemandImageNames } from "../images/catalog";
import type { ImageRefs } from "../images/images";
import type { Job } from "../settings/jobs/jobs";
import type { VolumeStorage } from "../support/volume";
import { BatchJob } from "./batch-job/batch-job";
import { CiBuild, type CiBuildResult } from "./ci-build/ci-build";
import type { PodRegistry } from "./ci-build/job";
import { CronJob } from "./cron-job/cron-job";
import { Service } from "./service/service";
import { SiteBuildArgs, StaticFiles } from "./static-files/static-files";
import type { BrokerEndpoint } from "./parallel-job/objects";
import { ParallelJob, parallelJobVolumes } from "./parallel-job/parallel-job";

export interface WorkloadsArgs {
    /** The declared workloads, checked. */
    jobs: readonly Job[];
    namespace: pulumi.Input<string>;
    /** The images that this program builds, by digest, with those that the jobs need (see `imagesOf`). */
    images: ImageRefs<pulumi.Input<string>>;
    /** Where volumes live. */
    storage: VolumeStorage;
    /** Prefix of the names of PersistentVolumes, which are cluster-wide. */
    clusterWidePrefix: string;
    /** The stack's RabbitMQ. */
    broker: BrokerEndpoint;
    /** How the images of published folders and of checkouts are built. */
    imageBuild: SiteBuildArgs;
    /** The registry as pods reach it. */
    podRegistry: PodRegistry;
}

/** The images that jobs need besides those that are always built. */
export function imagesOf(jobs: readonly Job[]): OnDemandImageName[] {
    const kinds = new Set<string>(jobs.map(({ kind }) => kind));
    return onDemandImageNames.filter((name) => kinds.has(name));
}

/** One of the images that `imagesOf` asks for. */
function asked(images: WorkloadsArgs["images"], name: OnDemandImageName): pulumi.Input<string> {
    const image = images[name];
    if (image === undefined) {
        throw new Error(`a job needs the image ${name}, which was not asked for`);
    }
    return image;
}

/** Directories that local storage must have on the node. */
export const workloadVolumes: readonly string[] = parallelJobVolumes;

/** Every workload that the setting `jobs` declares. */
export class Workloads extends pulumi.ComponentResource {
    /** Lines for /etc/hosts: the names of those that have an address on the nodes' network; empty if none has. */
    readonly hosts: pulumi.Output<string>;
    /** What CI builds have come to, by the jobs' names. */
    readonly builds: pulumi.Output<Record<string, CiBuildResult>>;

    constructor(name: string, args: WorkloadsArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:Workloads", name, {}, options);
        const made = args.jobs.map((job) => [job.name, this.declare(`${name}-${job.name}`, job, args)] as const);
        const lines = made.map(([, workload]) => (workload instanceof CiBuild ? undefined : workload?.hostsLine));
        this.hosts = pulumi.all(lines).apply((all) => all.filter((line) => line !== undefined).join("\n"));
        const builds = made.flatMap(([job, workload]) =>
            workload instanceof CiBuild ? [[job, workload.result] as const] : [],
        );
        this.builds = pulumi.all(Object.fromEntries(builds));
        this.registerOutputs({ hosts: this.hosts, builds: this.builds });
    }

    /** Makes the component of a job's kind; gives those that answer requests or have results. */
    private declare(name: string, job: Job, args: WorkloadsArgs): Service | StaticFiles | CiBuild | undefined {
        const { namespace, images, storage, clusterWidePrefix } = args;
        const options = { parent: this };
        const common = { workloadName: job.name, namespace };
        const imageOf = ({ image }: { image: string }) => (isImageName(image) ? images[image] : image);
        switch (job.kind) {
            case "batch":
                new BatchJob(name, { ...job, ...common, image: imageOf(job) }, options);
                break;
            case "cron":
                new CronJob(name, { ...job, ...common, image: imageOf(job) }, options);
                break;
            case "service":
                return new Service(name, { ...job, ...common, image: imageOf(job) }, options);
            case "parallel": {
                const { broker, storage: storageSize, ...spec } = job;
                new ParallelJob(
                    name,
                    {
                        ...spec,
                        ...common,
                        image: imageOf(job),
                        program: asked(images, "parallel"),
                        broker: broker === "own" ? { image: images.rabbitmq } : args.broker,
                        storage,
                        storageSize,
                        clusterWidePrefix,
                    },
                    options,
                );
                break;
            }
            case "static-files": {
                const server = asked(images, "static-files");
                return new StaticFiles(name, { ...job, ...common, server, build: args.imageBuild }, options);
            }
            case "ci-build": {
                const { checkout, tests, ...spec } = job;
                if (checkout.commit === undefined) {
                    throw new Error(`nobody looked up the commit of ${job.name}`);
                }
                return new CiBuild(
                    name,
                    {
                        ...spec,
                        ...common,
                        commit: checkout.commit,
                        tests: { ...tests, image: imageOf(tests) },
                        builder: asked(images, "ci-build"),
                        build: args.imageBuild,
                        registry: args.podRegistry,
                    },
                    options,
                );
            }
        }
        return undefined;
    }
}
