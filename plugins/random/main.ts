/** `pulumi-resource-random`: stands in for Pulumi's random provider where that can't be had. */
import { serve } from "../protocol";
import { RANDOM_TYPES, randomResource } from "./resources";

void serve({
    name: "random",
    version: process.env.PLUGIN_VERSION ?? "0.0.0",
    covers: RANDOM_TYPES,
    resource: randomResource,
});
