/** A node's part, where there is none: what is said of pods, for tests on a control plane without nodes. */
import type { ApiClient } from "../../plugins/kubernetes/client";
import { asArray, asObject, type Json, type KubernetesObject, metadataOf } from "../../plugins/kubernetes/object";

/** A container of a pod that nobody runs. */
export const container = (name: string): { name: string; image: string } => ({ name, image: "example.test/none:1" });

/** Says of all pods of a namespace what `status` answers, until stopped. */
export function kubelet(
    client: ApiClient,
    namespace: string,
    status: (pod: KubernetesObject) => Json,
): { stop(): Promise<void> } {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    let running = true;
    const loop = (async () => {
        const said = new Set<string>();
        while (running) {
            const pods = await client.request("GET", path).catch(() => ({}) as KubernetesObject);
            for (const pod of asArray(pods.items).map(asObject)) {
                const { name, uid } = metadataOf(pod);
                const next = status(pod);
                const key = JSON.stringify([uid, next]);
                if (!said.has(key)) {
                    said.add(key);
                    const patch = { body: { status: next }, contentType: "application/merge-patch+json" };
                    await client
                        .request("PATCH", `${path}/${String(name)}/status`, patch)
                        .catch(() => said.delete(key));
                }
            }
            await new Promise((resolve) => setTimeout(resolve, 50));
        }
    })();
    return {
        stop: async () => {
            running = false;
            await loop;
        },
    };
}

const addresses = new Map<string, string>();

/** The status of a pod that runs and is ready, with an address of its own. */
export function readyStatus(pod: KubernetesObject): Json {
    const uid = String(metadataOf(pod).uid);
    const ip = addresses.get(uid) ?? `10.244.0.${addresses.size + 2}`;
    addresses.set(uid, ip);
    return {
        phase: "Running",
        podIP: ip,
        podIPs: [{ ip }],
        conditions: ["PodScheduled", "Initialized", "ContainersReady", "Ready"].map((type) => ({
            type,
            status: "True",
            lastTransitionTime: "2026-01-01T00:00:00Z",
        })),
    };
}
