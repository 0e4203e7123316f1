import * as core from "@pulumi/kubernetes/core/v1";
import * as pulumi from "@pulumi/pulumi";

import { labels, skipAwait } from "./pod";

/**
 * Where volumes live: in a folder of one node, which must have a sub-folder for each volume, or wherever a StorageClass
 * puts them (the cluster's default class if none is named).
 */
export type VolumeStorage =
    { kind: "local"; node: pulumi.Input<string>; folder: string } | { kind: "class"; storageClass?: string };

export interface VolumeArgs {
    /** Namespace of the claim. */
    namespace: pulumi.Input<string>;
    /** Name of the claim and, if no other is said, of the volume's folder. */
    volumeName: string;
    /** Its folder in local storage, if volumes share one. */
    folder?: string;
    /** Name of the (cluster-wide) PersistentVolume, if it is a local one. */
    persistentVolumeName: string;
    /** Kubernetes quantity. */
    size: string;
    storage: VolumeStorage;
}

/** A PersistentVolumeClaim, and for local storage the PersistentVolume that it is bound to. */
export class Volume extends pulumi.ComponentResource {
    readonly claimName: pulumi.Output<string>;

    constructor(name: string, args: VolumeArgs, options?: pulumi.ComponentResourceOptions) {
        super("nta:support:Volume", name, {}, options);
        const { storage } = args;
        const local = storage.kind === "local";
        // A local folder has no quota, so that its size is a declaration only; Kubernetes refuses to change it.
        const sizeIsFixed = (path: string): pulumi.CustomResourceOptions => ({
            parent: this,
            ignoreChanges: local ? [path] : [],
        });

        const volume = local
            ? new core.PersistentVolume(
                  `${name}-volume`,
                  {
                      metadata: {
                          name: args.persistentVolumeName,
                          labels: labels(args.volumeName),
                          annotations: skipAwait,
                      },
                      spec: {
                          capacity: { storage: args.size },
                          accessModes: ["ReadWriteOnce"],
                          // The claim is named on both sides, so that no other claim and no other volume gets between.
                          claimRef: { namespace: args.namespace, name: args.volumeName },
                          storageClassName: "",
                          persistentVolumeReclaimPolicy: "Retain",
                          local: { path: `${storage.folder}/${args.folder ?? args.volumeName}` },
                          nodeAffinity: {
                              required: {
                                  nodeSelectorTerms: [
                                      {
                                          matchExpressions: [
                                              { key: "kubernetes.io/hostname", operator: "In", values: [storage.node] },
                                          ],
                                      },
                                  ],
                              },
                          },
                      },
                  },
                  sizeIsFixed("spec.capacity"),
              )
            : undefined;

        const claim = new core.PersistentVolumeClaim(
            `${name}-claim`,
            {
                metadata: {
                    name: args.volumeName,
                    namespace: args.namespace,
                    labels: labels(args.volumeName),
                    annotations: skipAwait,
                },
                spec: {
                    accessModes: ["ReadWriteOnce"],
                    resources: { requests: { storage: args.size } },
                    ...(storage.kind === "local"
                        ? { storageClassName: "", volumeName: args.persistentVolumeName }
                        : storage.storageClass === undefined
                          ? {}
                          : { storageClassName: storage.storageClass }),
                },
            },
            { ...sizeIsFixed("spec.resources"), dependsOn: volume ? [volume] : [] },
        );

        this.claimName = claim.metadata.name;
        this.registerOutputs({ claimName: this.claimName });
    }
}
