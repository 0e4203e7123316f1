import * as path from "node:path";

import * as command from "@pulumi/command/local";
import { Image } from "@pulumi/docker/image";
import * as pulumi from "@pulumi/pulumi";

import { baseTag } from "../../images/base/debian-base";
import type { RegistryAccess } from "../../registry/access";
import { pushLogin } from "../registry/push-login";
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
    credentials?: RegistryAccess["credentials"];
    /** Images that are not built, by their references: `registry/name@sha256:…`. */
    prebuilt?: Partial<ImageRefs<pulumi.Input<string>>>;
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
        ...(recipe.programs ? { program: program(recipe.name) } : {}),
        ...(recipe.scripts ? { scripts: path.join(imagesFolder, "scripts") } : {}),
        ...(recipe.source === undefined ? {} : { source: path.join(source, recipe.source) }),
    };
}

/**
 * Every image of Taurus and its support services, built in the order of their bases and pushed to a registry. Each takes
 * its base by digest, so that a change rebuilds what stands on it and nothing else. Those that are there already stand for
 * themselves, as bases too.
 */
export class Images extends pulumi.ComponentResource {
    /** `registry/name@sha256:…` of each image. */
    readonly refs: ImageRefs<pulumi.Output<string>>;

    constructor(
        name: string,
        private readonly args: ImagesArgs,
        options?: pulumi.ComponentResourceOptions,
    ) {
        super("nta:images:Images", name, {}, options);
        const bases = new Map<DebianSuite, pulumi.Output<string>>();
        const refs: Partial<ImageRefs<pulumi.Output<string>>> = {};
        const baseOf = ({ name: image, base }: ImageRecipe): Record<string, pulumi.Output<string>> => {
            if (base === "scratch") {
                return {};
            }
            let ref: pulumi.Output<string> | undefined;
            if ("image" in base) {
                ref = refs[base.image];
            } else {
                ref = bases.get(base.debian) ?? this.debian(name, base.debian);
                bases.set(base.debian, ref);
            }
            if (ref === undefined) {
                throw new Error(`${image} stands before its base in the catalog`);
            }
            return { BASE: ref };
        };
        const left = onDemandImageNames.filter((image) => !args.onDemand?.includes(image));
        for (const recipe of imageRecipes.filter((one) => !left.some((image) => image === one.name))) {
            const prebuilt = args.prebuilt?.[recipe.name];
            if (prebuilt !== undefined) {
                refs[recipe.name] = pulumi.output(prebuilt);
                continue;
            }
            const buildArgs = { ...baseOf(recipe), ...(recipe.downloads ? { BUILD_CA: args.buildCertificates } : {}) };
            const parts = contextParts(recipe, args.source);
            refs[recipe.name] = this.build(`${name}-${recipe.name}`, `${recipe.name}:latest`, parts, buildArgs);
        }
        this.refs = refs as ImageRefs<pulumi.Output<string>>;
        this.registerOutputs({ refs: this.refs });
    }

    /** Debian's base of a release, as this machine has it or makes it, in the registry. */
    private debian(name: string, suite: DebianSuite): pulumi.Output<string> {
        const base = new command.Command(
            `${name}-debian-${suite}`,
            {
                create: `node -r ts-node/register/transpile-only images/base/main.ts ${suite}`,
                // Made sure of again for another registry: by then, this machine may have lost it.
                environment: { REGISTRY: this.args.registry },
                addPreviousOutputInEnv: false,
            },
            { parent: this },
        );
        const parts = { files: path.join(imagesFolder, "debian") };
        const buildArgs = { BASE: baseTag(suite), BASE_ID: base.stdout };
        return this.build(`${name}-debian-${suite}-image`, `debian:${suite}`, parts, buildArgs);
    }

    /** Builds an image from folders, pushes it, and gives its reference by digest. */
    private build(
        name: string,
        nameAndTag: string,
        parts: Record<string, string>,
        args: Record<string, pulumi.Input<string>>,
    ): pulumi.Output<string> {
        const { registry, credentials, contexts } = this.args;
        const context = path.join(contexts, nameAndTag.replace(/:latest$/, "").replace(":", "-"));
        layOutContext(context, parts);
        const image = new Image(
            name,
            {
                imageName: pulumi.interpolate`${registry}/${nameAndTag}`,
                build: { context, dockerfile: path.join(context, "files", "Dockerfile"), platform, args },
                registry: pushLogin(registry, credentials),
            },
            { parent: this },
        );
        return image.repoDigest;
    }
}
