import * as command from "@pulumi/command/local";
import * as k8s from "@pulumi/kubernetes/provider";
import * as pulumi from "@pulumi/pulumi";

import { endpointSpec, type MachineArgs, machineSpec, nodeNames, specText } from "./specification";

export type { ForwardedPort, RegistryMirror } from "./specification";
export type ClusterArgs = MachineArgs;

/** How the engine runs machine/main.ts: from the program's folder, also long after this version of the program. */
function machineCommand(action: string): string {
    return `node --require ts-node/register/transpile-only machine/main.ts ${action}`;
}

/**
 * A Kubernetes cluster in machines that Vagrant makes and cloud-init configures, with a registry in it.
 *
 * Changed settings are applied to the machines in place where that is possible, else by a restart that keeps their data;
 * the cluster itself stays, and what runs in it.
 */
export class Cluster extends pulumi.ComponentResource {
    /** What goes with the machine can name it in `deletedWith`. */
    readonly machine: pulumi.Resource;
    /** For use on this machine, with the rights of an administrator. Secret. */
    readonly kubeconfig: pulumi.Output<string>;
    /** Speaks to this cluster. */
    readonly provider: k8s.Provider;
    /** `localhost:<port>`: the registry's name on this machine and on the nodes. */
    readonly registry: pulumi.Output<string>;
    /** Names of the nodes. */
    readonly nodes: pulumi.Output<string[]>;

    constructor(name: string, args: ClusterArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:cluster:Cluster", name, {}, options);

        const machine = new command.Command(
            `${name}-machine`,
            {
                create: machineCommand("up"),
                update: machineCommand("update"),
                delete: machineCommand(`destroy ${args.clusterName}`),
                stdin: specText(machineSpec(args)),
                triggers: [args.clusterName],
                addPreviousOutputInEnv: false,
            },
            { parent: this, deleteBeforeReplace: true, customTimeouts: { create: "45m", update: "45m", delete: "5m" } },
        );
        this.machine = machine;

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

        // Known in preview, and still not there before the machine is.
        this.registry = machine.urn.apply(() => `localhost:${args.registryPort}`);
        this.nodes = machine.urn.apply(() => nodeNames(args));
        this.registerOutputs({ kubeconfig: this.kubeconfig, registry: this.registry, nodes: this.nodes });
    }
}
