import * as fs from "node:fs";
import * as path from "node:path";

import type { Input } from "@pulumi/pulumi";
import { parseAllDocuments } from "yaml";

/** A Kubernetes object of any kind. */
export interface AnyObject {
    apiVersion: string;
    kind: string;
    metadata: { name: string; namespace?: string; creationTimestamp?: null };
    [member: string]: unknown;
}

interface PodOwner extends AnyObject {
    spec: { template: { spec: { containers: Container[]; volumes: { name: string }[] } } };
}

interface Container {
    name: string;
    image: Input<string>;
    args: string[];
    ports: { name: string }[];
    volumeMounts: { name: string }[];
    securityContext: object;
}

/** What belongs to the webhooks that check pools: ours are checked with the settings. */
const ofWebhooks = new Set(["ValidatingWebhookConfiguration", "Secret", "Service"]);
const withoutWebhooks: Readonly<Record<string, readonly string[]>> = { controller: ["--webhook-mode=disabled"] };

/** Besides the manifest's own. The image's user is no one in particular; CAP_NET_RAW takes root. */
const moreSecurity: Readonly<Record<string, object>> = { speaker: { runAsUser: 0, runAsGroup: 0 } };

/** Each took 51 MB when it was measured. */
const resources = { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "128Mi" } };

function withImage(owner: PodOwner, image: Input<string>): PodOwner {
    const { spec } = owner.spec.template;
    const containers = spec.containers.map((container) => ({
        ...container,
        image,
        command: [`/${container.name}`],
        args: [...container.args, ...(withoutWebhooks[container.name] ?? [])],
        ports: container.ports.filter(({ name }) => name !== "webhook-server"),
        resources,
        securityContext: { ...container.securityContext, ...moreSecurity[container.name] },
        volumeMounts: container.volumeMounts.filter(({ name }) => name !== "cert"),
    }));
    const volumes = spec.volumes.filter(({ name }) => name !== "cert");
    const template = { ...owner.spec.template, spec: { ...spec, containers, volumes } };
    return { ...owner, spec: { ...owner.spec, template } };
}

/** One object of the manifest as this program declares it. */
function adapted(object: AnyObject, image: Input<string>): AnyObject {
    const { creationTimestamp: _, ...metadata } = object.metadata;
    const plain = { ...object, metadata };
    switch (object.kind) {
        case "Deployment":
        case "DaemonSet":
            return withImage(plain as PodOwner, image);
        case "CustomResourceDefinition": {
            // Conversions are the webhooks' work too; nothing here is stored in a form that needs one.
            const { conversion: _, ...spec } = object.spec as Record<string, unknown>;
            return { ...plain, spec };
        }
        default:
            return plain;
    }
}

/**
 * MetalLB's own manifest (metallb-native.yaml) with our image and without its webhooks, in groups of which each stands on
 * those before it.
 */
export function metalLbObjects(image: Input<string>): AnyObject[][] {
    const manifest = fs.readFileSync(path.join(__dirname, "metallb-native.yaml"), "utf8");
    const objects = parseAllDocuments(manifest)
        .map((document) => document.toJS() as AnyObject)
        .filter(({ kind }) => !ofWebhooks.has(kind))
        .map((object) => adapted(object, image));
    const last = new Set(["Deployment", "DaemonSet"]);
    return [
        objects.filter(({ kind }) => kind === "Namespace"),
        objects.filter(({ kind }) => kind !== "Namespace" && !last.has(kind)),
        objects.filter(({ kind }) => last.has(kind)),
    ];
}

/** The pool, and that its addresses are made known on the nodes' network. */
export function poolObjects(addresses: Input<string>): AnyObject[] {
    const metadata = { name: "pool", namespace: "metallb-system" };
    return [
        { apiVersion: "metallb.io/v1beta1", kind: "IPAddressPool", metadata, spec: { addresses: [addresses] } },
        {
            apiVersion: "metallb.io/v1beta1",
            kind: "L2Advertisement",
            metadata,
            spec: { ipAddressPools: [metadata.name] },
        },
    ];
}
