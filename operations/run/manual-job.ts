import {
    asObject,
    type KubernetesObject,
    metadataOf,
    nameOf,
    namespaceOf,
    pluck,
    uidOf,
} from "../../plugins/kubernetes/object";

/**
 * The Job that a CronJob would make if it were time, as `kubectl create job --from` makes it. It counts in the CronJob's
 * history and goes when the CronJob goes.
 *
 * @param suffix Tells it from the CronJob's other Jobs.
 */
export function manualJob(cronJob: KubernetesObject, suffix: string): KubernetesObject {
    const template = asObject(pluck(cronJob, "spec", "jobTemplate"));
    const { labels, annotations } = metadataOf(template);
    return {
        apiVersion: "batch/v1",
        kind: "Job",
        metadata: {
            // A Job's name becomes a label of its pods: at most 63 characters.
            name: `${nameOf(cronJob).slice(0, 62 - suffix.length)}-${suffix}`,
            namespace: namespaceOf(cronJob),
            labels: asObject(labels),
            annotations: { ...asObject(annotations), "cronjob.kubernetes.io/instantiate": "manual" },
            ownerReferences: [
                {
                    apiVersion: "batch/v1",
                    kind: "CronJob",
                    name: nameOf(cronJob),
                    uid: uidOf(cronJob),
                    controller: true,
                },
            ],
        },
        spec: asObject(template.spec),
    };
}
