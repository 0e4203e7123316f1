import { z } from "zod";

import {
    boolean,
    certificate,
    choice,
    elements,
    integer,
    kubeconfig,
    leaves,
    list,
    names,
    optionalText,
    port,
    requiredText,
    secretText,
    type Setting,
} from "./fields";
import { defaultKubernetes, kubernetesVersions } from "../../node-image/kubernetes-versions";
import { imageNames, onDemandImageNames } from "../images/catalog";
import { job } from "./jobs/jobs";
import { checkJobNames } from "./jobs/names";
import { nodePool } from "./node-pools";
import { poolProblem, rangeProblem } from "./ranges";
import { user } from "./users";
import { registryProblem, suggestRegistry } from "./registry-name";

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
    cluster: choice(
        ["vagrant", "existing"],
        "vagrant",
        "Where Kubernetes runs: `vagrant` makes a machine for it with Vagrant, `existing` uses a cluster that you have.",
    ),
    kubeContext: optionalText(() => undefined, {
        description: "Context of the kubeconfig, for `cluster: existing`. Not set: the current one of `kubeconfig`.",
        expected: "the name of a context",
        example: "my-cluster",
    }),
    kubeconfig: kubeconfig({
        description:
            "Kubeconfig for `cluster: existing`: the path of a file, or its contents, which have to be secret. " +
            "Not set: where kubectl looks, `$KUBECONFIG` or `~/.kube/config`.",
        expected: "a path, or a kubeconfig's contents, encrypted",
        example: "~/.kube/config",
    }),
    storageClass: optionalText(() => undefined, {
        description: "StorageClass of the volumes, for `cluster: existing`. Not set: the cluster's default class.",
        expected: "the name of a StorageClass",
        example: "standard",
    }),
    serviceType: choice(
        ["NodePort", "LoadBalancer"],
        "NodePort",
        "Type of the Services that are exposed, for `cluster: existing`: ports of every node that the cluster chooses, " +
            "or a load balancer, where the cluster has such.",
    ),
    provider: choice(
        ["auto", "docker", "libvirt", "virtualbox"],
        "auto",
        "Vagrant provider. `auto` takes the first of virtualbox, libvirt, docker that this machine can really run.",
    ),
    kubernetesVersion: choice(
        kubernetesVersions,
        defaultKubernetes,
        "Version of Kubernetes. A cluster goes to the next patch or minor version in place, node by node; there is no way back.",
    ),
    nodes: integer(1, 1, 256, {
        description:
            "Number of machines in the cluster. The first one has the control plane, the registry and the volumes; " +
            "pods run on all of them.",
        expected: "a whole number from 1 to 256, for which the pods' range has addresses",
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
        description:
            "Disk in GiB of each virtual machine that is made from now on. In a container it is this machine's, of which so much " +
            "must be free for each new node.",
        expected: "a whole number of GiB from 10 to 4096",
    }),
    nodePools: list(nodePool, {
        description:
            "Nodes that differ from the others, in size, labels, roles or taints: a list of entries, described below.",
        expected: "a list of node pools",
        example: "[]",
    }),
    podRange: requiredText("10.244.0.0/16", rangeProblem, {
        description:
            "Addresses of the pods, 256 for each node. A cluster keeps its ranges for life; they must not belong to a network " +
            "that pods have to reach.",
        expected: "a range such as 10.244.0.0/16, from /8 to /24",
    }),
    serviceRange: requiredText("10.100.0.0/16", rangeProblem, {
        description: "Addresses of the services inside the cluster.",
        expected: "a range such as 10.100.0.0/16, from /8 to /24",
    }),
    hostAddress: requiredText("127.0.0.1", ipv4Problem, {
        description:
            "Address of this machine on which the cluster's ports are published. " +
            "`0.0.0.0` publishes them to the network: everyone who reaches this machine can then reach them.",
        expected: "an IPv4 address of this machine",
    }),
    addressPool: optionalText(poolProblem, {
        description:
            "Addresses of the nodes' network, which nobody else uses, for Services of type LoadBalancer; setting it brings " +
            "MetalLB into the cluster. Not set: it comes with the first job that wants such an address, and gives the last " +
            "ones of the machines' network; on an existing cluster it never comes, and the cluster's own load balancers " +
            "give addresses.",
        expected: "a range such as 172.18.255.205-172.18.255.254, its lower end first",
        example: "172.18.255.205-172.18.255.254",
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
    registryUsername: optionalText((value) => (value.includes(":") ? "has a colon" : undefined), {
        description: "User name for a `registry` that wants a login.",
        expected: "a user name without a colon",
        example: "ada",
    }),
    registryPassword: secretText("Password or token for a `registry` that wants a login."),
    registryInsecure: boolean(false, "The `registry` speaks plain HTTP."),
    registryCa: certificate(
        "Certificate of the authority that signed the `registry`'s certificate: PEM text, or the path of a file with it.",
    ),
    buildImages: boolean(
        true,
        "Build the images and push them to the registry. `false` takes what stands in the `registry`, by digest.",
    ),
    builtImages: names([...imageNames, ...onDemandImageNames], {
        description: "Images that are built here although `buildImages` is false.",
        expected: `names separated by commas, of ${[...imageNames, ...onDemandImageNames].join(", ")}`,
        example: "taurus",
    }),
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
    jobs: list(
        job,
        {
            description: "Workloads of your own: a list of entries, each of a kind that is described below.",
            expected: "a list of jobs",
            example: "[]",
        },
        checkJobNames,
    ),
    users: list(user, {
        description: "People who get a kubeconfig and rights of their own: a list of entries, described below.",
        expected: "a list of users",
        example: "[]",
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
        const leaf = child as z.ZodType;
        return [{ path, name: path.join("."), schema: leaf, element: elements.get(leaf), ...registration }];
    });
}

/** Every setting in the order of the schema. */
export const allSettings: readonly Setting[] = collectSettings(settingsSchema, []);

export const settingsByName: ReadonlyMap<string, Setting> = new Map(
    allSettings.map((setting) => [setting.name, setting]),
);
