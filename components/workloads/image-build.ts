import type { Input } from "@pulumi/pulumi";

import type { RegistryAccess } from "../../registry/access";

/** How the images of workloads are built and pushed. */
export interface ImageBuildArgs {
    /** `host[:port][/path]`. */
    registry: Input<string>;
    credentials?: RegistryAccess["credentials"];
    /** Folder for the build contexts, which can be made again. */
    contexts: string;
}
