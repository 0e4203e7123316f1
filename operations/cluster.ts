import { existsSync } from "node:fs";
import { cacheDirectory, shortPath } from "../tools/directories";
import { findProgram } from "../tools/command";
import { presentStack } from "../tools/present-stack";
import { Problem } from "../tools/problem";
import { kubeconfigFile } from "../tools/pulumi-run";
import { project } from "../tools/stack";
import { ApiError, UnreachableError } from "../plugins/kubernetes/api-errors";
import { ApiClient } from "../plugins/kubernetes/client";
import { activeContext, parseKubeconfig, type ActiveContext } from "../plugins/kubernetes/kubeconfig";

/** The cluster of the stack that is meant, as the tools that operate it reach it. */
export interface StackCluster {
    stack: string;
    /** Name of its machines' folder and first part of its nodes' names, where this project made them. */
    clusterName: string;
    /** Path of the file. */
    kubeconfig: string;
    /** The kubeconfig's entries in use. */
    context: ActiveContext;
    client: ApiClient;
}

/** @throws Problem when the stack has no cluster. */
export function openCluster(): StackCluster {
    const stack = presentStack();
    const kubeconfig = kubeconfigFile(stack);
    if (!existsSync(kubeconfig)) {
        throw new Problem(
            `The stack ${stack} has no cluster yet (there is no ${shortPath(kubeconfig)}): \`npm run up\` makes it. ` +
                "NTA_STACK=<name> chooses another stack.",
        );
    }
    const context = activeContext(parseKubeconfig(kubeconfig), {});
    return { stack, clusterName: `${project}-${stack}`, kubeconfig, context, client: new ApiClient(context) };
}

/** Does something with a cluster's API; what the API server answers or does not becomes a Problem, in its words. */
export async function withCluster<T>(work: (cluster: StackCluster) => Promise<T>): Promise<T> {
    const cluster = openCluster();
    try {
        return await work(cluster);
    } catch (error) {
        if (error instanceof UnreachableError) {
            throw new Problem(
                `The API server does not answer: ${error.message}\n` +
                    "If the machine is stopped, `npm run up` starts it (`source env && vagrant status` shows it).",
            );
        }
        if (error instanceof ApiError) {
            throw new Problem(`The API server refuses: ${error.message}`);
        }
        throw error;
    } finally {
        cluster.client.close();
    }
}

/** The command line of kubectl for a cluster, to which a subcommand is added. @throws Problem when there is none. */
export function kubectl({ kubeconfig }: Pick<StackCluster, "kubeconfig">): [string, ...string[]] {
    const program = findProgram("kubectl", `${cacheDirectory()}/bin:${process.env.PATH ?? ""}`);
    if (program === undefined) {
        throw new Problem("There is no kubectl: `npm run up` puts one into place.");
    }
    return [program, "--kubeconfig", kubeconfig];
}
