import { z } from "zod";

import { nearest } from "./nearest";

/** What the documentation, Pulumi.yaml and error messages say about one setting, beside its type. */
export interface SettingDocumentation {
    /** One or two sentences for the user. */
    description: string;
    /** What a right value is, as the end of a sentence that begins with "expected". */
    expected: string;
    /** A value to show in the command that mends a wrong one. Required settings' defaults serve where this is absent. */
    example?: string;
    /** A right value near to a wrong one, where there is an obvious one. */
    suggest?: (wrong: string) => string | undefined;
    /** The value must be stored encrypted (`pulumi config set --secret`) and is never shown. */
    secret?: true;
}

/** Type names that Pulumi.yaml's `config:` knows (workspace.ProjectConfigType of the engine) and this program uses. */
export type SettingType = "string" | "integer" | "boolean";

/** One setting: a leaf of the schema. */
export interface Setting extends SettingDocumentation {
    /** Path below the project's namespace, for example `["taurus", "httpsPort"]`. */
    path: readonly string[];
    /** `taurus.httpsPort` */
    name: string;
    type: SettingType;
    /** The default as Pulumi.yaml declares it. Optional settings have the empty string, which means "not set". */
    default: string | number | boolean;
    schema: z.ZodType;
}

interface LeafRegistration extends SettingDocumentation {
    type: SettingType;
    default: string | number | boolean;
}

/** A secret setting's value. It does not turn into text by accident: not in JSON, not in a template, not in a log. */
export class SecretText {
    readonly #value: string;

    constructor(value: string) {
        this.#value = value;
    }

    /** The plain value. Wrap it in `pulumi.secret` before it goes into a resource. */
    reveal(): string {
        return this.#value;
    }

    toString(): string {
        return "[secret]";
    }

    toJSON(): string {
        return "[secret]";
    }

    [Symbol.for("nodejs.util.inspect.custom")](): string {
        return "[secret]";
    }
}

const leaves = z.registry<LeafRegistration>();

/** A leaf that has a default value of its own type. */
function setting<S extends z.ZodType>(
    schema: S,
    type: SettingType,
    defaultValue: string | number | boolean,
    documentation: SettingDocumentation,
): S {
    leaves.add(schema, { type, default: defaultValue, ...documentation });
    return schema;
}

function integer(defaultValue: number, minimum: number, maximum: number, documentation: SettingDocumentation) {
    const schema = z
        .union([z.number(), z.string()], "is not a whole number")
        .transform((value, context) => {
            // Pulumi hands over top-level values as text and nested ones as JSON.
            if (typeof value === "number" ? Number.isSafeInteger(value) : /^-?\d{1,15}$/.test(value)) {
                return Number(value);
            }
            context.addIssue({ code: "custom", message: "is not a whole number" });
            return z.NEVER;
        })
        .pipe(z.number().min(minimum, `is less than ${minimum}`).max(maximum, `is more than ${maximum}`));
    const suggest = (wrong: string) => {
        const number = Math.round(Number(wrong));
        return wrong.trim() === "" || Number.isNaN(number)
            ? undefined
            : String(Math.min(maximum, Math.max(minimum, number)));
    };
    return setting(schema, "integer", defaultValue, { suggest, ...documentation });
}

function port(defaultValue: number, description: string) {
    return integer(defaultValue, 1, 65535, { description, expected: "a port number from 1 to 65535" });
}

function boolean(defaultValue: boolean, description: string) {
    const schema = z.union([z.boolean(), z.string()], "is neither true nor false").transform((value, context) => {
        if (value === true || value === "true") {
            return true;
        }
        if (value === false || value === "false") {
            return false;
        }
        context.addIssue({ code: "custom", message: "is neither true nor false" });
        return z.NEVER;
    });
    const suggest = (wrong: string) =>
        /^(y|yes|t|true|on|1)$/i.test(wrong.trim())
            ? "true"
            : /^(n|no|f|false|off|0)$/i.test(wrong.trim())
              ? "false"
              : undefined;
    return setting(schema, "boolean", defaultValue, { description, expected: "true or false", suggest });
}

/** Text, where numbers given by `--path` (which Pulumi turns into JSON numbers) are taken as what was typed. */
const text = z
    .union([z.string(), z.number().transform(String)], "is not text")
    .refine((value) => value === value.trim(), { message: "begins or ends with white space", abort: true })
    .refine((value) => !/\p{Cc}/u.test(value), { message: "has control characters", abort: true });

function choice<const C extends readonly [string, ...string[]]>(
    choices: C,
    defaultValue: C[number],
    description: string,
    later: Readonly<Record<string, string>> = {},
) {
    const schema = z.unknown().transform((value, context): C[number] => {
        if (typeof value === "string" && choices.includes(value)) {
            return value;
        }
        const reason = typeof value === "string" ? later[value] : undefined;
        context.addIssue({ code: "custom", message: reason ?? "is not one of the choices" });
        return z.NEVER;
    });
    const expected = choices.length === 1 ? choices[0] : `one of ${choices.join(", ")}`;
    return setting(schema, "string", defaultValue, {
        description,
        expected,
        suggest: (wrong) => nearest(wrong, choices),
    });
}

/** Optional text: the empty string, which is its default in Pulumi.yaml, means "not set". */
function optionalText(check: (value: string) => string | undefined, documentation: SettingDocumentation) {
    const schema = text.transform((value, context) => {
        if (value === "") {
            return undefined;
        }
        const problem = check(value);
        if (problem !== undefined) {
            context.addIssue({ code: "custom", message: problem });
            return z.NEVER;
        }
        return value;
    });
    return setting(schema, "string", "", documentation);
}

function requiredText(
    defaultValue: string,
    check: (value: string) => string | undefined,
    documentation: SettingDocumentation,
) {
    const schema = text.transform((value, context) => {
        const problem = value === "" ? "is empty" : check(value);
        if (problem !== undefined) {
            context.addIssue({ code: "custom", message: problem });
            return z.NEVER;
        }
        return value;
    });
    return setting(schema, "string", defaultValue, documentation);
}

function secretText(description: string) {
    const schema = z
        .union([z.string(), z.number().transform(String)], "is not text")
        .refine((value) => !/[\r\n\0]/.test(value), { message: "has more than one line" })
        .transform((value) => (value === "" ? undefined : new SecretText(value)));
    return setting(schema, "string", "", { description, expected: "one line of text, encrypted", secret: true });
}

/** PEM text or a path to it: what is in it is checked where the file can be read. */
function certificate(description: string) {
    const schema = z.string("is not text").transform((value) => value.trim() || undefined);
    const expected = "PEM text or the path of a PEM file";
    return setting(schema, "string", "", { description, expected, example: "./registry-ca.pem" });
}

/**
 * What is wrong with a registry's name, or nothing. The grammar is that of image references
 * (distribution/reference): a domain, an optional port, optional lower-case path components.
 */
export function registryProblem(value: string): string | undefined {
    const scheme = /^[a-z+]+:\/\//i.exec(value);
    if (scheme) {
        return `has a scheme (${scheme[0]}), which image names do not`;
    }
    if (/[\s@?#]/.test(value)) {
        return "has characters that image names can't have";
    }
    const [address = "", ...components] = value.split("/");
    const [, host = "", portText] = /^(\[[0-9a-fA-F:]+\]|[^:]*)(?::(.*))?$/.exec(address) ?? [];
    if (host === "") {
        return "has no host";
    }
    const label = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?$/;
    if (!host.startsWith("[") && !host.split(".").every((part) => part.length <= 63 && label.test(part))) {
        return "has a host that is no DNS name or address";
    }
    if (portText !== undefined && !(/^\d{1,5}$/.test(portText) && Number(portText) >= 1 && Number(portText) <= 65535)) {
        return "has a port that is no number from 1 to 65535";
    }
    if (portText === undefined && host !== "localhost" && !host.includes(".") && !host.startsWith("[")) {
        // Docker takes such a first part for a folder on Docker Hub, and pushes there.
        return "has a host without a dot or a port, which Docker takes for an account on Docker Hub";
    }
    const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
    const wrong = components.find((part) => !component.test(part));
    if (wrong === "") {
        return "has an empty part in its path";
    }
    if (wrong?.includes(":")) {
        return "has a tag, which belongs to an image and not to a registry";
    }
    if (wrong !== undefined) {
        return `has the part "${wrong}" in its path (lower-case letters, digits and single separators . _ - are right)`;
    }
    return undefined;
}

/** `https://Registry/Path/` is meant as `Registry/path`. */
function suggestRegistry(wrong: string): string | undefined {
    const [host = "", ...path] = wrong
        .trim()
        .replace(/^[a-z+]+:\/\//i, "")
        .split("/");
    const components = path.filter((part) => part !== "").map((part) => part.replace(/:.*$/, "").toLowerCase());
    const candidate = [host, ...components].join("/");
    return registryProblem(candidate) === undefined ? candidate : undefined;
}

function ipv4Problem(value: string): string | undefined {
    const parts = value.split(".");
    const right = parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
    return right ? undefined : "is no IPv4 address";
}

function namespaceProblem(value: string): string | undefined {
    if (value.length > 63 || !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(value)) {
        return "is no name for a namespace";
    }
    if (value === "default" || value.startsWith("kube-")) {
        return "belongs to Kubernetes itself";
    }
    return undefined;
}

function storageSizeProblem(value: string): string | undefined {
    return /^[1-9]\d{0,5}(Mi|Gi|Ti)$/.test(value) ? undefined : "is no size";
}

function storageSize(defaultValue: string, what: string) {
    return requiredText(defaultValue, storageSizeProblem, {
        description: `Size of the volume for ${what}, a Kubernetes quantity. In the Vagrant machine its disk is the only limit.`,
        expected: "a number with one of the units Mi, Gi, Ti",
    });
}

/** `git` addresses as git itself takes them: a URL, or user@host:path. */
export function isGitAddress(value: string): boolean {
    return /^(https?|ssh|git|file):\/\/\S+$/.test(value) || /^[\w.-]+@[\w.-]+:\S+$/.test(value);
}

function sourceProblem(value: string): string | undefined {
    if (value === "auto" || value === "public" || value === "sample" || isGitAddress(value)) {
        return undefined;
    }
    return /^(\/|\.\.?(\/|$)|~(\/|$))/.test(value) ? undefined : "is neither a path, a git address, nor a known word";
}

function sourceRefProblem(value: string): string | undefined {
    // git check-ref-format's rules, as far as they can hurt on a command line.
    const wrong = value.startsWith("-") || /[\s~^:?*[\\]|\.\.|@\{|\/$|\.lock$|\.$/.test(value);
    return wrong ? "is no name of a commit, tag or branch" : undefined;
}

/** The commit of the public numenta-apps repository that this program was made and tested with. */
export const pinnedSourceRef = "02903b0062c89c2c259b533eea2df6e8bb44eaf3";

/**
 * Every setting. Parsed values have this shape; `pulumi config set --path <a>.<b>` has the same names.
 * Defaults stand beside the schemas in a registry, because Pulumi.yaml declares them too.
 */
export const settingsSchema = z.object({
    cluster: choice(["vagrant"], "vagrant", "Where Kubernetes runs: `vagrant` makes a machine for it with Vagrant.", {
        existing: "comes later: a cluster that you already have can't be used yet",
    }),
    provider: choice(
        ["auto", "docker", "libvirt", "virtualbox"],
        "auto",
        "Vagrant provider. `auto` takes the first of virtualbox, libvirt, docker that this machine can really run.",
    ),
    nodes: integer(1, 1, 1, {
        description: "Number of machines in the cluster. More than one comes later.",
        expected: "1 (more nodes come later)",
    }),
    cpus: integer(4, 2, 256, {
        description: "CPUs of each node. Kubernetes' control plane wants two.",
        expected: "a whole number from 2 to 256",
    }),
    memory: integer(4096, 2048, 1048576, {
        description: "Memory of each node in MiB.",
        expected: "a whole number of MiB from 2048 up, no more than this machine has",
    }),
    disk: integer(20, 10, 4096, {
        description: "Disk of each node in GiB.",
        expected: "a whole number of GiB from 10 to 4096",
    }),
    hostAddress: requiredText("127.0.0.1", ipv4Problem, {
        description:
            "Address of this machine on which the cluster's ports are published. " +
            "`0.0.0.0` publishes them to the network: everyone who reaches this machine can then reach them.",
        expected: "an IPv4 address of this machine",
    }),
    apiPort: port(6443, "Port of this machine at which Kubernetes' API server answers."),
    registryPort: port(
        5000,
        "Port of this machine at which the cluster's own registry answers. Unused if `registry` is set.",
    ),
    registry: optionalText(registryProblem, {
        description:
            "Registry for the images, `host[:port][/path]`. Not set: the cluster's own, on the first node, " +
            "reached as `localhost:<registryPort>` from this machine and from the nodes.",
        expected: "host[:port][/path] without a scheme or a tag",
        example: "registry.example.com:5000/team",
        suggest: suggestRegistry,
    }),
    registryUsername: optionalText(() => undefined, {
        description: "User name for a `registry` that wants a login.",
        expected: "a user name",
        example: "ada",
    }),
    registryPassword: secretText("Password or token for a `registry` that wants a login."),
    registryInsecure: boolean(false, "The `registry` speaks plain HTTP."),
    registryCa: certificate(
        "Certificate of the authority that signed the `registry`'s certificate: PEM text, or the path of a file with it.",
    ),
    buildImages: boolean(
        true,
        "Build the images and push them to the registry. `false` takes what stands in the registry, by digest.",
    ),
    source: requiredText("auto", sourceProblem, {
        description:
            "Where the application's source, a numenta-apps tree, comes from: the path of a checkout, a git address, " +
            "`public` (the public repository), `sample` (a small application in the same layout that comes with this program), " +
            "or `auto`: `public` where it can be reached, else `sample`.",
        expected: "a path that begins with /, ./, ../ or ~, a git address, or one of auto, public, sample",
        example: "/path/to/numenta-apps",
    }),
    sourceRef: requiredText(pinnedSourceRef, sourceRefProblem, {
        description: "Commit, tag or branch of `source`, where that is a git address, `public` or `auto`.",
        expected: "a commit, tag or branch",
    }),
    namespace: requiredText("taurus", namespaceProblem, {
        description: "Kubernetes namespace of Taurus and its support services. This program creates it.",
        expected: "lower-case letters, digits and hyphens, at most 63, other than Kubernetes' own namespaces",
    }),
    taurus: z.object({
        replicas: integer(1, 1, 1, {
            description:
                "Number of Taurus servers. Each server runs every model, and model checkpoints have one owner, so there is one.",
            expected: "1 (a second server would run the same models on the same checkpoints)",
        }),
        expose: boolean(true, "Publish the server's ports on `hostAddress`."),
        httpsPort: port(443, "Port of this machine for the server's web pages and REST API (443 in the cluster)."),
        supervisorPort: port(9001, "Port of this machine for the server's supervisor (9001 in the cluster)."),
        metricsPort: port(
            2003,
            "Port of this machine that takes metrics in the plaintext protocol (2003 in the cluster).",
        ),
        storage: storageSize("5Gi", "the models' checkpoints"),
        collectors: z.object({
            enabled: boolean(
                true,
                "Run the metric collectors. Without the keys below they stand by: supervised and connected, but collecting nothing.",
            ),
            xigniteApiToken: secretText("Xignite token: with it, the collectors collect market data."),
            twitterConsumerKey: secretText("Twitter consumer key. Twitter's four keys belong together."),
            twitterConsumerSecret: secretText("Twitter consumer secret."),
            twitterAccessToken: secretText("Twitter access token."),
            twitterAccessTokenSecret: secretText("Twitter access token's secret."),
        }),
    }),
    support: z.object({
        mysql: z.object({
            storage: storageSize("5Gi", "MySQL's data"),
            expose: boolean(false, "Publish MySQL on `hostAddress`."),
            port: port(3306, "Port of this machine for MySQL, if it is exposed (3306 in the cluster)."),
        }),
        rabbitmq: z.object({
            storage: storageSize("2Gi", "RabbitMQ's data"),
            expose: boolean(false, "Publish RabbitMQ's management pages and API on `hostAddress`."),
            managementPort: port(
                15672,
                "Port of this machine for RabbitMQ's management, if it is exposed (15672 in the cluster).",
            ),
        }),
        dynamodb: z.object({
            storage: storageSize("2Gi", "DynamoDB's data"),
            expose: boolean(false, "Publish DynamoDB on `hostAddress`. It asks for no password."),
            port: port(8300, "Port of this machine for DynamoDB, if it is exposed (8300 in the cluster)."),
        }),
    }),
});

/** All settings, checked, with defaults filled in. Optional ones that are not set are undefined. */
export type Settings = z.output<typeof settingsSchema>;

function collectSettings(schema: z.ZodObject, prefix: readonly string[]): Setting[] {
    return Object.entries(schema.shape).flatMap(([key, child]) => {
        const path = [...prefix, key];
        if (child instanceof z.ZodObject) {
            return collectSettings(child, path);
        }
        const registration = leaves.get(child as z.ZodType);
        if (!registration) {
            throw new Error(`the setting ${path.join(".")} has no documentation`);
        }
        return [{ path, name: path.join("."), schema: child as z.ZodType, ...registration }];
    });
}

/** Every setting in the order of the schema. */
export const allSettings: readonly Setting[] = collectSettings(settingsSchema, []);
