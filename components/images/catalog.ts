/** Names of the images, and of their folders under images/ and repositories in the registry. */
export const imageNames = [
    "nta.utils",
    "htmengine",
    "taurus.metric_collectors",
    "taurus",
    "taurus-dynamodb",
    "mysql",
    "rabbitmq",
] as const;

export type ImageName = (typeof imageNames)[number];

/** Images that are built only for those who ask for them. */
export const onDemandImageNames = ["parallel", "static-files", "ci-build", "metallb"] as const;

export type OnDemandImageName = (typeof onDemandImageNames)[number];

export function isImageName(name: string): name is ImageName {
    return (imageNames as readonly string[]).includes(name);
}

/** Debian releases that images stand on. Python 2.7, which the application needs, was last in bullseye. */
export type DebianSuite = "bullseye" | "bookworm";

/** One image: what it stands on and what its Dockerfile finds in the build context. */
export interface ImageRecipe {
    name: ImageName | OnDemandImageName;
    /** An image of ours, a Debian base, or nothing (`FROM scratch`). */
    base: { image: ImageName } | { debian: DebianSuite } | "scratch";
    /** Folder of the numenta-apps tree that the Dockerfile finds as `source/`. */
    source?: string;
    /**
     * Its folder is a Go module too: its programs' names and packages. The Dockerfile finds them, built and static, as
     * `program/<name>`.
     */
    programs?: Readonly<Record<string, string>>;
    /** The Dockerfile finds images/scripts as `scripts/`. */
    scripts: boolean;
    /** The build downloads over HTTPS, so it has to trust what this machine trusts. */
    downloads: boolean;
}

/** Every image, each after the one that it stands on. */
export const imageRecipes: readonly ImageRecipe[] = [
    { name: "nta.utils", base: { debian: "bullseye" }, source: "nta.utils", scripts: true, downloads: true },
    { name: "htmengine", base: { image: "nta.utils" }, source: "htmengine", scripts: true, downloads: true },
    {
        name: "taurus.metric_collectors",
        base: { image: "htmengine" },
        source: "taurus_metric_collectors",
        scripts: true,
        downloads: true,
    },
    {
        name: "taurus",
        base: { image: "taurus.metric_collectors" },
        source: "taurus_engine",
        scripts: true,
        downloads: true,
    },
    { name: "taurus-dynamodb", base: { debian: "bookworm" }, scripts: true, downloads: true },
    { name: "mysql", base: { debian: "bookworm" }, scripts: false, downloads: false },
    { name: "rabbitmq", base: { debian: "bookworm" }, scripts: false, downloads: false },
    { name: "parallel", base: "scratch", programs: { parallel: "." }, scripts: false, downloads: false },
    { name: "static-files", base: { debian: "bookworm" }, scripts: false, downloads: false },
    {
        name: "ci-build",
        base: { debian: "bookworm" },
        programs: { "ci-build": "." },
        scripts: false,
        downloads: false,
    },
    {
        name: "metallb",
        base: "scratch",
        programs: { controller: "go.universe.tf/metallb/controller", speaker: "go.universe.tf/metallb/speaker" },
        scripts: false,
        downloads: false,
    },
];
