import { parse, stringify } from "yaml";

/** The part of a kubeconfig that is used here: one cluster, reached by its current context. */
interface Kubeconfig {
    "current-context"?: string;
    contexts?: { name: string; context: { cluster: string } }[];
    clusters: { name: string; cluster: Record<string, unknown> }[];
}

/** What makes a kubeconfig a user's own. */
export interface UserKubeconfigArgs {
    /** Name of the user, and of the context with the cluster's. */
    userName: string;
    /** The namespace that commands mean when none is given. */
    namespace: string;
    /** PEM. */
    certificate: string;
    /** PEM. */
    privateKey: string;
}

/** A kubeconfig for the cluster that `clusterKubeconfig` leads to, with nobody's rights but the user's. */
export function userKubeconfig(clusterKubeconfig: string, args: UserKubeconfigArgs): string {
    const { clusters, contexts, "current-context": current } = parse(clusterKubeconfig) as Kubeconfig;
    const clusterName = contexts?.find(({ name }) => name === current)?.context.cluster ?? clusters[0].name;
    const { cluster } = clusters.find(({ name }) => name === clusterName) ?? clusters[0];
    const { userName, namespace } = args;
    const base64 = (pem: string) => Buffer.from(pem).toString("base64");
    const contextName = `${userName}@${clusterName}`;
    return stringify(
        {
            apiVersion: "v1",
            kind: "Config",
            clusters: [{ name: clusterName, cluster }],
            users: [
                {
                    name: userName,
                    user: {
                        "client-certificate-data": base64(args.certificate),
                        "client-key-data": base64(args.privateKey),
                    },
                },
            ],
            contexts: [{ name: contextName, context: { cluster: clusterName, namespace, user: userName } }],
            "current-context": contextName,
        },
        { lineWidth: 0 },
    );
}
