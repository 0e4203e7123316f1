import { asString, KubernetesObject } from "./object";

/** Group, version and kind of a Kubernetes object. The core group is "". */
export interface GroupVersionKind {
    group: string;
    version: string;
    kind: string;
}

/** Where the API serves a kind. */
export interface ApiResource {
    /** Path segment, as in `persistentvolumeclaims`. */
    plural: string;
    namespaced: boolean;
}

/** What a Pulumi type token of this package stands for. */
export interface ResourceType extends GroupVersionKind {
    /** `<Kind>Patch`: some fields of an object that something else owns. */
    patch: boolean;
}

/** The type token of a URN: `kubernetes:apps/v1:Deployment`, without the types of its parents. */
export function typeOfUrn(urn: string): string {
    const qualified = urn.split("::")[2] ?? "";
    return qualified.slice(qualified.lastIndexOf("$") + 1);
}

/** The resource's name in a URN. */
export function nameOfUrn(urn: string): string {
    return urn.split("::").slice(3).join("::");
}

/**
 * Reads a type token, `kubernetes:<group>/<version>:<Kind>`.
 *
 * @throws Error for tokens that are no kind of the Kubernetes API (Helm releases, YAML files, ...).
 */
export function parseType(token: string): ResourceType {
    const parts = token.split(":");
    const groupVersion = (parts[1] ?? "").split("/");
    const name = parts[2] ?? "";
    if (parts.length !== 3 || parts[0] !== "kubernetes" || groupVersion.length !== 2 || name === "") {
        throw new Error(`type ${JSON.stringify(token)} is not of the form kubernetes:<group>/<version>:<Kind>`);
    }
    const [group = "", version = ""] = groupVersion;
    if (group === "helm.sh" || group === "yaml" || group === "kustomize") {
        throw new Error(`type ${JSON.stringify(token)} is served by Pulumi's own kubernetes plugin only`);
    }
    const patch = name.length > "Patch".length && name.endsWith("Patch");
    return {
        group: group === "core" ? "" : group,
        version,
        kind: patch ? name.slice(0, -"Patch".length) : name,
        patch,
    };
}

/** `apiVersion` of a group and version. */
export function apiVersionOf(type: GroupVersionKind): string {
    return type.group === "" ? type.version : `${type.group}/${type.version}`;
}

/** Group, version and kind of an object. */
export function kindOf(object: KubernetesObject): GroupVersionKind {
    const [first = "", second] = asString(object.apiVersion).split("/");
    const kind = asString(object.kind);
    return second === undefined
        ? { group: "", version: first, kind }
        : { group: first === "core" ? "" : first, version: second, kind };
}

// Groups whose kinds are known here, with the kinds that have no namespace (Kubernetes 1.34 `kubectl api-resources`).
const clusterScoped: Record<string, string[]> = {
    "": ["Namespace", "Node", "PersistentVolume", "ComponentStatus"],
    apps: [],
    batch: [],
    autoscaling: [],
    policy: [],
    "admissionregistration.k8s.io": [
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    ],
    "apiextensions.k8s.io": ["CustomResourceDefinition"],
    "apiregistration.k8s.io": ["APIService"],
    "certificates.k8s.io": ["CertificateSigningRequest", "ClusterTrustBundle"],
    "coordination.k8s.io": [],
    "discovery.k8s.io": [],
    "events.k8s.io": [],
    "flowcontrol.apiserver.k8s.io": ["FlowSchema", "PriorityLevelConfiguration"],
    "networking.k8s.io": ["IngressClass", "IPAddress", "ServiceCIDR"],
    "node.k8s.io": ["RuntimeClass"],
    "rbac.authorization.k8s.io": ["ClusterRole", "ClusterRoleBinding"],
    "scheduling.k8s.io": ["PriorityClass"],
    "storage.k8s.io": ["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment", "VolumeAttributesClass"],
};

/**
 * Where the API serves a kind of one of Kubernetes' own groups, without asking it.
 *
 * @returns undefined for other groups: ask the API's discovery.
 */
export function builtinResource(type: GroupVersionKind): ApiResource | undefined {
    const scoped = Object.prototype.hasOwnProperty.call(clusterScoped, type.group)
        ? clusterScoped[type.group]
        : undefined;
    if (scoped === undefined) {
        return undefined;
    }
    return { plural: pluralOf(type.kind), namespaced: !scoped.includes(type.kind) };
}

function pluralOf(kind: string): string {
    const lower = kind.toLowerCase();
    if (lower === "endpoints") {
        return lower;
    }
    if (lower.endsWith("s")) {
        return `${lower}es`;
    }
    return /[^aeiou]y$/.test(lower) ? `${lower.slice(0, -1)}ies` : `${lower}s`;
}

/** True for the `<Kind>List` types, which exist for YAML files and can't be created. */
export function isListType(type: GroupVersionKind): boolean {
    return type.kind.length > "List".length && type.kind.endsWith("List") && builtinResource(type) !== undefined;
}
