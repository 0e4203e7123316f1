import * as apiextensions from "@pulumi/kubernetes/apiextensions";
import * as definitions from "@pulumi/kubernetes/apiextensions/v1";
import * as apps from "@pulumi/kubernetes/apps/v1";
import * as core from "@pulumi/kubernetes/core/v1";
import * as rbac from "@pulumi/kubernetes/rbac/v1";
import * as pulumi from "@pulumi/pulumi";

import { addressPool, layer2Advertisement, metalLbDefinitions } from "./custom-resources";
import { inMetalLb, metalLbNamespace, type Program } from "./metallb";
import { controllerDeployment, excludedInterfaces, excludedInterfacesName, speakerDaemonSet } from "./pods";
import { clusterRules, namespaceRules } from "./roles";

export interface LoadBalancerArgs {
    /** The image `metallb`. */
    image: pulumi.Input<string>;
    /** The addresses to give, `<address>-<address>`: of the nodes' network, and nobody else's. */
    pool: pulumi.Input<string>;
}

/**
 * Gives Services of type LoadBalancer an address on the nodes' network (MetalLB, layer 2). The address is the Service's,
 * whichever node its pods are on; a node that is up answers for it. One for each cluster.
 */
export class LoadBalancer extends pulumi.ComponentResource {
    constructor(name: string, args: LoadBalancerArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:addresses:LoadBalancer", name, {}, options);
        const namespace = new core.Namespace(
            `${name}-namespace`,
            {
                metadata: {
                    name: metalLbNamespace,
                    // Its speakers are on their nodes' network, as root.
                    labels: { "pod-security.kubernetes.io/enforce": "privileged" },
                },
            },
            { parent: this },
        );
        const inNamespace = { parent: this, dependsOn: [namespace] };
        const basis: pulumi.Resource[] = [
            ...metalLbDefinitions().map(
                (definition) =>
                    new definitions.CustomResourceDefinition(
                        `${name}-${definition.spec.names.plural}`,
                        definition,
                        inNamespace,
                    ),
            ),
            ...this.account(name, "controller", inNamespace),
            ...this.account(name, "speaker", inNamespace),
            new core.ConfigMap(
                `${name}-excluded-interfaces`,
                { metadata: inMetalLb(excludedInterfacesName), data: excludedInterfaces },
                inNamespace,
            ),
        ];
        const onBasis = { parent: this, dependsOn: basis };
        const programs = [
            new apps.Deployment(`${name}-controller`, controllerDeployment(args.image), onBasis),
            new apps.DaemonSet(`${name}-speaker`, speakerDaemonSet(args.image), onBasis),
        ];
        const withPrograms = { parent: this, dependsOn: [...basis, ...programs] };
        new apiextensions.CustomResource(`${name}-pool`, addressPool(args.pool), withPrograms);
        new apiextensions.CustomResource(`${name}-advertisement`, layer2Advertisement(), withPrograms);
        this.registerOutputs({});
    }

    /** A program's ServiceAccount and its rights. */
    private account(name: string, program: Program, options: pulumi.CustomResourceOptions): pulumi.Resource[] {
        const metadata = inMetalLb(program);
        const clusterWide = { name: `${metalLbNamespace}:${program}` };
        const group = "rbac.authorization.k8s.io";
        const subjects = [{ kind: "ServiceAccount", ...metadata }];
        return [
            new core.ServiceAccount(`${name}-${program}-account`, { metadata }, options),
            new rbac.Role(`${name}-${program}-role`, { metadata, rules: namespaceRules[program] }, options),
            new rbac.RoleBinding(
                `${name}-${program}-role-binding`,
                { metadata, roleRef: { apiGroup: group, kind: "Role", name: program }, subjects },
                options,
            ),
            new rbac.ClusterRole(
                `${name}-${program}-cluster-role`,
                { metadata: clusterWide, rules: clusterRules[program] },
                options,
            ),
            new rbac.ClusterRoleBinding(
                `${name}-${program}-cluster-role-binding`,
                {
                    metadata: clusterWide,
                    roleRef: { apiGroup: group, kind: "ClusterRole", name: clusterWide.name },
                    subjects,
                },
                options,
            ),
        ];
    }
}
