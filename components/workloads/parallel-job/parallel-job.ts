import * as batch from "@pulumi/kubernetes/batch/v1";
import * as core from "@pulumi/kubernetes/core/v1";
import * as rbac from "@pulumi/kubernetes/rbac/v1";
import * as pulumi from "@pulumi/pulumi";

import { Rabbitmq } from "../../support/rabbitmq";
import { Volume, VolumeStorage } from "../../support/volume";
import {
    BrokerEndpoint,
    masterJob,
    masterRole,
    masterRoleBinding,
    masterServiceAccount,
    objectNames,
    ParallelJobSpec,
    runDigest,
    tasksConfigMap,
    workersController,
} from "./objects";

/** A RabbitMQ just for one job. */
export interface OwnBroker {
    /** The `rabbitmq` image by digest. */
    image: pulumi.Input<string>;
}

export interface ParallelJobArgs extends ParallelJobSpec {
    /** A RabbitMQ that is there, or what one for this job alone is made from. */
    broker: BrokerEndpoint | OwnBroker;
    /** Where the results are kept. */
    storage: VolumeStorage;
    /** Size of the results' volume, a Kubernetes quantity. */
    storageSize: string;
    /** Prefix of the names of PersistentVolumes, which are cluster-wide. */
    clusterWidePrefix: string;
}

const resultsVolume = "parallel-results";
const brokersVolume = "parallel-brokers";

/** Directories that local storage must have on the node: each job has a folder in them. */
export const parallelJobVolumes: readonly string[] = [resultsVolume, brokersVolume];

/**
 * Many tasks on many workers, over a queue of RabbitMQ's.
 *
 * A master, which is a Job, puts the tasks into a queue and writes down what became of them. Workers, pods of a
 * ReplicationController, run them in the job's image, one at a time each. A task whose worker or broker dies is run again;
 * its outcome is recorded once. When all have ended, the workers go to zero and the Job ends: with success if every task
 * did.
 */
export class ParallelJob extends pulumi.ComponentResource {
    /** Name of the master's Job. */
    readonly jobName: pulumi.Output<string>;
    /** Name of the workers' ReplicationController. */
    readonly workersName: pulumi.Output<string>;

    constructor(name: string, args: ParallelJobArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:ParallelJob", name, {}, options);
        const parent = { parent: this };
        const { namespace, storage, clusterWidePrefix, workloadName } = args;
        const names = objectNames(workloadName);
        const volume = new Volume(
            `${name}-results`,
            {
                namespace,
                storage,
                volumeName: names.results,
                folder: resultsVolume,
                persistentVolumeName: `${clusterWidePrefix}-${names.results}`,
                size: args.storageSize,
            },
            parent,
        );
        const broker = "image" in args.broker ? this.ownBroker(name, args, args.broker) : args.broker;

        const account = new core.ServiceAccount(`${name}-account`, masterServiceAccount(args), parent);
        const role = new rbac.Role(`${name}-role`, masterRole(args), parent);
        const binding = new rbac.RoleBinding(`${name}-binding`, masterRoleBinding(args), {
            ...parent,
            dependsOn: [role, account],
        });
        const digest = runDigest(args);
        const workers = new core.ReplicationController(`${name}-workers`, workersController(args, broker, digest), {
            ...parent,
            // The master's to set. A changed template alone would leave the old pods as they are.
            ignoreChanges: ["spec.replicas"],
            replaceOnChanges: ["spec.template"],
            deleteBeforeReplace: true,
        });
        const tasks =
            "list" in args.tasks
                ? [new core.ConfigMap(`${name}-tasks`, tasksConfigMap(args, args.tasks.list), parent)]
                : [];
        const job = new batch.Job(`${name}-job`, masterJob(args, broker, digest, volume.claimName), {
            ...parent,
            dependsOn: [binding, workers, ...tasks],
            // A Job's template can't be changed, and its name stays.
            replaceOnChanges: ["spec"],
            deleteBeforeReplace: true,
            customTimeouts: { create: args.deadline === undefined ? "24h" : `${args.deadline + 300}s` },
        });
        this.jobName = job.metadata.name;
        this.workersName = workers.metadata.name;
        this.registerOutputs({ jobName: this.jobName, workersName: this.workersName });
    }

    private ownBroker(name: string, args: ParallelJobArgs, { image }: OwnBroker): BrokerEndpoint {
        const { namespace, storage, clusterWidePrefix } = args;
        return new Rabbitmq(
            `${name}-rabbitmq`,
            {
                namespace,
                image,
                storage,
                clusterWidePrefix,
                storageSize: args.storageSize,
                sharedFolder: brokersVolume,
                serviceName: objectNames(args.workloadName).rabbit,
            },
            { parent: this },
        );
    }
}
