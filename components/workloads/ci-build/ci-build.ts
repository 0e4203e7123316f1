import * as path from "node:path";

import { Image } from "@pulumi/docker/image";
import * as batch from "@pulumi/kubernetes/batch/v1";
import * as pulumi from "@pulumi/pulumi";

import { askDigest } from "../../../plugins/docker/manifest-digest";
import { endpointOf } from "../../../registry/access";
import { platform } from "../../images/images";
import { pushLogin } from "../../registry/push-login";
import { jobPatience } from "../batch-job/job-spec";
import type { ImageBuildArgs } from "../image-build";
import { layOutCheckout } from "./checkout-image";
import { shortCommit } from "./git";
import { builtImage, ciBuildJob, type CiBuildSpec, type PodRegistry } from "./job";

export interface CiBuildArgs extends CiBuildSpec {
    /** The image `ci-build`. */
    builder: pulumi.Input<string>;
    /** How the image with the checkout's files gets to the cluster. */
    build: ImageBuildArgs;
}

/** What a build has come to. */
export interface CiBuildResult {
    commit: string;
    /** `registry/name@sha256:…`; undefined where the registry can't be asked now. */
    image?: string;
}

/** What stands in the registry under a tag. */
async function digestReference(name: string, tag: string, registry: string, access: PodRegistry["access"]) {
    if (!pulumi.runtime.hasEngine()) {
        // Tests and comparisons of programs, which reach for nothing outside.
        return `${name}@[digest in the registry]`;
    }
    const endpoint = endpointOf(access ?? { address: registry, insecure: false });
    const answer = await askDigest(`${name}:${tag}`, endpoint).catch(() => undefined);
    return answer?.digest && `${name}@${answer.digest}`;
}

/**
 * A git commit on this machine, taken to the cluster: its tests run there, and if they pass, its image is built there and
 * pushed. Neither has a network. Another commit is another run; what failed runs again at the next update.
 */
export class CiBuild extends pulumi.ComponentResource {
    /** Name of the Job. */
    readonly jobName: pulumi.Output<string>;
    readonly result: pulumi.Output<CiBuildResult>;

    constructor(name: string, args: CiBuildArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:CiBuild", name, {}, options);
        const { commit, registry: podRegistry } = args;
        const { registry, credentials, contexts } = args.build;
        const repository = `ci-build.${args.workloadName}`;
        const context = path.join(contexts, repository);
        layOutCheckout(context, commit);
        const checkout = new Image(
            `${name}-checkout`,
            {
                imageName: pulumi.interpolate`${registry}/${repository}:${shortCommit(commit.id)}`,
                build: {
                    context,
                    dockerfile: path.join(context, "Dockerfile"),
                    platform,
                    args: { BASE: args.builder },
                },
                registry: pushLogin(registry, credentials),
            },
            { parent: this },
        );
        const patience = jobPatience(args.deadline);
        const job = new batch.Job(`${name}-job`, ciBuildJob(args, checkout.repoDigest), {
            parent: this,
            // A Job's template can't be changed, and its name stays.
            replaceOnChanges: ["spec"],
            deleteBeforeReplace: true,
            customTimeouts: { create: patience, update: patience },
        });
        this.jobName = job.metadata.name;
        this.result = pulumi.all([registry, job.id]).apply(async ([address]) => ({
            commit: commit.id,
            image: await digestReference(
                `${address}/${builtImage(args)}`,
                shortCommit(commit.id),
                address,
                podRegistry.access,
            ),
        }));
        this.registerOutputs({ jobName: this.jobName, result: this.result });
    }
}
