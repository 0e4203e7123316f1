import * as path from "node:path";

import * as command from "@pulumi/command/local";
import { Image } from "@pulumi/docker/image";
import * as pulumi from "@pulumi/pulumi";

import { layOutContext } from "./build-context";
import { DebianSuite, ImageName, ImageRecipe, imageRecipes, OnDemandImageName, onDemandImageNames } from "./catalog";
import { builtProgram } from "./program";

const imagesFolder = path.resolve(__dirname, "../../images");

/** NuPIC has Linux packages for this platform only; the same images everywhere keep their digests everywhere. */
export const platform = "linux/amd64";

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
    /** Images to build besides those that are always built. */
    onDemand?: readonly OnDemandImageName[];
}

/** The images by digest: those that are always built, and those that were asked for. */
export type ImageRefs<Ref> = Record<ImageName, Ref> & Partial<Record<OnDemandImageName, Ref>>;

/**
 * The folders that make one image's build context.
 *
 * @param program finds the folder with the program of a Go module under images/
 */
export function contextParts(
    recipe: ImageRecipe,
    source: string,
    program: (name: string) => string = builtProgram,
): Record<string, string> {
    return {
        files: path.join(imagesFolder, recipe.name),
        ...(recipe.program ? { program: program(recipe.name) } : {}),
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
    readonly refs: ImageRefs<pulumi.Output<string>>;

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

        const baseOf = ({ name: image, base }: ImageRecipe): Record<string, pulumi.Output<string>> => {
            if (base === "scratch") {
                return {};
            }
            const ref = "debian" in base ? debian(base.debian) : refs[base.image];
            if (ref === undefined) {
                throw new Error(`${image} stands before its base in the catalog`);
            }
            return { BASE: ref };
        };

        const refs: Partial<ImageRefs<pulumi.Output<string>>> = {};
        const left = onDemandImageNames.filter((image) => !args.onDemand?.includes(image));
        for (const recipe of imageRecipes.filter((one) => !left.some((image) => image === one.name))) {
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
                        args: { ...baseOf(recipe), ...(recipe.downloads ? { BUILD_CA: args.buildCertificates } : {}) },
                    },
                    ...(args.credentials === undefined
                        ? {}
                        : { registry: { server: args.registry, ...args.credentials } }),
                },
                { parent: this },
            );
            refs[recipe.name] = image.repoDigest;
        }
        this.refs = refs as ImageRefs<pulumi.Output<string>>;
        this.registerOutputs({ refs: this.refs });
    }
}
