import * as command from "@pulumi/command/local";
import * as k8s from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";

import { registryPortOnNode } from "../../cloud-init/documents";
import { MachineError } from "../../machine/errors";
import { plan } from "../../machine/plan";
import type { MachineSpec } from "../../machine/spec";
import type { RegistryAccess } from "../../registry/access";
import type { ExternalRegistry } from "../registry/external-registry";
import type { VolumeStorage } from "../support/volume";
import type { KubernetesCluster } from "./kubernetes-cluster";
import { orEnd } from "./or-end";
import {
    endpointSpec,
    type MachineArgs,
    machineSpec,
    nodeNames,
    poolSpec,
    registrySpec,
    specText,
} from "./specification";

export type { ForwardedPort } from "./specification";

export interface ClusterArgs extends MachineArgs {
    /** Where the images are; the cluster's own registry if absent. */
    externalRegistry?: Pick<ExternalRegistry<string>, "access" | "address" | "answered">;
}

/** How the engine runs machine/main.ts: from the program's folder, also long after this version of the program. */
function machineCommand(action: string): string {
    return `node --require ts-node/register/transpile-only machine/main.ts ${action}`;
}

/**
 * A Kubernetes cluster in machines that Vagrant makes and cloud-init configures, with a registry in it.
 *
 * Changed settings are applied to the machines in place where that is possible, else by a restart that keeps their data;
 * the cluster itself stays, and what runs in it. So it does when Kubernetes goes to its next version.
 */
export class Cluster extends pulumi.ComponentResource implements KubernetesCluster {
    /** What goes with the machine can name it in `deletedWith`. */
    readonly machine: pulumi.Resource;
    /** For use on this machine, with the rights of an administrator. Secret. */
    readonly kubeconfig: pulumi.Output<string>;
    readonly provider: k8s.Provider;
    /** The same: all that is in the machine is this stack's. */
    readonly exclusiveProvider: k8s.Provider;
    /** Its own is `localhost:<port>` on this machine and on the nodes alike. */
    readonly registry: pulumi.Output<string>;
    readonly registryNode?: { name: pulumi.Output<string>; port: number };
    readonly registryAccess: pulumi.Resource[];
    readonly nodes: pulumi.Output<string[]>;
    readonly storage: VolumeStorage;

    constructor(
        private readonly name: string,
        private readonly args: ClusterArgs,
        options?: pulumi.ComponentResourceOptions,
    ) {
        super("nta:cluster:Cluster", name, {}, options);
        const { externalRegistry } = args;

        const machine = new command.Command(
            `${name}-machine`,
            {
                create: machineCommand("up"),
                update: machineCommand("update"),
                delete: machineCommand(`destroy ${args.clusterName}`),
                stdin: pulumi.output(orEnd(this.mended(machineSpec(args)))).apply(specText),
                triggers: [args.clusterName],
                addPreviousOutputInEnv: false,
            },
            {
                parent: this,
                dependsOn: externalRegistry?.answered,
                deleteBeforeReplace: true,
                customTimeouts: { create: "45m", update: "45m", delete: "5m" },
            },
        );
        this.machine = machine;
        this.registryAccess =
            externalRegistry === undefined ? [] : [this.nodeRegistry(name, args, externalRegistry.access)];

        // On its own, because all outputs of a command are unknown in preview as soon as one of its inputs changes.
        const kubeconfig = new command.Command(
            `${name}-kubeconfig`,
            {
                create: machineCommand("kubeconfig"),
                stdin: specText(endpointSpec(args)),
                triggers: [args.clusterName],
                logging: command.Logging.None,
                addPreviousOutputInEnv: false,
            },
            { parent: this, dependsOn: [machine], deletedWith: machine, additionalSecretOutputs: ["stdout"] },
        );
        this.kubeconfig = pulumi.secret(kubeconfig.stdout);

        this.provider = new k8s.Provider(
            `${name}-provider`,
            {
                kubeconfig: this.kubeconfig,
                // Stable: without it, whatever makes the kubeconfig unknown in preview replaces all there is.
                clusterIdentifier: args.clusterName,
                // An update that was killed leaves objects that the state does not know: the next one takes them over.
                upsertExistingObjects: true,
                enablePatchForce: true,
            },
            { parent: this, deletedWith: machine },
        );

        this.exclusiveProvider = this.provider;

        // Known in preview, and still not there before the machine is.
        this.registry = pulumi.output(
            externalRegistry?.address ?? machine.urn.apply(() => `localhost:${args.registryPort}`),
        );
        this.nodes = machine.urn.apply(() => nodeNames(args));
        this.registryNode =
            externalRegistry === undefined ? { name: this.nodes[0], port: registryPortOnNode } : undefined;
        this.storage = { kind: "local", node: this.nodes[0], folder: "/var/lib/nta/volumes" };
        this.registerOutputs({ kubeconfig: this.kubeconfig, registry: this.registry, nodes: this.nodes });
    }

    /** Looked up when the machines are there: Docker chooses their network. Checked again when there are more of them. */
    addressPool(wanted: string | undefined): pulumi.Output<string> {
        const pool = new command.Command(
            `${this.name}-address-pool`,
            {
                create: machineCommand("address-pool"),
                stdin: specText(poolSpec(this.args, wanted)),
                triggers: [this.args.clusterName],
                addPreviousOutputInEnv: false,
            },
            { parent: this, dependsOn: [this.machine], deletedWith: this.machine },
        );
        return pool.stdout;
    }

    /** Not in the machine's own specification: another registry is no reason to touch the machine. */
    private nodeRegistry(name: string, args: ClusterArgs, registry: RegistryAccess): pulumi.Resource {
        return new command.Command(
            `${name}-registry`,
            {
                create: machineCommand("registry"),
                delete: machineCommand("forget-registry"),
                stdin: specText(registrySpec(args, registry)),
                triggers: [args.clusterName],
                addPreviousOutputInEnv: false,
            },
            { parent: this, dependsOn: [this.machine], deletedWith: this.machine, deleteBeforeReplace: true },
        );
    }

    /**
     * Says what is wrong with the machines and what becomes of them, and lets the engine see that there is work to do.
     *
     * @throws RunError if they can't become what is asked for.
     */
    private async mended(spec: MachineSpec): Promise<MachineSpec> {
        const { repairs, problems, changes } = await plan(spec).catch((error: unknown) => {
            // Pulumi shows a RunError's text without a stack trace.
            throw error instanceof MachineError ? new pulumi.RunError(error.message) : error;
        });
        for (const problem of problems) {
            await pulumi.log.warn(problem, this);
        }
        for (const change of changes) {
            await pulumi.log.info(change, this);
        }
        return repairs === undefined ? spec : { ...spec, repairs };
    }
}
