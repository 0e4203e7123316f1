import * as assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { defaultKubernetes, kubernetesVersions, versionsOf } from "../../node-image/kubernetes-versions";

const folder = join(__dirname, "..", "..", "node-image");

describe("node image: versions", () => {
    const required = (module: string, path: string, version: string, isDefault: boolean): string | undefined =>
        new RegExp(`^(?:require )?\\s*${path.replaceAll(".", "\\.")} (\\S+)`, "m").exec(
            readFileSync(join(folder, "modules", module, isDefault ? "go.mod" : `${version}.mod`), "utf8"),
        )?.[1];

    for (const kubernetes of kubernetesVersions) {
        const versions = versionsOf(kubernetes);
        const isDefault = kubernetes === defaultKubernetes;

        it(`of ${kubernetes} are the ones that the Go modules pin`, () => {
            assert.deepEqual(
                {
                    kubernetes: required("kubernetes", "k8s.io/kubernetes", kubernetes, isDefault),
                    etcd: required("etcd", "go.etcd.io/etcd/server/v3", versions.etcd, isDefault),
                    coredns: required("coredns", "github.com/coredns/coredns", versions.coredns, isDefault),
                    flannel: required("flannel", "github.com/flannel-io/flannel", versions.flannel, true),
                    cniFlannel: required(
                        "cni-flannel",
                        "github.com/containernetworking/plugins",
                        versions.cniFlannel,
                        true,
                    ),
                },
                {
                    kubernetes: `v${kubernetes}`,
                    etcd: `v${versions.etcd}`,
                    coredns: `v${versions.coredns}`,
                    flannel: `v${versions.flannel}`,
                    cniFlannel: `v${versions.cniFlannel}`,
                },
            );
        });

        it(`of ${kubernetes} are in the images' tags, as kubeadm and flannel's manifest name them`, () => {
            assert.deepEqual(versions.images, {
                "kube-apiserver": `registry.k8s.io/kube-apiserver:v${kubernetes}`,
                "kube-controller-manager": `registry.k8s.io/kube-controller-manager:v${kubernetes}`,
                "kube-scheduler": `registry.k8s.io/kube-scheduler:v${kubernetes}`,
                "kube-proxy": `registry.k8s.io/kube-proxy:v${kubernetes}`,
                etcd: `registry.k8s.io/etcd:${versions.etcd}-0`,
                coredns: `registry.k8s.io/coredns/coredns:v${versions.coredns}`,
                pause: "registry.k8s.io/pause:3.10.1",
                flannel: `ghcr.io/flannel-io/flannel:v${versions.flannel}`,
            });
        });
    }

    it("has containerd hold pods with the pause image that is inside", () => {
        const configuration = readFileSync(join(folder, "files/usr/lib/nta/containerd.toml"), "utf8");
        assert.equal(
            /^\s*sandbox_image = "(.*)"$/m.exec(configuration)?.[1],
            versionsOf(defaultKubernetes).images.pause,
        );
    });
});
