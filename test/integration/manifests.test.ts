/** What the program declares, given to a real API server: is each field right, and which Pod Security Standard is met? */
import * as assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import { Namespace } from "../../components/support/namespace";
import { Support } from "../../components/support/support";
import { Taurus } from "../../components/taurus/taurus";
import type { KubernetesObject } from "../../plugins/kubernetes/object";
import { MockRun, runProgram, SecretValue } from "../../tools/preview-diff/mock-engine";
import { ControlPlane } from "./plugins-kubernetes-control-plane";

/** Paths of the resources that the program declares. */
const paths: Readonly<Record<string, string>> = {
    Namespace: "/api/v1/namespaces",
    PersistentVolume: "/api/v1/persistentvolumes",
    PersistentVolumeClaim: "/api/v1/namespaces/taurus/persistentvolumeclaims",
    Secret: "/api/v1/namespaces/taurus/secrets",
    Service: "/api/v1/namespaces/taurus/services",
    ReplicationController: "/api/v1/namespaces/taurus/replicationcontrollers",
    StatefulSet: "/apis/apps/v1/namespaces/taurus/statefulsets",
    Job: "/apis/batch/v1/namespaces/taurus/jobs",
};

function revealed(value: unknown): unknown {
    if (value instanceof SecretValue) {
        return revealed(value.value);
    }
    if (Array.isArray(value)) {
        return value.map(revealed);
    }
    if (typeof value === "object" && value !== null) {
        return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, revealed(child)]));
    }
    return value;
}

describe("manifests on a real API server", function () {
    this.timeout(180_000);

    const controlPlane = new ControlPlane();
    let run: MockRun;
    let objects: KubernetesObject[];

    before(async () => {
        await controlPlane.start();
        run = await runProgram(
            () => {
                const namespace = new Namespace("namespace", { namespaceName: "taurus", owner: "nta-test" })
                    .namespaceName;
                const shared = {
                    namespace,
                    clusterWidePrefix: "taurus",
                    storage: { kind: "local", node: "node-1", folder: "/var/lib/nta/volumes" },
                } as const;
                const image =
                    "localhost:5000/x@sha256:0000000000000000000000000000000000000000000000000000000000000000";
                const support = new Support("support", {
                    ...shared,
                    mysql: { image, storageSize: "5Gi", exposure: { type: "NodePort", nodePorts: { mysql: 30306 } } },
                    rabbitmq: {
                        image,
                        storageSize: "2Gi",
                        exposure: { type: "NodePort", nodePorts: { management: 31567 } },
                    },
                    dynamodb: {
                        image,
                        storageSize: "2Gi",
                        exposure: { type: "NodePort", nodePorts: { dynamodb: 30830 } },
                    },
                });
                new Taurus("taurus", {
                    ...shared,
                    image,
                    replicas: 1,
                    storageSize: "5Gi",
                    exposure: { type: "NodePort", nodePorts: { https: 30443, supervisor: 30901, metrics: 30203 } },
                    support,
                    collectors: { image, keys: { xigniteApiToken: pulumi.secret("token") } },
                });
            },
            {
                provide: ({ type, inputs }) =>
                    type.startsWith("random:") ? { ...inputs, result: pulumi.secret("pw") } : undefined,
            },
        );
        objects = run.registrations
            .filter(({ type }) => type.startsWith("kubernetes:"))
            .map(({ inputs }) => revealed(inputs) as KubernetesObject);
        // Namespaces first: all else but volumes is in one.
        objects.sort((one, other) => Number(other.kind === "Namespace") - Number(one.kind === "Namespace"));
    });

    after(() => controlPlane.stop());

    it("are taken as they are: no unknown field, no wrong value", async () => {
        assert.equal(objects.length, 23);
        for (const object of objects) {
            const path = paths[object.kind as string];
            assert.ok(path, `no path for ${String(object.kind)}`);
            const made = await controlPlane.client.request("POST", path, {
                query: { fieldValidation: "Strict" },
                body: object,
            });
            assert.equal(made.kind, object.kind);
        }
    });

    it("have pods that the standard restricted lets in, all of them", async () => {
        await controlPlane.client.request("POST", "/api/v1/namespaces", {
            body: {
                apiVersion: "v1",
                kind: "Namespace",
                metadata: { name: "restricted", labels: { "pod-security.kubernetes.io/enforce": "restricted" } },
            },
        });
        const create = (metadata: object, spec: object) =>
            controlPlane.client.request("POST", "/api/v1/namespaces/restricted/pods", {
                query: { fieldValidation: "Strict", dryRun: "All" },
                body: { apiVersion: "v1", kind: "Pod", metadata: { ...metadata, name: "pod" }, spec },
            } as never);
        const templates = objects.flatMap((object) => {
            const { template } = (object.spec ?? {}) as { template?: { metadata: object; spec: object } };
            return template ? [template] : [];
        });
        assert.equal(templates.length, 6);
        for (const { metadata, spec } of templates) {
            await create(metadata, spec);
        }
        // The check itself must be able to say no.
        await assert.rejects(
            create({}, { ...templates[0].spec, securityContext: {} }),
            /violates PodSecurity "restricted:latest"/,
        );
    });

    it("have claims that Kubernetes binds to the volumes made for them", async () => {
        const deadline = Date.now() + 60_000;
        for (const name of ["mysql", "rabbit", "dynamodb", "taurus"]) {
            for (;;) {
                const path = `/api/v1/namespaces/taurus/persistentvolumeclaims/${name}`;
                const claim = await controlPlane.client.request("GET", path);
                const { phase } = (claim.status ?? {}) as { phase?: string };
                if (phase === "Bound") {
                    assert.equal((claim.spec as { volumeName: string }).volumeName, `taurus-${name}`);
                    break;
                }
                assert.ok(Date.now() < deadline, `the claim ${name} is ${phase}`);
                await new Promise((resolve) => setTimeout(resolve, 200));
            }
        }
    });
});
