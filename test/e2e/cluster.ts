import assert from "node:assert/strict";
import * as path from "node:path";

import { KubernetesObject, Pod } from "./kubernetes-objects";
import { docker, StackUnderTest } from "./stack-under-test";

/** What the cluster of a stack that is up is made of, seen from outside, and what its registry holds. */
export function cluster(stack: StackUnderTest): void {
    describe("the cluster", () => {
        it("has a Ready node and every program of the original README", async () => {
            const [node] = await stack.objects<KubernetesObject>("nodes");
            assert.equal(node.metadata.name, stack.node);
            const conditions = node.status.conditions as { type: string; status: string }[];
            assert.equal(conditions.find((condition) => condition.type === "Ready")?.status, "True");
            assert.match(
                (node.status.nodeInfo as { containerRuntimeVersion: string }).containerRuntimeVersion,
                /^containerd:/,
            );
            const pods = (await stack.objects<Pod>("pods -A")).map((pod) => pod.metadata.name);
            for (const name of [
                "etcd",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "coredns",
                "flannel",
            ]) {
                assert.ok(
                    pods.some((pod) => pod.startsWith(name)),
                    `no pod ${name}-… among ${pods.join(" ")}`,
                );
            }
        });

        it("gives pods 10.244.0.0/16 over VXLAN and services 10.100.0.0/16", async () => {
            const flannel = await stack.output(
                "kubectl -n kube-flannel get configmap flannel -o 'jsonpath={.data.net-conf\\.json}'",
            );
            const network = JSON.parse(flannel) as { Network: string; Backend: { Type: string } };
            assert.equal(network.Network, "10.244.0.0/16");
            assert.equal(network.Backend.Type, "vxlan");
            const kubernetes = await stack.output("kubectl get service kubernetes -o 'jsonpath={.spec.clusterIP}'");
            assert.equal(kubernetes, "10.100.0.1");
            const addresses = await stack.output("kubectl -n taurus get pods -o 'jsonpath={.items[*].status.podIP}'");
            assert.match(addresses, /^(10\.244\.\d+\.\d+ ?)+$/);
        });

        it("is what vagrant, docker and kubectl show after `source env`", async () => {
            assert.match(await stack.output("vagrant status"), /running/);
            assert.match(await stack.output("docker ps --format '{{.Names}}'"), new RegExp(`^${stack.node}$`, "m"));
            assert.equal(await stack.output("kubectl config current-context"), stack.cluster);
            assert.match(await stack.output("kubectl auth can-i '*' '*'"), /yes/);
        });

        it("leaves the checkout as it was", async () => {
            assert.equal(await stack.output("git status --porcelain | grep -v Pulumi.e2e- || true"), "");
        });
    });

    describe("images", () => {
        it("are in the registry on the node, and every pod of ours runs by digest from it", async () => {
            const catalog = (await (await fetch(`http://127.0.0.1:${stack.ports.registry}/v2/_catalog`)).json()) as {
                repositories: string[];
            };
            for (const name of [
                "nta.utils",
                "htmengine",
                "taurus.metric_collectors",
                "taurus",
                "taurus-dynamodb",
                "mysql",
                "rabbitmq",
            ]) {
                assert.ok(
                    catalog.repositories.includes(name),
                    `${name} is not among ${catalog.repositories.join(" ")}`,
                );
            }
            const pods = await stack.objects<Pod>("pods -n taurus");
            const used = pods.flatMap((pod) =>
                [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((container) => container.image),
            );
            assert.ok(used.length >= 5);
            for (const image of used) {
                assert.match(image, new RegExp(`^localhost:${stack.ports.registry}/[a-z._-]+@sha256:[0-9a-f]{64}$`));
            }
        });
    });

    describe("an image as a file", () => {
        it("is loaded and run by a Docker without a registry", async () => {
            const file = path.join(stack.root, "mysql.tar");
            const exported = stack.succeeded(
                "npm run image",
                await stack.run("npm", ["run", "image", "--", "mysql", "--output", file], { timeout: 300 }),
            );
            const name = /^ +(nta\/mysql:[0-9a-f]{12})$/m.exec(exported.stdout)?.[1];
            assert.ok(name !== undefined, exported.stdout);
            assert.equal(docker("images", "--quiet", name), "", "the export leaves its own name behind");
            docker("load", "--input", file);
            try {
                const run = ["run", "--rm", "--network", "none", "--pull", "never"];
                assert.match(docker(...run, "--entrypoint", "mariadbd", name, "--version"), /MariaDB/);
            } finally {
                docker("rmi", "--no-prune", name);
            }
        });
    });
}
