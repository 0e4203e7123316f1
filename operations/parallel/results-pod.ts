import {
    asArray,
    asObject,
    asString,
    type Json,
    type KubernetesObject,
    nameOf,
    namespaceOf,
    pluck,
} from "../../plugins/kubernetes/object";

/** Name of the container in a parallel job's pods that has the results. */
const masterName = "master";

/** Seconds after which Kubernetes ends a pod that nobody has removed. */
const lifetime = 600;

/**
 * A pod that has the results of a parallel job where the master has them, and does nothing: `/parallel results` can be run
 * in it.
 *
 * @param job The master's Job.
 * @param suffix Tells it from others.
 * @returns undefined when the Job is none of a parallel job.
 */
export function resultsPod(job: KubernetesObject, suffix: string): KubernetesObject | undefined {
    const pod = asObject(pluck(job, "spec", "template", "spec"));
    const named = (list: Json | undefined, name: string) =>
        asArray(list)
            .map(asObject)
            .find((one) => asString(one.name) === name);
    const master = named(pod.containers, masterName);
    const volume = named(pod.volumes, "results");
    const mounts = asArray(master?.volumeMounts).map(asObject);
    const mount = mounts.find(({ name }) => name === "results");
    if (master === undefined || volume === undefined || mount === undefined) {
        return undefined;
    }
    return {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `${nameOf(job)}-results-${suffix}`, namespace: namespaceOf(job) },
        spec: {
            restartPolicy: "Never",
            activeDeadlineSeconds: lifetime,
            terminationGracePeriodSeconds: 0,
            automountServiceAccountToken: false,
            enableServiceLinks: false,
            securityContext: pod.securityContext,
            volumes: [volume],
            containers: [
                {
                    name: masterName,
                    image: master.image,
                    args: ["hold"],
                    resources: master.resources,
                    securityContext: master.securityContext,
                    volumeMounts: [mount],
                },
            ],
        },
    };
}
