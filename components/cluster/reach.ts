import { ApiError } from "../../plugins/kubernetes/api-errors";
import { ApiClient } from "../../plugins/kubernetes/client";
import { activeContext, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";
import { ownerLabel } from "../support/owner-label";
import { ClusterError } from "./cluster-error";
import { chooseContext, type KubeconfigSource, readKubeconfig, singleContext } from "./kubeconfig";

/** The oldest minor version of Kubernetes 1 that this program is made for. */
export const oldestMinor = 29;

export interface ReachArgs {
    kubeconfig?: KubeconfigSource;
    /** The kubeconfig's current context if absent. */
    context?: string;
    /** The namespace that will be made, */
    namespace: string;
    /** and the value of its owner label. */
    owner: string;
    /** The cluster's default class if absent. */
    storageClass?: string;
}

/** A cluster that answered and can take this program's objects. */
export interface ReachedCluster {
    /** Of one context; holds the login. */
    kubeconfig: string;
    context: string;
    /** Address of the API server. */
    server: string;
    /** The same for as long as the cluster is the same, whatever becomes of its address. */
    identity: string;
    /** As the server says it, for example v1.34.4. */
    version: string;
    /** Names of the nodes; empty if they may not be listed. */
    nodes: string[];
    /** Address of one node, for node ports: an outside one if it has that. */
    nodeAddress?: string;
}

interface Listed {
    items: {
        metadata: { name: string; annotations?: Record<string, string> };
        status?: { addresses?: { type: string; address: string }[] };
    }[];
}

/**
 * Finds the cluster and makes sure that it can be used: it answers in time, is new enough, lets us make a namespace that
 * nobody else has, and has the StorageClass.
 *
 * @param seconds How long all its answers may take together.
 * @throws ClusterError that says what is wrong and what to do.
 */
export async function reachCluster(args: ReachArgs, seconds = 10): Promise<ReachedCluster> {
    const source = readKubeconfig(args.kubeconfig);
    const context = chooseContext(source, args.context);
    const kubeconfig = singleContext(source, context);
    let client: ApiClient;
    try {
        client = new ApiClient(activeContext(parseKubeconfig(kubeconfig), {}));
    } catch (error) {
        throw new ClusterError(
            `${source.name} can't be used: ${(error as Error).message}`,
            "Name another one: pulumi config set kubeconfig <path>",
        );
    }
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`no answer within ${seconds} s`)), seconds * 1000);
    });
    try {
        return { kubeconfig, context, server: client.server, ...(await Promise.race([look(client, args), late])) };
    } catch (error) {
        if (error instanceof ClusterError) {
            throw error;
        }
        throw unanswered(error as Error, client.server, context);
    } finally {
        clearTimeout(timer);
        client.close();
    }
}

function unanswered(error: Error, server: string, context: string): ClusterError {
    const cluster = `the cluster of the context "${context}", ${server},`;
    if (error instanceof ApiError && error.status === 401) {
        return new ClusterError(
            `${cluster} does not accept the kubeconfig's login: ${error.message}`,
            `Log in again, then see whether this works: kubectl --context ${context} get namespaces`,
        );
    }
    const reason = error.message.replace(`${server}: `, "");
    return new ClusterError(
        `${cluster} does not answer: ${reason}`,
        `Start it, or mend the way to it (VPN, proxy), then see whether this works: kubectl --context ${context} version\n` +
            "Another cluster: pulumi config set kubeContext <context>",
    );
}

/** The answer, or undefined where this login may not ask or there is no such thing. */
async function ifAllowed<T>(request: Promise<unknown>): Promise<T | undefined> {
    try {
        return (await request) as T;
    } catch (error) {
        if (error instanceof ApiError && (error.status === 403 || error.status === 404)) {
            return undefined;
        }
        throw error;
    }
}

async function look(
    client: ApiClient,
    args: ReachArgs,
): Promise<Pick<ReachedCluster, "identity" | "version" | "nodes" | "nodeAddress">> {
    const version = await client.request("GET", "/version");
    const gitVersion = String(version.gitVersion);
    if (!isNewEnough(gitVersion)) {
        throw new ClusterError(
            `the cluster ${client.server} runs Kubernetes ${gitVersion}, which is too old: 1.${oldestMinor} or later is needed`,
            "Update it, or choose another cluster: pulumi config set kubeContext <context>",
        );
    }
    const [mayCreate, namespace, system, nodes, classes] = await Promise.all([
        client.request("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
            body: {
                apiVersion: "authorization.k8s.io/v1",
                kind: "SelfSubjectAccessReview",
                spec: { resourceAttributes: { verb: "create", resource: "namespaces" } },
            },
        }) as Promise<unknown> as Promise<{ status?: { allowed?: boolean; reason?: string } }>,
        ifAllowed<{ metadata: { labels?: Record<string, string> } }>(
            client.request("GET", `/api/v1/namespaces/${args.namespace}`),
        ),
        ifAllowed<{ metadata: { uid: string } }>(client.request("GET", "/api/v1/namespaces/kube-system")),
        ifAllowed<Listed>(client.request("GET", "/api/v1/nodes")),
        ifAllowed<Listed>(client.request("GET", "/apis/storage.k8s.io/v1/storageclasses")),
    ]);
    if (mayCreate.status?.allowed !== true) {
        throw new ClusterError(
            `the kubeconfig's login may not create a namespace in ${client.server}`,
            `Ask the cluster's administrator for that right, or choose a context with another login: pulumi config set kubeContext <context>`,
        );
    }
    if (namespace !== undefined && namespace.metadata.labels?.[ownerLabel] !== args.owner) {
        throw new ClusterError(
            `the namespace "${args.namespace}" (nta:namespace) is in the cluster already and does not belong to this stack`,
            `Choose another one: pulumi config set namespace ${args.owner}`,
        );
    }
    checkStorageClass(classes, args.storageClass);
    const addresses = nodes?.items[0]?.status?.addresses ?? [];
    const address = (type: string) => addresses.find((candidate) => candidate.type === type)?.address;
    return {
        identity: system?.metadata.uid ?? client.server,
        version: gitVersion,
        nodes: nodes?.items.map(({ metadata }) => metadata.name) ?? [],
        nodeAddress: address("ExternalIP") ?? address("InternalIP"),
    };
}

/** Versions look like v1.34.4, v1.30.2-gke.1587003 or v1.31.4+k3s1. */
function isNewEnough(gitVersion: string): boolean {
    const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(gitVersion) ?? [];
    return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= oldestMinor);
}

function checkStorageClass(classes: Listed | undefined, wanted: string | undefined): void {
    if (classes === undefined) {
        return;
    }
    const names = classes.items.map(({ metadata }) => metadata.name);
    const isDefault = ({ metadata }: Listed["items"][number]) =>
        metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true";
    const choose =
        names.length === 0
            ? "It has no StorageClass at all: install a volume provisioner, for example local-path-provisioner"
            : `It has ${names.join(", ")}. Choose one: pulumi config set storageClass ${names.length === 1 ? names[0] : "<class>"}`;
    if (wanted !== undefined && !names.includes(wanted)) {
        throw new ClusterError(`the cluster has no StorageClass "${wanted}" (nta:storageClass)`, choose);
    }
    if (wanted === undefined && !classes.items.some(isDefault)) {
        throw new ClusterError("the cluster has no default StorageClass, and nta:storageClass is not set", choose);
    }
}
