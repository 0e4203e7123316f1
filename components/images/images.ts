import * as path from "node:path";

import * as command from "@pulumi/command/local";
import { Image } from "@pulumi/docker/image";
import * as pulumi from "@pulumi/pulumi";

import { layOutContext } from "./build-context";
import { DebianSuite, ImageName, ImageRecipe, imageRecipes } from "./catalog";

const imagesFolder = path.resolve(__dirname, "../../images");

/** NuPIC has Linux packages for this platform only; the same images everywhere keep their digests everywhere. */
const platform = "linux/amd64";

export interface ImagesArgs {
    /** `host[:port][/path]`. */
    registry: pulumi.Input<string>;
    /** Login of the registry, if it wants one. */
    credentials?: { username: pulumi.Input<string>; password: pulumi.Input<string> };
    /** Root folder of the numenta-apps tree. */
    source: string;
    /** Folder for the build contexts, which can be made again. */
    contexts: string;
    /** Certificates (PEM) that builds need for their downloads; they do not get into images. */
    buildCertificates: string;
}

/** The folders that make one image's build context. */
export function contextParts(recipe: ImageRecipe, source: string): Record<string, string> {
    return {
        files: path.join(imagesFolder, recipe.name),
        ...(recipe.scripts ? { scripts: path.join(imagesFolder, "scripts") } : {}),
        ...(recipe.source === undefined ? {} : { source: path.join(source, recipe.source) }),
    };
}

/**
 * Every image of Taurus and its support services, built in the order of their bases and pushed to a registry. Each takes
 * its base by digest, so that a change rebuilds what stands on it and nothing else.
 */
export class Images extends pulumi.ComponentResource {
    /** `registry/name@sha256:…` of each image. */
    readonly refs: Record<ImageName, pulumi.Output<string>>;

    constructor(name: string, args: ImagesArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:images:Images", name, {}, options);
        const bases = new Map<DebianSuite, pulumi.Output<string>>();
        const debian = (suite: DebianSuite): pulumi.Output<string> => {
            const known = bases.get(suite);
            if (known !== undefined) {
                return known;
            }
            const base = new command.Command(
                `${name}-debian-${suite}`,
                {
                    create: pulumi.interpolate`node -r ts-node/register/transpile-only images/base/main.ts ${suite} ${args.registry}/debian`,
                    addPreviousOutputInEnv: false,
                },
                { parent: this },
            );
            bases.set(suite, base.stdout);
            return base.stdout;
        };

        const refs: Partial<Record<ImageName, pulumi.Output<string>>> = {};
        for (const recipe of imageRecipes) {
            const base = "debian" in recipe.base ? debian(recipe.base.debian) : refs[recipe.base.image];
            if (base === undefined) {
                throw new Error(`${recipe.name} stands before its base in the catalog`);
            }
            const context = path.join(args.contexts, recipe.name);
            layOutContext(context, contextParts(recipe, args.source));
            const image = new Image(
                `${name}-${recipe.name}`,
                {
                    imageName: pulumi.interpolate`${args.registry}/${recipe.name}:latest`,
                    build: {
                        context,
                        dockerfile: path.join(context, "files", "Dockerfile"),
                        platform,
                        args: { BASE: base, ...(recipe.downloads ? { BUILD_CA: args.buildCertificates } : {}) },
                    },
                    ...(args.credentials === undefined
                        ? {}
                        : { registry: { server: args.registry, ...args.credentials } }),
                },
                { parent: this },
            );
            refs[recipe.name] = image.repoDigest;
        }
        this.refs = refs as Record<ImageName, pulumi.Output<string>>;
        this.registerOutputs({ refs: this.refs });
    }
}
