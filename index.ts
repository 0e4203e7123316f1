import * as path from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { LoadBalancer } from "./components/addresses/load-balancer";
import { Cluster } from "./components/cluster/cluster";
import { ExistingCluster } from "./components/cluster/existing-cluster";
import type { KubernetesCluster } from "./components/cluster/kubernetes-cluster";
import { imageNames } from "./components/images/catalog";
import { hostCertificates } from "./components/images/host-certificates";
import { Images } from "./components/images/images";
import { resolveSource } from "./components/images/source";
import { ExternalRegistry } from "./components/registry/external-registry";
import { PullSecret } from "./components/registry/pull-secret";
import {
    clusterNameOf,
    collectorKeysOf,
    existingClusterOf,
    givesAddresses,
    pulledImagesOf,
    readSettings,
    registryOf,
} from "./components/settings";
import { addresses as addressesOf, addressesOnCluster, exposedPorts, exposures } from "./components/settings/ports";
import { Namespace } from "./components/support/namespace";
import { Support, supportVolumes } from "./components/support/support";
import { Taurus, taurusVolumes } from "./components/taurus/taurus";
import { Users } from "./components/users/users";
import { imagesOf, Workloads, workloadVolumes } from "./components/workloads/workloads";
import { cacheDirectory, stateDirectory } from "./tools/directories";

const settings = readSettings();
const { cpus, memory, disk, apiPort, registryPort, hostAddress } = settings;

// The registry, unless it is the cluster's own, and which images are built here or are there already.
const access = registryOf(settings);
const onDemand = [...imagesOf(settings.jobs), ...(givesAddresses(settings) ? (["metallb"] as const) : [])];
const needed = [...imageNames, ...onDemand];
const pulled = pulledImagesOf(settings, needed);
const builds = pulled.length < needed.length;
const externalRegistry =
    access &&
    new ExternalRegistry("registry", {
        access,
        pulled,
        usedByDocker: builds || settings.jobs.some(({ kind }) => kind === "static-files" || kind === "ci-build"),
    });

// The cluster: the one that is there, or one in Vagrant machines.
const stackName = clusterNameOf(pulumi.getStack());
const existingArgs = existingClusterOf(settings, stackName);
const existing =
    existingArgs &&
    externalRegistry &&
    new ExistingCluster("cluster", { ...existingArgs, registry: externalRegistry.address });
const cluster: KubernetesCluster =
    existing ??
    new Cluster("cluster", {
        clusterName: stackName,
        provider: settings.provider,
        kubernetesVersion: settings.kubernetesVersion,
        nodes: settings.nodes,
        nodePools: settings.nodePools,
        cpus,
        memory,
        disk,
        apiPort,
        registryPort,
        hostAddress,
        podRange: settings.podRange,
        serviceRange: settings.serviceRange,
        forwardedPorts: exposedPorts(settings),
        volumes: [...supportVolumes, ...taurusVolumes, ...workloadVolumes],
        externalRegistry,
    });

// The images of Taurus, its support services and the workloads.
const source = {
    source: settings.source,
    sourceRef: settings.sourceRef,
    cache: path.join(cacheDirectory(), "source"),
    memory: path.join(stateDirectory(), "stacks", pulumi.getStack(), "source.json"),
};
const build = {
    registry: cluster.registry,
    credentials: access?.credentials,
    contexts: path.join(cacheDirectory(), "contexts", pulumi.getStack()),
};
const appImages = new Images("images", {
    ...build,
    prebuilt: externalRegistry?.images,
    source: builds ? resolveSource(source).path : "",
    buildCertificates: hostCertificates(),
    onDemand,
});
const image = appImages.refs;

// The namespace. What lives in the machine, or else in the namespace, goes with it: nothing of that is deleted one by one.
const inCluster = { provider: cluster.provider, deletedWith: cluster.machine };
const namespace = new Namespace(
    "namespace",
    { namespaceName: settings.namespace, owner: stackName },
    { ...inCluster, provider: cluster.exclusiveProvider, dependsOn: cluster.registryAccess },
);
const withNamespace = { ...inCluster, deletedWith: cluster.machine ?? namespace.namespace };
const { namespaceName } = access?.credentials
    ? new PullSecret("pull-secret", { namespace: namespace.namespaceName, registry: access }, withNamespace)
    : namespace;
const inNamespace = {
    namespace: namespaceName,
    clusterWidePrefix: settings.namespace,
    storage: cluster.storage,
};
const exposure = exposures(settings);

// Support, Taurus, people and workloads.
const { mysql, rabbitmq, dynamodb } = settings.support;
const support = new Support(
    "support",
    {
        ...inNamespace,
        mysql: {
            image: image.mysql,
            storageSize: mysql.storage,
            exposure: exposure.mysql,
        },
        rabbitmq: {
            image: image.rabbitmq,
            storageSize: rabbitmq.storage,
            exposure: exposure.rabbitmq,
        },
        dynamodb: {
            image: image["taurus-dynamodb"],
            storageSize: dynamodb.storage,
            exposure: exposure.dynamodb,
        },
    },
    withNamespace,
);

const taurus = new Taurus(
    "taurus",
    {
        ...inNamespace,
        image: image.taurus,
        replicas: settings.taurus.replicas,
        storageSize: settings.taurus.storage,
        exposure: exposure.taurus,
        support,
        collectors: settings.taurus.collectors.enabled
            ? { image: image["taurus.metric_collectors"], keys: collectorKeysOf(settings) }
            : undefined,
    },
    { ...withNamespace, dependsOn: [support] },
);

const users = new Users(
    "users",
    { users: settings.users, defaultNamespace: settings.namespace, kubeconfig: cluster.kubeconfig },
    { ...inCluster, dependsOn: [namespace] },
);

// Addresses on the nodes' network, if anything is to have one.
const loadBalancer =
    image.metallb &&
    new LoadBalancer(
        "addresses",
        { image: image.metallb, pool: cluster.addressPool(settings.addressPool) },
        { ...inCluster, provider: cluster.exclusiveProvider, dependsOn: cluster.registryAccess },
    );

const workloads = new Workloads(
    "workloads",
    {
        ...inNamespace,
        jobs: settings.jobs,
        images: image,
        broker: support.rabbitmq,
        imageBuild: { ...build, sites: path.join(cacheDirectory(), "sites", pulumi.getStack()) },
        podRegistry: { address: cluster.registry, access, node: cluster.registryNode },
    },
    { ...withNamespace, dependsOn: loadBalancer ? [support, loadBalancer] : [support] },
);

export const kubeconfig = cluster.kubeconfig;
export const userKubeconfigs = users.kubeconfigs;
export const nodes = cluster.nodes;
export const registry = cluster.registry;
export const addresses = existing
    ? pulumi
          .all([existing.server, existing.nodeAddress, { taurus: taurus.exposed, ...support.exposed }])
          .apply((known) => addressesOnCluster(...known))
    : addressesOf(settings);
export const hosts = workloads.hosts;
export const images = image;
export const ciBuilds = workloads.builds;
export const apiKey = taurus.apiKey;
export const mysqlPassword = support.mysql.password;
export const rabbitmqUser = support.rabbitmq.user;
export const rabbitmqPassword = support.rabbitmq.password;
