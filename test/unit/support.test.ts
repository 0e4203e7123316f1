import * as assert from "node:assert/strict";

import * as pulumi from "@pulumi/pulumi";

import type { Exposure } from "../../components/support/exposure";
import { Namespace } from "../../components/support/namespace";
import { Support } from "../../components/support/support";
import { MockRun, plainTexts, runProgram, SecretValue } from "../../tools/preview-diff/mock-engine";

const statefulSet = "kubernetes:apps/v1:StatefulSet";
const service = "kubernetes:core/v1:Service";
const persistentVolume = "kubernetes:core/v1:PersistentVolume";
const claim = "kubernetes:core/v1:PersistentVolumeClaim";
const secret = "kubernetes:core/v1:Secret";
const password = "random:index/randomPassword:RandomPassword";

function provide(registration: { type: string; name: string }): Record<string, unknown> | undefined {
    return registration.type === password ? { result: pulumi.secret(`pw-${registration.name}`) } : undefined;
}

function local(exposure?: Exposure): Promise<MockRun> {
    return runProgram(
        () => {
            new Support("support", {
                namespace: "taurus",
                clusterWidePrefix: "taurus",
                storage: { kind: "local", node: "nta-test-1", folder: "/var/lib/nta/volumes" },
                mysql: { image: "r/mysql@sha256:1", storageSize: "5Gi" },
                rabbitmq: { image: "r/rabbitmq@sha256:2", storageSize: "2Gi", exposure },
                dynamodb: { image: "r/taurus-dynamodb@sha256:3", storageSize: "2Gi" },
            });
        },
        { provide },
    );
}

describe("support", () => {
    it("declares MySQL as a StatefulSet under the restricted standard", async () => {
        const run = await local();
        const labels = { "app.kubernetes.io/name": "mysql", "app.kubernetes.io/part-of": "taurus" };
        assert.deepEqual(run.find(statefulSet, "support-mysql-server-pods").inputs, {
            apiVersion: "apps/v1",
            kind: "StatefulSet",
            metadata: { name: "mysql", namespace: "taurus", labels },
            spec: {
                serviceName: "mysql",
                replicas: 1,
                selector: { matchLabels: labels },
                template: {
                    metadata: { labels },
                    spec: {
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        terminationGracePeriodSeconds: 30,
                        securityContext: {
                            runAsNonRoot: true,
                            runAsUser: 999,
                            runAsGroup: 999,
                            fsGroup: 999,
                            fsGroupChangePolicy: "OnRootMismatch",
                            seccompProfile: { type: "RuntimeDefault" },
                        },
                        containers: [
                            {
                                name: "mysql",
                                image: "r/mysql@sha256:1",
                                ports: [{ name: "mysql", containerPort: 3306 }],
                                env: [
                                    {
                                        name: "MYSQL_ROOT_PASSWORD",
                                        valueFrom: { secretKeyRef: { name: "mysql", key: "password" } },
                                    },
                                ],
                                startupProbe: {
                                    exec: { command: ["/opt/nta/bin/ready"] },
                                    timeoutSeconds: 15,
                                    periodSeconds: 2,
                                    failureThreshold: 300,
                                },
                                readinessProbe: {
                                    exec: { command: ["/opt/nta/bin/ready"] },
                                    timeoutSeconds: 15,
                                    periodSeconds: 15,
                                    failureThreshold: 2,
                                },
                                livenessProbe: {
                                    tcpSocket: { port: 3306 },
                                    periodSeconds: 20,
                                    timeoutSeconds: 5,
                                    failureThreshold: 6,
                                },
                                resources: {
                                    requests: { cpu: "50m", memory: "192Mi" },
                                    limits: { memory: "768Mi" },
                                },
                                securityContext: {
                                    allowPrivilegeEscalation: false,
                                    capabilities: { drop: ["ALL"] },
                                },
                                volumeMounts: [{ name: "data", mountPath: "/var/lib/mysql" }],
                            },
                        ],
                        volumes: [{ name: "data", persistentVolumeClaim: { claimName: "mysql" } }],
                    },
                },
            },
        });
    });

    it("declares the Services by their old names and ports, and waits for none of them", async () => {
        const run = await local();
        const declared = run.all(service).map(({ inputs }) => inputs as { metadata: object; spec: object });
        const labels = { "app.kubernetes.io/name": "rabbit", "app.kubernetes.io/part-of": "taurus" };
        assert.deepEqual(run.find(service, "support-rabbitmq-server-service").inputs, {
            apiVersion: "v1",
            kind: "Service",
            metadata: {
                name: "rabbit",
                namespace: "taurus",
                labels,
                annotations: { "pulumi.com/skipAwait": "true" },
            },
            spec: {
                type: "ClusterIP",
                selector: labels,
                ports: [
                    { name: "amqp", port: 5672, targetPort: "amqp" },
                    { name: "management", port: 15672, targetPort: "management" },
                ],
            },
        });
        const ports = declared.map(({ metadata, spec }) => [
            (metadata as { name: string }).name,
            (spec as { ports: { port: number }[] }).ports.map(({ port }) => port),
        ]);
        assert.deepEqual(Object.fromEntries(ports), { mysql: [3306], rabbit: [5672, 15672], dynamodb: [8300] });
    });

    it("exposes RabbitMQ's management, and only that, at the node port that was asked for", async () => {
        const { spec } = (await local({ type: "NodePort", nodePorts: { management: 31567 } })).find(
            service,
            "support-rabbitmq-server-service",
        ).inputs as {
            spec: object;
        };
        assert.deepEqual(spec, {
            type: "NodePort",
            selector: { "app.kubernetes.io/name": "rabbit", "app.kubernetes.io/part-of": "taurus" },
            ports: [
                { name: "amqp", port: 5672, targetPort: "amqp" },
                { name: "management", port: 15672, targetPort: "management", nodePort: 31567 },
            ],
        });
    });

    it("binds claims to local volumes on the first node, whose size is never changed", async () => {
        const run = await local();
        const labels = { "app.kubernetes.io/name": "dynamodb", "app.kubernetes.io/part-of": "taurus" };
        const annotations = { "pulumi.com/skipAwait": "true" };
        const volume = run.find(persistentVolume, "support-dynamodb-server-data-volume");
        assert.deepEqual(volume.inputs, {
            apiVersion: "v1",
            kind: "PersistentVolume",
            metadata: { name: "taurus-dynamodb", labels, annotations },
            spec: {
                capacity: { storage: "2Gi" },
                accessModes: ["ReadWriteOnce"],
                claimRef: { namespace: "taurus", name: "dynamodb" },
                storageClassName: "",
                persistentVolumeReclaimPolicy: "Retain",
                local: { path: "/var/lib/nta/volumes/dynamodb" },
                nodeAffinity: {
                    required: {
                        nodeSelectorTerms: [
                            {
                                matchExpressions: [
                                    { key: "kubernetes.io/hostname", operator: "In", values: ["nta-test-1"] },
                                ],
                            },
                        ],
                    },
                },
            },
        });
        assert.deepEqual(volume.ignoreChanges, ["spec.capacity"]);
        const declared = run.find(claim, "support-dynamodb-server-data-claim");
        assert.deepEqual(declared.inputs, {
            apiVersion: "v1",
            kind: "PersistentVolumeClaim",
            metadata: { name: "dynamodb", namespace: "taurus", labels, annotations },
            spec: {
                accessModes: ["ReadWriteOnce"],
                resources: { requests: { storage: "2Gi" } },
                storageClassName: "",
                volumeName: "taurus-dynamodb",
            },
        });
        assert.deepEqual(declared.ignoreChanges, ["spec.resources"]);
        assert.ok(declared.dependencies.includes(volume.urn));
    });

    it("leaves volumes to a StorageClass where there is one, and to the default class where none is named", async () => {
        for (const storageClass of ["fast", undefined]) {
            const run = await runProgram(
                () => {
                    const shared = { image: "i@sha256:1", storageSize: "1Gi" };
                    new Support("support", {
                        namespace: "taurus",
                        clusterWidePrefix: "taurus",
                        storage: { kind: "class", storageClass },
                        mysql: shared,
                        rabbitmq: shared,
                        dynamodb: shared,
                    });
                },
                { provide },
            );
            assert.deepEqual(run.all(persistentVolume), []);
            assert.deepEqual(run.find(claim, "support-mysql-server-data-claim").inputs["spec"], {
                accessModes: ["ReadWriteOnce"],
                resources: { requests: { storage: "1Gi" } },
                ...(storageClass ? { storageClassName: storageClass } : {}),
            });
            assert.deepEqual(run.find(claim, "support-mysql-server-data-claim").ignoreChanges, []);
        }
    });

    it("has passwords of letters and digits, which stand in Secrets only", async () => {
        const run = await local();
        assert.deepEqual(
            run.all(password).map(({ name, inputs }) => [name, inputs]),
            [
                ["support-mysql-credentials-password", { length: 32, special: false }],
                ["support-rabbitmq-credentials-password", { length: 32, special: false }],
            ],
        );
        const { stringData } = run.find(secret, "support-rabbitmq-credentials-secret").inputs as {
            stringData: unknown;
        };
        assert.ok(stringData instanceof SecretValue, JSON.stringify(stringData));
        assert.deepEqual(stringData.value, { password: "pw-support-rabbitmq-credentials-password" });
        for (const registration of run.registrations) {
            assert.ok(
                !plainTexts(registration.inputs).some((text) => text.includes("pw-")),
                `${registration.urn} holds a password in plain text`,
            );
        }
    });

    it("starts the pods of all three at once: none waits for another", async () => {
        const run = await local();
        const sets = run.all(statefulSet);
        assert.equal(sets.length, 3);
        for (const set of sets) {
            assert.ok(!set.dependencies.some((urn) => urn.includes("StatefulSet")), String(set.dependencies));
        }
    });
});

describe("namespace", () => {
    it("enforces baseline and warns of what is not restricted", async () => {
        const run = await runProgram(() => {
            new Namespace("namespace", { namespaceName: "taurus", owner: "nta-test" });
        });
        assert.deepEqual(run.find("kubernetes:core/v1:Namespace", "namespace-namespace").inputs, {
            apiVersion: "v1",
            kind: "Namespace",
            metadata: {
                name: "taurus",
                labels: {
                    "app.kubernetes.io/part-of": "taurus",
                    "app.kubernetes.io/instance": "nta-test",
                    "pod-security.kubernetes.io/enforce": "baseline",
                    "pod-security.kubernetes.io/warn": "restricted",
                },
            },
        });
    });
});
