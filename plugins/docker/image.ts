/**
 * `docker:index/image:Image`: an image built from a folder and pushed to a registry.
 *
 * Behaviour and state as in the official provider 5: the context's digest is an input (`build.contextDigest`), so an
 * unchanged tree is no difference and makes no docker call; a changed login alone builds nothing; delete and refresh do
 * nothing; `buildOnPreview` builds, without pushing, while previewing.
 */
import { existsSync } from "node:fs";
import { posix, relative, sep } from "node:path";

import {
    Secret,
    UNKNOWN,
    Unknown,
    containsUnknown,
    differences,
    isPropertyMap,
    plain,
    structuralDiff,
    withoutSecrets,
} from "../protocol";
import type {
    CheckFailure,
    CheckRequest,
    CheckResult,
    DiffRequest,
    DiffResult,
    OperationContext,
    PlainMap,
    PlainValue,
    PropertyMap,
    PropertyValue,
    ResourceHandler,
} from "../protocol";
import { contextArchive, contextDigest, readBuildContext } from "./build-context";
import { carryLayers } from "./carry-layers";
import { buildImage, pushImage, withLogin } from "./docker-cli";
import type { DockerEnvironment, Login } from "./docker-cli";
import { namesRegistry, parseImageName, registryHost } from "./image-name";
import { endpointOf } from "./registry";

const BUILDERS = ["BuilderV1", "BuilderBuildKit"];

/** The resource, for a Docker engine reached with the environment that `environment` returns. */
export function imageHandler(environment: () => NodeJS.ProcessEnv): ResourceHandler {
    const dockerOf = (context: OperationContext): DockerEnvironment => ({
        env: environment(),
        signal: context.signal,
        log: context.log,
    });
    return {
        check: checkImage,
        diff: diffImage,
        async create(context, inputs) {
            if (context.preview && !canBuildOnPreview(context, inputs)) {
                return { id: "", state: previewState(inputs) };
            }
            const state = await buildAndPush(context, dockerOf(context), inputs);
            return { id: String(plain(inputs.imageName)), state };
        },
        async update(context, { newInputs, oldState, oldInputs }) {
            if (context.preview && !canBuildOnPreview(context, newInputs)) {
                return previewState(newInputs);
            }
            const former = { name: text(plain(oldState.repoDigest)), registry: asMap(plain(oldInputs.registry)) };
            return buildAndPush(context, dockerOf(context), newInputs, former);
        },
    };
}

async function checkImage(context: OperationContext, { news }: CheckRequest): Promise<CheckResult> {
    const failures: CheckFailure[] = [];
    const inputs: PropertyMap = { ...news };
    if (!(open(inputs.buildOnPreview) instanceof Unknown)) {
        inputs.buildOnPreview = inputs.buildOnPreview ?? false;
    }
    const given = inputs.build ?? {};
    const build = isPropertyMap(open(given)) ? { ...(open(given) as PropertyMap) } : undefined;
    if (build !== undefined) {
        await checkBuild(context, build, failures);
        inputs.build = given instanceof Secret ? new Secret(build) : build;
    } else if (!(open(given) instanceof Unknown)) {
        failures.push({ property: "build", reason: "build must be a map of build options" });
    }
    checkName(inputs, failures);
    return { inputs, failures };
}

/** Fills in defaults and the context's digest. */
async function checkBuild(context: OperationContext, build: PropertyMap, failures: CheckFailure[]): Promise<void> {
    const folder = open(build.context ?? ".");
    build.context = build.context ?? ".";
    if (typeof folder === "string") {
        build.dockerfile = build.dockerfile ?? posix.join(folder, "Dockerfile");
    }
    const dockerfile = open(build.dockerfile);
    if (build.platform === undefined || build.platform === null) {
        const platform = `linux/${process.arch === "x64" ? "amd64" : process.arch}`;
        build.platform = platform;
        context.log.info(
            `Building your image for ${platform} architecture.\nTo ensure you are building for the correct platform, ` +
                "consider explicitly setting the `platform` field on ImageBuildOptions.",
        );
    }
    const builder = open(build.builderVersion);
    if (typeof builder === "string" && !BUILDERS.includes(builder)) {
        failures.push({
            property: "build.builderVersion",
            reason: `${JSON.stringify(builder)} is not one of ${BUILDERS.join(", ")}`,
        });
    }
    if (typeof folder !== "string" || typeof dockerfile !== "string") {
        return; // not known yet
    }
    if (!existsSync(folder)) {
        failures.push({ property: "build.context", reason: `there is no folder ${JSON.stringify(folder)}` });
    } else if (!existsSync(dockerfile)) {
        const inContext = posix.join(folder, dockerfile);
        const advice = existsSync(inContext)
            ? `; paths are relative to the program: try ${JSON.stringify(inContext)}`
            : "";
        failures.push({
            property: "build.dockerfile",
            reason: `there is no Dockerfile at ${JSON.stringify(dockerfile)}${advice}`,
        });
    } else {
        try {
            build.contextDigest = await contextDigest(await readBuildContext(folder, dockerfile));
        } catch (error) {
            failures.push({ property: "build.context", reason: (error as Error).message });
        }
    }
}

function checkName(inputs: PropertyMap, failures: CheckFailure[]): void {
    const name = open(inputs.imageName);
    if (name === undefined || name === null) {
        failures.push({ property: "imageName", reason: "an image name is required" });
        return;
    }
    if (name instanceof Unknown) {
        return;
    }
    try {
        const parsed = parseImageName(String(name));
        if (parsed.digest !== undefined) {
            throw new Error(`${JSON.stringify(name)} has a digest: what is built can only be given a tag`);
        }
        const server = open(open(inputs.registry) && (open(inputs.registry) as PropertyMap).server);
        if (open(inputs.skipPush) !== true) {
            if (typeof server !== "string" && !namesRegistry(String(name))) {
                throw new Error(
                    `${JSON.stringify(name)} does not say which registry it is pushed to. This resource requires all ` +
                        `image names to be fully qualified, for example "docker.io/user/image:tag"`,
                );
            }
            if (typeof server === "string" && registryHost(server) !== parsed.host) {
                throw new Error(
                    `${JSON.stringify(name)} would be pushed to ${parsed.host}, not to the given registry ` +
                        `${JSON.stringify(server)}: begin the name with ${registryHost(server)}/`,
                );
            }
        }
    } catch (error) {
        failures.push({ property: "imageName", reason: (error as Error).message });
    }
}

function open(value: PropertyValue): PropertyValue {
    return value instanceof Secret ? value.value : value;
}

/** A login may change without another build. */
function withoutLogin(inputs: PropertyMap): PropertyMap {
    const registry = open(inputs.registry);
    if (!isPropertyMap(registry)) {
        return inputs;
    }
    const { username: _username, password: _password, ...rest } = registry;
    return { ...inputs, registry: rest };
}

function diffImage(_context: OperationContext, request: DiffRequest): DiffResult {
    // The official plugin keeps the inputs in the state as well; a state made by an old one may have them only there.
    const stored = open(request.oldState.__inputs);
    const oldInputs = Object.keys(request.oldInputs).length === 0 && isPropertyMap(stored) ? stored : request.oldInputs;
    const olds = withoutLogin(oldInputs);
    const news = withoutLogin(request.newInputs);
    return differences(olds, news).length === 0 ? { changes: false } : structuralDiff(olds, news);
}

function canBuildOnPreview(context: OperationContext, inputs: PropertyMap): boolean {
    if (open(inputs.buildOnPreview) !== true) {
        return false;
    }
    if (containsUnknown(inputs.build) || containsUnknown(inputs.imageName)) {
        context.log.warning(
            "Minimum inputs for build are unresolved. Continuing without preview image build. To avoid this warning, " +
                "ensure image name, dockerfile, args, and context are resolved at preview.",
        );
        return false;
    }
    return true;
}

/** What is known of the state before the build. */
function previewState(inputs: PropertyMap): PropertyMap {
    const build = open(inputs.build);
    const options = isPropertyMap(build) ? build : { platform: UNKNOWN, context: UNKNOWN };
    const registry = open(inputs.registry);
    return {
        baseImageName: inputs.imageName,
        context: options.context,
        dockerfile: UNKNOWN,
        imageName: inputs.imageName,
        platform: options.platform,
        registryServer: isPropertyMap(registry) ? (registry.server ?? "") : "",
        repoDigest: UNKNOWN,
    };
}

async function buildAndPush(
    context: OperationContext,
    docker: DockerEnvironment,
    inputs: PropertyMap,
    former?: FormerImage,
): Promise<PropertyMap> {
    const values = plain(inputs);
    const build = asMap(values.build);
    const registry = asMap(values.registry);
    const name = text(values.imageName) ?? "";
    const parsed = parseImageName(name);
    const folder = text(build.context) ?? ".";
    const dockerfile = text(build.dockerfile) ?? posix.join(folder, "Dockerfile");
    const server = text(registry.server) ?? "";
    const host = server === "" ? parsed.host : registryHost(server);
    const skipPush = values.skipPush === true || context.preview;

    const repoDigest = await withLogin(docker, loginOf(context, registry, host), async (loggedIn) => {
        const archive = await contextArchive(await readBuildContext(folder, dockerfile));
        const id = await buildImage(loggedIn, {
            name,
            stream: archive.stream,
            dockerfile: archive.dockerfile,
            args: asMap(build.args) as Record<string, string>,
            platform: text(build.platform),
            target: text(build.target),
            network: text(build.network),
            addHosts: (build.addHosts as string[] | undefined) ?? [],
            cacheFrom: (asMap(build.cacheFrom).images as string[] | undefined) ?? [],
            builder: build.builderVersion as "BuilderV1" | "BuilderBuildKit" | undefined,
        });
        if (skipPush) {
            return id;
        }
        await carryFormerLayers(context, former, { name, host, registry });
        const digest = await pushImage(loggedIn, name, host);
        return `${parsed.host}/${parsed.repository}@${digest}`;
    });

    return {
        baseImageName: inputs.imageName,
        context: folder,
        dockerfile: relative(folder, dockerfile).split(sep).join("/"),
        imageName: inputs.imageName,
        platform: text(build.platform) ?? "",
        registryServer: server,
        repoDigest,
        // Where the official plugin looks for the inputs of the last build.
        __inputs: new Secret(withoutSecrets(inputs)),
    };
}

/** The image as it was pushed last, and the registry as it was given then. */
interface FormerImage {
    name: string | undefined;
    registry: PlainMap;
}

/** Registries that gave no layers: they are not asked again in this run. */
const lost = new Set<string>();

/** Spares Docker packing the layers again that another registry, in which the image was before, has packed. */
async function carryFormerLayers(
    context: OperationContext,
    former: FormerImage | undefined,
    next: { name: string; host: string; registry: PlainMap },
): Promise<void> {
    // What was built and not pushed has no name, but an id.
    if (!former?.name?.includes("@")) {
        return;
    }
    const { host } = parseImageName(former.name);
    if (host === next.host || lost.has(host)) {
        return;
    }
    const place = async (name: string, at: string, registry: PlainMap, timeoutMilliseconds?: number) => ({
        name,
        endpoint: { ...(await endpointOf(at, loginOf(context, registry, at), context.signal)), timeoutMilliseconds },
    });
    try {
        await carryLayers(
            await place(former.name, host, former.registry, 5_000),
            await place(next.name, next.host, next.registry),
            (line) => context.log.status(`pushing ${next.name}: ${line}`),
        );
    } catch (error) {
        lost.add(host);
        context.log.debug(`layers of ${former.name} are not carried over: ${(error as Error).message}`);
    }
}

function loginOf(context: OperationContext, registry: PlainMap, host: string): Login | undefined {
    const username = text(registry.username);
    const password = text(registry.password);
    if (username !== undefined && password !== undefined) {
        return { host, username, password };
    }
    if (username !== undefined || password !== undefined) {
        const [missing, given] = username === undefined ? ["username", "password"] : ["password", "username"];
        context.log.warning(`${missing} was not set, although ${given} was; using host credentials file`);
    }
    return undefined;
}

function asMap(value: PlainValue): PlainMap {
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as PlainMap) : {};
}

function text(value: PlainValue): string | undefined {
    return typeof value === "string" && value !== "" ? value : undefined;
}
