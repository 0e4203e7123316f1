import type * as batch from "@pulumi/kubernetes/batch/v1";
import type { types } from "@pulumi/kubernetes";
import type { Input } from "@pulumi/pulumi";

import type { RegistryAccess } from "../../../registry/access";
import { pullSecretName } from "../../registry/pull-secret";
import { type Environment, environmentVariables, restrictedContainer, restrictedPod } from "../../support/pod";
import { runToEnd } from "../batch-job/job-spec";
import { waitedFor, workloadContainer, workloadLabels, workloadPod, workloadUser } from "../container";
import type { Commit } from "./git";

type Container = types.input.core.v1.Container;
type Volume = types.input.core.v1.Volume;

/** The registry as a pod sees it. */
export interface PodRegistry {
    /** `host[:port][/path]`, as references to images begin. */
    address: Input<string>;
    /** How a registry beside the cluster's own is spoken to. */
    access?: RegistryAccess;
    /** The node that has the cluster's own, and its port there: `localhost` in its address is the pod itself to a pod. */
    node?: { name: Input<string>; port: number };
}

/** What the Job of a CI build is made from. */
export interface CiBuildSpec {
    /** Name of the Job, and of the image if that has none of its own. */
    workloadName: string;
    namespace: Input<string>;
    commit: Commit;
    tests: {
        image: Input<string>;
        command: readonly string[];
        env?: Environment;
        resources: { cpu: string; memory: string };
    };
    /** Name of the image that is made, below the registry's address. */
    image?: string;
    /** Path in the checkout. */
    dockerfile: string;
    buildArgs?: Readonly<Record<string, string>>;
    /** What the build needs. */
    resources: { cpu: string; memory: string };
    /** Seconds after which what still runs is ended and counts as failed. */
    deadline?: number;
    registry: PodRegistry;
}

/** Annotation of the Job: the commit that it is about. */
export const commitAnnotation = "nta/commit";

const component = "ci-build";

/** Where the tests find the program, and the checkout below it. */
const workFolder = "/ci";
/** Home of the image's user, with the build's own storage of images. */
const homeFolder = "/home/ci";
const loginFolder = "/registry-login";

const workMount = { name: "work", mountPath: workFolder };

/** Name of the image that a build makes. */
export function builtImage({ image, workloadName }: Pick<CiBuildSpec, "image" | "workloadName">): string {
    return image ?? workloadName;
}

/** Puts the checkout, and the program that cuts the network, beside the tests' own image. */
function checkoutContainer(checkout: Input<string>): Container {
    return {
        name: "checkout",
        image: checkout,
        args: ["checkout", workFolder],
        resources: { requests: { cpu: "100m", memory: "32Mi" }, limits: { memory: "128Mi" } },
        securityContext: {
            ...restrictedContainer(),
            seccompProfile: { type: "RuntimeDefault" },
            readOnlyRootFilesystem: true,
        },
        volumeMounts: [workMount],
    };
}

function testsContainer({ workloadName, namespace, commit, tests }: CiBuildSpec): Container {
    const env = { CI: "true", CI_COMMIT: commit.id, ...tests.env };
    const command = [`${workFolder}/ci-build`, "tests", "--", ...tests.command];
    return {
        ...workloadContainer({ workloadName, namespace, ...tests, env }, command),
        name: "tests",
        workingDir: `${workFolder}/checkout`,
        volumeMounts: [workMount],
    };
}

function registryVariables({ address, node, access }: PodRegistry): types.input.core.v1.EnvVar[] {
    if (node !== undefined) {
        return [
            ...environmentVariables({ CI_REGISTRY: address }),
            { name: "CI_NODE_ADDRESS", valueFrom: { fieldRef: { fieldPath: "status.hostIP" } } },
            ...environmentVariables({
                CI_REGISTRY_ENDPOINT: `$(CI_NODE_ADDRESS):${node.port}`,
                CI_REGISTRY_INSECURE: "true",
            }),
        ];
    }
    return environmentVariables({
        CI_REGISTRY: address,
        CI_REGISTRY_ENDPOINT: address,
        ...(access?.insecure === true ? { CI_REGISTRY_INSECURE: "true" } : {}),
        ...(access?.ca === undefined ? {} : { CI_REGISTRY_CA: access.ca }),
        ...(access?.credentials === undefined ? {} : { CI_REGISTRY_LOGIN: `${loginFolder}/config.json` }),
    });
}

function buildContainer(spec: CiBuildSpec, checkout: Input<string>): Container {
    const { commit, dockerfile, buildArgs = {}, registry, resources } = spec;
    const withLogin = registry.access?.credentials !== undefined;
    return {
        name: "build",
        image: checkout,
        args: ["build", ...Object.entries(buildArgs).map(([name, value]) => `${name}=${value}`)],
        env: [
            ...registryVariables(registry),
            ...environmentVariables({
                CI_IMAGE: builtImage(spec),
                CI_COMMIT: commit.id,
                CI_COMMIT_TIME: String(commit.time),
                CI_DOCKERFILE: dockerfile,
            }),
        ],
        resources: { requests: resources, limits: { memory: resources.memory } },
        // newuidmap and newgidmap have these two by their files, which is an escalation in Kubernetes' words: an image has
        // files of more than one user, so that one user's rights do not do.
        securityContext: {
            allowPrivilegeEscalation: true,
            capabilities: { drop: ["ALL"], add: ["SETUID", "SETGID"] },
            readOnlyRootFilesystem: true,
        },
        volumeMounts: [
            { name: "home", mountPath: homeFolder },
            { name: "tmp", mountPath: "/tmp" },
            ...(withLogin ? [{ name: "registry-login", mountPath: loginFolder, readOnly: true }] : []),
        ],
    };
}

function volumes({ registry }: CiBuildSpec): Volume[] {
    const login: Volume = {
        name: "registry-login",
        secret: { secretName: pullSecretName, items: [{ key: ".dockerconfigjson", path: "config.json" }] },
    };
    return [
        ...["work", "home", "tmp"].map((name) => ({ name, emptyDir: {} })),
        ...(registry.access?.credentials === undefined ? [] : [login]),
    ];
}

/**
 * The Job of a CI build: one pod, whose containers are the steps, each of which begins when the one before has succeeded.
 *
 * It is all that the Pod Security Standard "restricted" wants but for what user namespaces need: tests and build have no
 * seccomp profile (the usual one forbids to make them), and the build may take up SETUID and SETGID.
 *
 * @param checkout The image with the commit's files.
 */
export function ciBuildJob(spec: CiBuildSpec, checkout: Input<string>): batch.JobArgs {
    const { registry, deadline } = spec;
    const labels = workloadLabels(spec.workloadName, component);
    const { seccompProfile: _, ...security } = restrictedPod(workloadUser);
    return {
        metadata: {
            name: spec.workloadName,
            namespace: spec.namespace,
            labels,
            annotations: { ...waitedFor, [commitAnnotation]: spec.commit.id },
        },
        spec: runToEnd(
            {
                ...workloadPod([buildContainer(spec, checkout)]),
                ...(registry.node === undefined
                    ? {}
                    : { nodeSelector: { "kubernetes.io/hostname": registry.node.name } }),
                securityContext: security,
                initContainers: [checkoutContainer(checkout), testsContainer(spec)],
                volumes: volumes(spec),
            },
            { retries: 0, deadline },
            labels,
        ),
    };
}
