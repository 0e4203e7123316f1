/** `pulumi-resource-docker`: stands in for Pulumi's Docker provider where that can't be had. */
import { ProviderError, plain, serve } from "../protocol";
import type { FunctionHandler, PlainMap, PropertyMap } from "../protocol";
import { imageHandler } from "./image";
import { registryHost } from "./image-name";
import { resolveDigest } from "./registry";
import type { Credentials } from "./registry-http";

const IMAGE = "docker:index/image:Image";
const GET_REGISTRY_IMAGE = "docker:index/getRegistryImage:getRegistryImage";

/** Provider settings that are understood; the others concern resource types that are not covered. */
let environment: NodeJS.ProcessEnv = process.env;
let logins: Record<string, Credentials> = {};

/** @throws ProviderError for settings that would silently change which engine is used. */
function configure(settings: PlainMap): void {
    for (const name of ["caMaterial", "certMaterial", "keyMaterial", "sshOpts"]) {
        if (settings[name] !== undefined && settings[name] !== null && settings[name] !== "") {
            throw new ProviderError(
                `The stand-in docker plugin does not cover the provider setting ${name}; use certPath, or DOCKER_HOST ` +
                    "and what else docker's command line tool reads.",
            );
        }
    }
    environment = { ...process.env };
    if (typeof settings.host === "string" && settings.host !== "") {
        environment.DOCKER_HOST = settings.host;
    }
    if (typeof settings.context === "string" && settings.context !== "") {
        environment.DOCKER_CONTEXT = settings.context;
    }
    if (typeof settings.certPath === "string" && settings.certPath !== "") {
        environment.DOCKER_CERT_PATH = settings.certPath;
        environment.DOCKER_TLS_VERIFY = "1";
    }
    logins = {};
    const entries = parseList(settings.registryAuth);
    for (const entry of entries) {
        if (typeof entry.address === "string" && typeof entry.username === "string") {
            logins[registryHost(entry.address)] = {
                username: entry.username,
                password: String(entry.password ?? ""),
            };
        }
    }
}

/** Lists and maps among provider settings come as JSON texts. */
function parseList(value: unknown): Record<string, unknown>[] {
    const list: unknown = typeof value === "string" && value !== "" ? JSON.parse(value) : value;
    return Array.isArray(list) ? (list as Record<string, unknown>[]) : [];
}

const getRegistryImage: FunctionHandler = async (context, args: PropertyMap) => {
    const { name, insecureSkipVerify } = plain(args);
    if (typeof name !== "string" || name === "") {
        return { failures: [{ property: "name", reason: "an image name is required" }] };
    }
    const digest = await resolveDigest(name, {
        logins,
        insecureSkipVerify: insecureSkipVerify === true,
        signal: context.signal,
    });
    return { id: digest, insecureSkipVerify: insecureSkipVerify === true, name, sha256Digest: digest };
};

const image = imageHandler(() => environment);

void serve({
    name: "docker",
    version: process.env.PLUGIN_VERSION ?? "0.0.0",
    covers: [IMAGE, GET_REGISTRY_IMAGE],
    resource: (type) => (type === IMAGE ? image : undefined),
    function: (token) => (token === GET_REGISTRY_IMAGE ? getRegistryImage : undefined),
    configure: (_context, config) => {
        configure(plain(config));
        return Promise.resolve();
    },
});
