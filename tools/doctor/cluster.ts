import { existsSync, readFileSync } from "node:fs";
import type { ClusterError } from "../../components/cluster/cluster-error";
import { status } from "../../machine/status";
import { ApiClient } from "../../plugins/kubernetes/client";
import { activeContext, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";
import { kubeconfigFile } from "../pulumi-run";
import { encryptedText } from "../stack-settings";
import type { CheckResult, Subject } from "./check";

/** Whether the cluster answers: the stack's own, if it was made, or the one that exists. */
export function checkCluster(subject: Subject): Promise<CheckResult> {
    return subject.settings.cluster === "existing" ? checkExisting(subject) : checkOwn(subject);
}

/** Whether a cluster that exists can be used, before anything is made for it. A cluster of our own is still to be made. */
export function checkClusterBefore(subject: Subject): Promise<CheckResult> {
    return subject.settings.cluster === "existing"
        ? checkExisting(subject)
        : Promise.resolve({ name: "cluster", found: "our own", wrong: [] });
}

async function checkExisting({ clusterName, settings }: Subject): Promise<CheckResult> {
    /* eslint-disable @typescript-eslint/no-require-imports -- they bring the Pulumi SDK, which takes a second to load */
    const { existingClusterOf } = require("../../components/settings") as typeof import("../../components/settings");
    const { reachCluster } =
        require("../../components/cluster/reach") as typeof import("../../components/cluster/reach");
    /* eslint-enable @typescript-eslint/no-require-imports */
    const args = existingClusterOf(settings, clusterName);
    const source = args?.kubeconfig;
    if (args === undefined || (source !== undefined && "path" in source && source.path === encryptedText)) {
        return { name: "cluster", found: "its kubeconfig is encrypted: pulumi looks at it", wrong: [] };
    }
    try {
        const { context, server, version } = await reachCluster(args);
        return { name: "cluster", found: `${context}, ${server}, Kubernetes ${version}`, wrong: [] };
    } catch (error) {
        const { wrong, mend } = error as ClusterError;
        if (wrong === undefined) {
            throw error;
        }
        return { name: "cluster", found: args.context ?? "the current context", wrong: [{ wrong, mend }] };
    }
}

async function checkOwn({ stack, clusterName }: Subject): Promise<CheckResult> {
    const { nodes, provider } = await status(clusterName);
    const names = Object.keys(nodes);
    if (names.length === 0) {
        return { name: "cluster", found: "not made yet", wrong: [] };
    }
    const found = `${provider ?? "docker"}: ${names.map((name) => `${name} ${nodes[name]}`).join(", ")}`;
    const stopped = names.filter((name) => nodes[name] !== "running");
    if (stopped.length > 0) {
        const wrong = `${stopped.join(", ")} ${stopped.length === 1 ? "does" : "do"} not run`;
        return { name: "cluster", found, wrong: [{ wrong, mend: "source env && vagrant up" }] };
    }
    const file = kubeconfigFile(stack);
    if (!existsSync(file)) {
        return {
            name: "cluster",
            found,
            wrong: [{ wrong: "it is not finished: a run was ended", mend: "npm run up" }],
        };
    }
    const client = new ApiClient(activeContext(parseKubeconfig(readFileSync(file, "utf8")), {}));
    try {
        await client.requestText("GET", "/readyz", { timeout: 10_000 });
        return { name: "cluster", found, wrong: [] };
    } catch (error) {
        const wrong = `its API server is not ready: ${(error as Error).message}`;
        return { name: "cluster", found, wrong: [{ wrong, mend: "npm run up" }] };
    } finally {
        client.close();
    }
}
