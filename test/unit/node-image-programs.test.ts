import * as assert from "node:assert/strict";
import { linkerFlags } from "../../node-image/program-set";
import { programSets, publishedChecksum } from "../../node-image/programs";
import { programSet } from "./node-image-program-set";

describe("node image: programs", () => {
    it("has all that the node and its images need", () => {
        assert.deepEqual(
            programSets("amd64")
                .flatMap((set) => Object.keys(set.packages))
                .sort(),
            [
                "cni-flannel",
                "coredns",
                "etcd",
                "flanneld",
                "install-conf",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-proxy",
                "kube-scheduler",
                "kubeadm",
                "kubectl",
                "kubelet",
                "pause",
            ],
        );
    });

    it("tells Kubernetes its version", () => {
        assert.equal(
            linkerFlags(programSet("kubernetes")),
            "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4 -X k8s.io/component-base/version.gitMajor=1" +
                " -X k8s.io/component-base/version.gitMinor=34 -X k8s.io/component-base/version.gitTreeState=clean",
        );
    });

    it("knows the official releases of the architecture", () => {
        assert.deepEqual(programSet("kubernetes", "arm64").releases.kubelet, {
            url: "https://dl.k8s.io/release/v1.34.4/bin/linux/arm64/kubelet",
            checksums: "https://dl.k8s.io/release/v1.34.4/bin/linux/arm64/kubelet.sha256",
        });
        assert.deepEqual(programSet("etcd").releases.etcd, {
            url: "https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-amd64.tar.gz",
            checksums: "https://github.com/etcd-io/etcd/releases/download/v3.6.5/SHA256SUMS",
            member: "etcd-v3.6.5-linux-amd64/etcd",
        });
    });

    it("reads published checksums in their several forms", () => {
        const digest = "0123456789abcdef".repeat(4);
        const other = "f".repeat(64);
        assert.equal(publishedChecksum(`${digest}\n`, "kubelet"), digest);
        assert.equal(publishedChecksum(`${other}  other.tgz\n${digest}  etcd.tar.gz\n`, "etcd.tar.gz"), digest);
        assert.equal(publishedChecksum(`${digest.toUpperCase()} *release/coredns.tgz`, "coredns.tgz"), digest);
        assert.equal(publishedChecksum(`${other}  other.tgz\n`, "etcd.tar.gz"), undefined);
        assert.equal(publishedChecksum("<html>not found</html>", "kubelet"), undefined);
    });
});
