import { GroupVersionKind } from "./kinds";

/** Provider settings that change which properties force a replacement. */
export interface ReplacementOptions {
    /** ConfigMaps are updated in place. */
    configMapMutable: boolean;
    /** Secrets are updated in place. */
    secretMutable: boolean;
    /** The object was created with `immutable: true`. */
    immutable: boolean;
}

const podFields = [
    "affinity",
    "automountServiceAccountToken",
    "dnsConfig",
    "dnsPolicy",
    "enableServiceLinks",
    "hostAliases",
    "hostIPC",
    "hostNetwork",
    "hostPID",
    "hostname",
    "imagePullSecrets",
    "nodeName",
    "nodeSelector",
    "overhead",
    "preemptionPolicy",
    "priority",
    "priorityClassName",
    "readinessGates",
    "restartPolicy",
    "runtimeClassName",
    "schedulerName",
    "securityContext",
    "serviceAccount",
    "serviceAccountName",
    "shareProcessNamespace",
    "subdomain",
    "terminationGracePeriodSeconds",
    "volumes",
];

const containerFields = [
    "args",
    "command",
    "env",
    "image",
    "imagePullPolicy",
    "lifecycle",
    "livenessProbe",
    "ports",
    "readinessProbe",
    "resources",
    "securityContext",
    "stdin",
    "stdinOnce",
    "terminationMessagePath",
    "terminationMessagePolicy",
    "tty",
    "volumeDevices",
    "volumeMounts",
    "workingDir",
];

const volumeSources = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flexVolume",
    "flocker",
    "gcePersistentDisk",
    "glusterfs",
    "hostPath",
    "iscsi",
    "local",
    "nfs",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "rbd",
    "scaleIO",
    "storageos",
    "vsphereVolume",
];

// Property paths by "<group>/<Kind>"; `*` stands for any index. A change at or below a path replaces the object.
// The kinds and fields are those that Pulumi's kubernetes plugin 4.32 replaces; ReplicaSet's selector and the last
// three of StorageClass are ours, because the API refuses to update them and nothing is lost by replacing them.
const rules: Record<string, string[]> = {
    "/PersistentVolume": volumeSources.map((source) => `spec.${source}`),
    "/PersistentVolumeClaim": ["spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"],
    "/Pod": [
        ...podFields.map((field) => `spec.${field}`),
        ...containerFields.map((field) => `spec.containers.*.${field}`),
        ...containerFields.map((field) => `spec.initContainers.*.${field}`),
    ],
    "/ResourceQuota": ["spec.scopes"],
    "/Service": ["spec.clusterIP"],
    "apps/DaemonSet": ["spec.selector"],
    "apps/Deployment": ["spec.selector"],
    "apps/ReplicaSet": ["spec.selector"],
    "apps/StatefulSet": [
        "spec.podManagementPolicy",
        "spec.revisionHistoryLimit",
        "spec.selector",
        "spec.serviceName",
        "spec.volumeClaimTemplates",
    ],
    "batch/Job": ["spec.completions", "spec.parallelism", "spec.selector", "spec.template"],
    "rbac.authorization.k8s.io/ClusterRoleBinding": ["roleRef"],
    "rbac.authorization.k8s.io/RoleBinding": ["roleRef"],
    "storage.k8s.io/StorageClass": ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode", "mountOptions"],
};

/** The paths of a kind whose change forces a replacement, each as its steps; `*` stands for any index. */
export function replacementPaths(type: GroupVersionKind, options: ReplacementOptions): string[][] {
    const paths = ["metadata.name", "metadata.namespace"];
    const key = `${type.group}/${type.kind}`;
    if (key === "/Secret") {
        paths.push("type");
        if (!options.secretMutable || options.immutable) {
            paths.push("data", "stringData");
        }
    } else if (key === "/ConfigMap") {
        if (!options.configMapMutable || options.immutable) {
            paths.push("data", "binaryData");
        }
    } else if (Object.prototype.hasOwnProperty.call(rules, key)) {
        paths.push(...(rules[key] ?? []));
    }
    // The API refuses to make an immutable object mutable again.
    if (options.immutable && (key === "/Secret" || key === "/ConfigMap")) {
        paths.push("immutable");
    }
    return paths.map((path) => path.split("."));
}
