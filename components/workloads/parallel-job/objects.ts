import * as crypto from "node:crypto";

import type * as batch from "@pulumi/kubernetes/batch/v1";
import type * as core from "@pulumi/kubernetes/core/v1";
import type * as rbac from "@pulumi/kubernetes/rbac/v1";
import type { types } from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";

import { environmentVariables, restrictedContainer, SecretKey } from "../../support/pod";
import { notWaitedFor, waitedFor, WorkloadArgs, workloadContainer, workloadLabels, workloadPod } from "../container";

type Container = types.input.core.v1.Container;
type Volume = types.input.core.v1.Volume;

/** A RabbitMQ that pods of the namespace reach. */
export interface BrokerEndpoint {
    host: pulumi.Input<string>;
    port: number;
    user: string;
    passwordKey: SecretKey;
}

/** The tasks: a list, or what a command prints in the job's image, one a line. */
export type TaskSource = { list: readonly string[] } | { command: readonly string[] };

/** What the Kubernetes objects of a parallel job are made from. */
export interface ParallelJobSpec extends WorkloadArgs {
    /** The `parallel` image by digest: the master, and the worker that stands beside the job's command. */
    program: pulumi.Input<string>;
    tasks: TaskSource;
    /** What runs a task, which is its last argument. */
    command: readonly string[];
    /** How many workers while it runs. */
    workers: number;
    /** How often a failing task is run. */
    tries: number;
    /** Seconds after which a try is ended and has failed. */
    taskTimeout?: number;
    /** Seconds after which the job ends with the tasks that have ended. */
    deadline?: number;
    /** The update waits for its end, and fails if a task did. */
    wait: boolean;
}

/** Where the master keeps the results: the claim's folder for this job. */
export const resultsFolder = "/results";

/** The program's place in pods of the job's image. */
const programFolder = "/opt/nta";
const program = `${programFolder}/parallel`;

/** Annotation by which the master learns how many workers there should be (images/parallel/workers.go). */
const workersAnnotation = "nta/workers";

/** The master's exit codes that a new pod would not change (images/parallel/main.go). */
const finalExitCodes = [1, 2];

/** The Job's end when a pod is gone for other reasons again and again. */
const podLimit = 20;

const component = "parallel-job";

/** Names of the objects besides the Job, which has the job's name. */
export function objectNames(workloadName: string) {
    return {
        workers: `${workloadName}-worker`,
        master: `${workloadName}-master`,
        tasks: `${workloadName}-tasks`,
        results: `${workloadName}-results`,
        /** If it has a RabbitMQ of its own. */
        rabbit: `${workloadName}-rabbit`,
    };
}

function metadata(spec: ParallelJobSpec, name: string, annotations?: Record<string, string>) {
    return {
        name,
        namespace: spec.namespace,
        labels: workloadLabels(spec.workloadName, component),
        ...(annotations === undefined ? {} : { annotations }),
    };
}

/**
 * Tells one run's inputs from another's. It is a part of the queues' names, so that a worker of earlier inputs, on its way
 * out, gets no task of the new run.
 */
export function runDigest(spec: ParallelJobSpec): pulumi.Output<string> {
    const { image, command, env = {}, tasks } = spec;
    return pulumi.all([image, pulumi.output(env)]).apply(([knownImage, knownEnv]) =>
        crypto
            .createHash("sha256")
            .update(JSON.stringify([knownImage, command, knownEnv, tasks]))
            .digest("hex")
            .slice(0, 12),
    );
}

/** Variables that master and workers share; PARALLEL_ keeps them apart from the user's, and tasks do not see them. */
function brokerEnvironment(spec: ParallelJobSpec, broker: BrokerEndpoint, digest: pulumi.Input<string>) {
    return environmentVariables({
        PARALLEL_BROKER_HOST: broker.host,
        PARALLEL_BROKER_PORT: String(broker.port),
        PARALLEL_BROKER_USER: broker.user,
        PARALLEL_BROKER_PASSWORD: broker.passwordKey,
        PARALLEL_QUEUES: pulumi.interpolate`parallel.${spec.namespace}.${spec.workloadName}.${digest}`,
    });
}

const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });

const seconds = (name: string, value: number | undefined) =>
    value === undefined ? [] : [{ name, value: String(value) }];

/** Copies the program beside the job's own image. */
function installer(spec: ParallelJobSpec): Container {
    return {
        name: "install",
        image: spec.program,
        args: ["install", program],
        resources: { requests: { cpu: "10m", memory: "16Mi" }, limits: { memory: "64Mi" } },
        securityContext: { ...restrictedContainer(), readOnlyRootFilesystem: true },
        volumeMounts: [{ name: "program", mountPath: programFolder }],
    };
}

const programVolume: Volume = { name: "program", emptyDir: { sizeLimit: "32Mi" } };

/** The ReplicationController of the workers. It has none at first: the master starts and ends them. */
export function workersController(
    spec: ParallelJobSpec,
    broker: BrokerEndpoint,
    digest: pulumi.Input<string>,
): core.ReplicationControllerArgs {
    const { workers } = objectNames(spec.workloadName);
    const labels = workloadLabels(workers, component);
    const container = workloadContainer(spec, [program, "worker", "--", ...spec.command]);
    const pod = workloadPod(
        [
            {
                ...container,
                env: [
                    ...environmentVariables(spec.env ?? {}),
                    ...brokerEnvironment(spec, broker, digest),
                    field("PARALLEL_WORKER", "metadata.name"),
                    ...seconds("PARALLEL_TASK_TIMEOUT", spec.taskTimeout),
                ],
                volumeMounts: [{ name: "program", mountPath: programFolder, readOnly: true }],
            },
        ],
        spec,
    );
    return {
        metadata: metadata(spec, workers, { ...notWaitedFor, [workersAnnotation]: String(spec.workers) }),
        spec: {
            replicas: 0,
            selector: labels,
            template: {
                metadata: { labels },
                spec: { ...pod, initContainers: [installer(spec)], volumes: [programVolume] },
            },
        },
    };
}

/** The ConfigMap with a list of tasks, one a line. */
export function tasksConfigMap(spec: ParallelJobSpec, list: readonly string[]): core.ConfigMapArgs {
    const { tasks } = objectNames(spec.workloadName);
    return { metadata: metadata(spec, tasks), data: { tasks: list.map((task) => `${task}\n`).join("") } };
}

/** What the master may do: read how many workers there should be, and scale to that. */
export function masterRole(spec: ParallelJobSpec): rbac.RoleArgs {
    const { master, workers } = objectNames(spec.workloadName);
    const rule = (resources: string, verb: string) => ({
        apiGroups: [""],
        resources: [resources],
        resourceNames: [workers],
        verbs: [verb],
    });
    return {
        metadata: metadata(spec, master),
        rules: [rule("replicationcontrollers", "get"), rule("replicationcontrollers/scale", "patch")],
    };
}

export function masterRoleBinding(spec: ParallelJobSpec): rbac.RoleBindingArgs {
    const { master } = objectNames(spec.workloadName);
    return {
        metadata: metadata(spec, master),
        roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: master },
        subjects: [{ kind: "ServiceAccount", name: master, namespace: spec.namespace }],
    };
}

export function masterServiceAccount(spec: ParallelJobSpec): core.ServiceAccountArgs {
    return { metadata: metadata(spec, objectNames(spec.workloadName).master), automountServiceAccountToken: false };
}

/** The token for the master's container alone: the command that lists tasks is the user's. */
const tokenVolume: Volume = {
    name: "token",
    projected: {
        sources: [
            { serviceAccountToken: { path: "token" } },
            { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
        ],
    },
};

/** The Job of the master. Its pods stay, with their logs, until it is replaced or deleted. */
export function masterJob(
    spec: ParallelJobSpec,
    broker: BrokerEndpoint,
    digest: pulumi.Input<string>,
    resultsClaim: pulumi.Input<string>,
): batch.JobArgs {
    const names = objectNames(spec.workloadName);
    const run = field("PARALLEL_RUN", "metadata.labels['batch.kubernetes.io/controller-uid']");
    const resultsMount = { name: "results", mountPath: resultsFolder, subPath: spec.workloadName };
    const listed = "list" in spec.tasks;
    const lister: Container[] =
        "list" in spec.tasks
            ? []
            : [
                  installer(spec),
                  {
                      ...workloadContainer(spec, [
                          program,
                          "list",
                          `${resultsFolder}/$(PARALLEL_RUN)/tasks`,
                          "--",
                          ...spec.tasks.command,
                      ]),
                      name: "list",
                      env: [run, ...environmentVariables(spec.env ?? {})],
                      volumeMounts: [{ name: "program", mountPath: programFolder, readOnly: true }, resultsMount],
                  },
              ];
    const master: Container = {
        name: "master",
        image: spec.program,
        args: ["master"],
        env: [
            ...brokerEnvironment(spec, broker, digest),
            run,
            { name: "PARALLEL_RESULTS", value: resultsFolder },
            ...(listed ? [{ name: "PARALLEL_TASKS", value: "/tasks/tasks" }] : []),
            { name: "PARALLEL_TRIES", value: String(spec.tries) },
            ...seconds("PARALLEL_DEADLINE", spec.deadline),
            { name: "PARALLEL_CONTROLLER", value: names.workers },
            field("PARALLEL_NAMESPACE", "metadata.namespace"),
        ],
        resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { memory: "256Mi" } },
        securityContext: { ...restrictedContainer(), readOnlyRootFilesystem: true },
        volumeMounts: [
            resultsMount,
            { name: "token", mountPath: "/var/run/secrets/kubernetes.io/serviceaccount", readOnly: true },
            ...(listed ? [{ name: "tasks", mountPath: "/tasks", readOnly: true }] : []),
        ],
    };
    const labels = workloadLabels(spec.workloadName, component);
    return {
        metadata: metadata(spec, spec.workloadName, spec.wait ? waitedFor : notWaitedFor),
        spec: {
            backoffLimit: podLimit,
            podFailurePolicy: {
                rules: [
                    {
                        action: "FailJob",
                        onExitCodes: { containerName: "master", operator: "In", values: finalExitCodes },
                    },
                    { action: "Ignore", onPodConditions: [{ type: "DisruptionTarget", status: "True" }] },
                ],
            },
            template: {
                metadata: { labels, annotations: { "nta/run": digest } },
                spec: {
                    ...workloadPod([master]),
                    serviceAccountName: names.master,
                    restartPolicy: "Never",
                    ...(lister.length > 0 ? { initContainers: lister } : {}),
                    volumes: [
                        { name: "results", persistentVolumeClaim: { claimName: resultsClaim } },
                        tokenVolume,
                        ...(listed ? [{ name: "tasks", configMap: { name: names.tasks } }] : [programVolume]),
                    ],
                },
            },
        },
    };
}
