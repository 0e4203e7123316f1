import * as path from "node:path";

import { Image } from "@pulumi/docker/image";
import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

import { alone } from "../../../tools/lock.cjs";
import { platform } from "../../images/images";
import { pushLogin } from "../../registry/push-login";
import { restrictedContainer } from "../../support/pod";
import { WorkloadArgs, workloadContainer, workloadLabels, workloadPod } from "../container";
import type { ImageBuildArgs } from "../image-build";
import { AddressArgs, hostsLine, workloadService } from "../workload-service";
import { layOutSite } from "./site-image";
import { publish } from "./versions";

/** How the images of published folders are built and pushed. */
export interface SiteBuildArgs extends ImageBuildArgs {
    /** Folder for the versions of sites. */
    sites: string;
}

export interface StaticFilesArgs extends Omit<WorkloadArgs, "image" | "env">, AddressArgs {
    /** The image `static-files`. */
    server: pulumi.Input<string>;
    /** The folder that is published. */
    folder: string;
    replicas: number;
    /** How many earlier versions stay reachable at their own addresses. */
    keepVersions: number;
    /** The Service's port. */
    port: number;
    build: SiteBuildArgs;
}

/** What is served: an image, and the version that an address without one means. */
export interface Site {
    image: pulumi.Input<string>;
    version: string;
}

const component = "static-files";
const versionLabel = "app.kubernetes.io/version";
const containerPort = 8080;

type ObjectArgs = Omit<StaticFilesArgs, "server" | "folder" | "keepVersions" | "build">;

/** The ReplicationController of one version. Pods of two versions run side by side during an update; one is called. */
export function siteController(args: ObjectArgs, { image, version }: Site): core.ReplicationControllerArgs {
    const labels = { ...workloadLabels(args.workloadName, component), [versionLabel]: version };
    const container = workloadContainer({ ...args, image });
    // A busy machine takes more than Kubernetes' one second now and then.
    const asked = { httpGet: { path: "/@ready", port: containerPort }, timeoutSeconds: 5 };
    return {
        metadata: { namespace: args.namespace, labels },
        spec: {
            replicas: args.replicas,
            selector: labels,
            template: {
                metadata: { labels },
                spec: {
                    ...workloadPod(
                        [
                            {
                                ...container,
                                ports: [{ name: "http", containerPort }],
                                securityContext: { ...restrictedContainer(), readOnlyRootFilesystem: true },
                                startupProbe: { ...asked, periodSeconds: 1, failureThreshold: 60 },
                                readinessProbe: { ...asked, periodSeconds: 5 },
                                livenessProbe: { ...asked, periodSeconds: 10, failureThreshold: 6 },
                                // Until all nodes have learned that the Service means other pods now.
                                lifecycle: { preStop: { sleep: { seconds: 5 } } },
                                volumeMounts: [{ name: "tmp", mountPath: "/tmp" }],
                            },
                        ],
                        args,
                    ),
                    volumes: [{ name: "tmp", emptyDir: { medium: "Memory", sizeLimit: "16Mi" } }],
                },
            },
        },
    };
}

/** The Service of a site: it means the pods of exactly one version. */
export function siteService(args: ObjectArgs, version: string): core.ServiceArgs {
    const labels = workloadLabels(args.workloadName, component);
    const selector = { ...labels, [versionLabel]: version };
    return workloadService({ ...args, labels, selector, ports: [{ name: "http", port: args.port }] });
}

/**
 * A folder of this machine, published at a link that stays. A change makes a new version in an image of its own; when all
 * its pods are ready, the Service goes over to them at once. Earlier versions stay reachable under their own addresses, so
 * that a page that someone has open finds all that belongs to it.
 */
export class StaticFiles extends pulumi.ComponentResource {
    /** DNS name in the namespace. */
    readonly host: pulumi.Output<string>;
    /** Line for the /etc/hosts of a machine that reaches the nodes' network; undefined without an address there. */
    readonly hostsLine: pulumi.Output<string | undefined>;
    /** The version that is served. */
    readonly version: string;

    constructor(name: string, args: StaticFilesArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:workloads:StaticFiles", name, {}, options);
        const { registry, credentials, contexts, sites } = args.build;
        const repository = `static-files.${args.workloadName}`;
        const context = path.join(contexts, repository);
        const store = path.join(sites, args.workloadName);
        // A preview beside an update must not lose a version while it takes a copy.
        const publication = alone(`${store}.lock`, "publishing a folder", () => {
            const published = publish(args.folder, store, args.keepVersions, !pulumi.runtime.isDryRun());
            layOutSite(context, published);
            return published;
        });
        const image = new Image(
            `${name}-image`,
            {
                imageName: pulumi.interpolate`${registry}/${repository}:${publication.version}`,
                build: {
                    context,
                    dockerfile: path.join(context, "Dockerfile"),
                    platform,
                    args: { BASE: args.server },
                },
                registry: pushLogin(registry, credentials),
            },
            { parent: this },
        );
        const site = { image: image.repoDigest, version: publication.version };
        // Its name is chosen by Pulumi, so that the next one can stand beside it.
        const pods = new core.ReplicationController(`${name}-pods`, siteController(args, site), {
            parent: this,
            replaceOnChanges: ["spec.template", "spec.selector"],
        });
        const service = new core.Service(`${name}-service`, siteService(args, site.version), {
            parent: this,
            dependsOn: [pods],
        });
        this.host = service.metadata.name;
        this.hostsLine = hostsLine(service);
        this.version = site.version;
        this.registerOutputs({ host: this.host, version: this.version });
    }
}
