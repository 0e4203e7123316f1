import * as assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import * as pulumi from "@pulumi/pulumi";

import { keysChecksum } from "../../components/taurus/collectors";
import type { SupportEndpoints } from "../../components/taurus/environment";
import { Taurus, TaurusArgs } from "../../components/taurus/taurus";
import { MockProvider, plainTexts, runProgram, SecretValue } from "../../tools/preview-diff/mock-engine";
import { restrictedContainer, restrictedPod } from "./restricted-standard";

const controller = "kubernetes:core/v1:ReplicationController";
const job = "kubernetes:batch/v1:Job";
const password = "random:index/randomPassword:RandomPassword";

const provide: MockProvider = (registration) =>
    registration.type === password ? { result: pulumi.secret(`pw-${registration.name}`) } : undefined;

const support: SupportEndpoints = {
    mysql: { host: "mysql", port: 3306, user: "root", passwordKey: { secret: "mysql", key: "password" } },
    rabbitmq: { host: "rabbit", port: 5672, user: "taurus", passwordKey: { secret: "rabbit", key: "password" } },
    dynamodb: { host: "dynamodb", port: 8300 },
};

function taurusArgs(change: Partial<TaurusArgs> = {}): TaurusArgs {
    return {
        namespace: "taurus",
        clusterWidePrefix: "taurus",
        storage: { kind: "local", node: "nta-test-1", folder: "/var/lib/nta/volumes" },
        image: "r/taurus@sha256:1",
        replicas: 1,
        storageSize: "5Gi",
        exposure: { type: "NodePort", nodePorts: { https: 30443, supervisor: 30901, metrics: 30203 } },
        support,
        collectors: { image: "r/collectors@sha256:2", keys: {} },
        ...change,
    };
}

function run(change: Partial<TaurusArgs> = {}, using: MockProvider = provide) {
    return runProgram(() => void new Taurus("taurus", taurusArgs(change)), { provide: using });
}

const secretKey = (name: string, key: string) => ({ valueFrom: { secretKeyRef: { name, key } } });

const ready = { exec: { command: ["/opt/nta/bin/ready"] }, timeoutSeconds: 15 };

describe("taurus server", () => {
    const labels = { "app.kubernetes.io/name": "taurus-server", "app.kubernetes.io/part-of": "taurus" };

    it("is a ReplicationController whose pod has everything that the start scripts read", async () => {
        const { inputs } = (await run()).find(controller, "taurus-server-pods");
        assert.deepEqual(inputs, {
            apiVersion: "v1",
            kind: "ReplicationController",
            metadata: { name: "taurus-server", namespace: "taurus", labels },
            spec: {
                replicas: 1,
                selector: labels,
                template: {
                    metadata: { labels },
                    spec: {
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        terminationGracePeriodSeconds: 30,
                        securityContext: {
                            ...restrictedPod,
                            sysctls: [{ name: "net.ipv4.ip_unprivileged_port_start", value: "0" }],
                        },
                        containers: [
                            {
                                name: "taurus",
                                image: "r/taurus@sha256:1",
                                ports: [
                                    { name: "https", containerPort: 443 },
                                    { name: "supervisor", containerPort: 9001 },
                                    { name: "metrics", containerPort: 2003 },
                                ],
                                env: [
                                    { name: "MYSQL_HOST", value: "mysql" },
                                    { name: "MYSQL_USER", value: "root" },
                                    { name: "MYSQL_PASSWD", ...secretKey("mysql", "password") },
                                    { name: "RABBITMQ_HOST", value: "rabbit" },
                                    { name: "RABBITMQ_USER", value: "taurus" },
                                    { name: "RABBITMQ_PASSWD", ...secretKey("rabbit", "password") },
                                    { name: "DYNAMODB_HOST", value: "dynamodb" },
                                    { name: "DYNAMODB_PORT", value: "8300" },
                                    { name: "DYNAMODB_TABLE_SUFFIX", value: ".local" },
                                    { name: "DYNAMODB_EXTRAS", value: "--security-off" },
                                    { name: "AWS_ACCESS_KEY_ID", value: "local" },
                                    { name: "AWS_SECRET_ACCESS_KEY", value: "local" },
                                    { name: "TAURUS_API_KEY", ...secretKey("taurus", "apiKey") },
                                    { name: "TAURUS_RMQ_METRIC_DEST", value: "127.0.0.1:2003" },
                                    { name: "TAURUS_RMQ_METRIC_PREFIX", value: "taurus" },
                                    { name: "OBLITERATE_DATABASE", value: "" },
                                    { name: "SSL_ORG_NAME", value: "Numenta" },
                                    { name: "SSL_LOCALITY", value: "CA" },
                                    { name: "SSL_DOMAIN_NAME", value: "localhost" },
                                    { name: "SSL_ORGANIZATIONAL_UNIT_NAME", value: "Engineering" },
                                    { name: "SSL_EMAIL_ADDRESS", value: "support@example.com" },
                                ],
                                startupProbe: { ...ready, periodSeconds: 2, failureThreshold: 300 },
                                readinessProbe: { ...ready, periodSeconds: 15, failureThreshold: 2 },
                                livenessProbe: {
                                    tcpSocket: { port: 443 },
                                    periodSeconds: 20,
                                    timeoutSeconds: 5,
                                    failureThreshold: 6,
                                },
                                resources: { requests: { cpu: "100m", memory: "512Mi" }, limits: { memory: "3Gi" } },
                                securityContext: restrictedContainer,
                                volumeMounts: [
                                    { name: "checkpoints", mountPath: "/home/nta/taurus_model_checkpoints" },
                                ],
                            },
                        ],
                        volumes: [{ name: "checkpoints", persistentVolumeClaim: { claimName: "taurus" } }],
                    },
                },
            },
        });
    });

    it("is replaced, the old pod first, when its pod's template changes", async () => {
        const declared = (await run()).find(controller, "taurus-server-pods");
        assert.deepEqual(declared.replaceOnChanges, ["spec.template"]);
        assert.equal(declared.deleteBeforeReplace, true);
    });

    it("has a Service with three ports, on nodes only when it is exposed", async () => {
        const service = "kubernetes:core/v1:Service";
        const { inputs } = (await run()).find(service, "taurus-server-service");
        const metadata = {
            name: "taurus",
            namespace: "taurus",
            labels,
            annotations: { "pulumi.com/skipAwait": "true" },
        };
        assert.deepEqual(inputs, {
            apiVersion: "v1",
            kind: "Service",
            metadata,
            spec: {
                type: "NodePort",
                selector: labels,
                ports: [
                    { name: "https", port: 443, targetPort: "https", nodePort: 30443 },
                    { name: "supervisor", port: 9001, targetPort: "supervisor", nodePort: 30901 },
                    { name: "metrics", port: 2003, targetPort: "metrics", nodePort: 30203 },
                ],
            },
        });
        const hidden = (await run({ exposure: undefined })).find(service, "taurus-server-service").inputs;
        assert.deepEqual(hidden["spec"], {
            type: "ClusterIP",
            selector: labels,
            ports: [
                { name: "https", port: 443, targetPort: "https" },
                { name: "supervisor", port: 9001, targetPort: "supervisor" },
                { name: "metrics", port: 2003, targetPort: "metrics" },
            ],
        });
    });
});

describe("taurus schema", () => {
    it("is a Job with the server's image that reaches the database only", async () => {
        const labels = { "app.kubernetes.io/name": "taurus-schema", "app.kubernetes.io/part-of": "taurus" };
        const declared = (await run()).find(job, "taurus-schema-job");
        assert.deepEqual(declared.inputs, {
            apiVersion: "batch/v1",
            kind: "Job",
            metadata: { name: "taurus-schema", namespace: "taurus", labels },
            spec: {
                backoffLimit: 4,
                activeDeadlineSeconds: 900,
                template: {
                    metadata: { labels },
                    spec: {
                        restartPolicy: "Never",
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        securityContext: restrictedPod,
                        containers: [
                            {
                                name: "schema",
                                image: "r/taurus@sha256:1",
                                command: ["/opt/nta/bin/migrate"],
                                env: [
                                    { name: "MYSQL_HOST", value: "mysql" },
                                    { name: "MYSQL_USER", value: "root" },
                                    { name: "MYSQL_PASSWD", ...secretKey("mysql", "password") },
                                ],
                                resources: {
                                    requests: { cpu: "100m", memory: "128Mi" },
                                    limits: { memory: "512Mi" },
                                },
                                securityContext: restrictedContainer,
                            },
                        ],
                    },
                },
            },
        });
        assert.deepEqual(declared.replaceOnChanges, ["spec.template"]);
        assert.equal(declared.deleteBeforeReplace, true);
    });

    it("is through before the server and the collectors start", async () => {
        const slow: MockProvider = async (registration) => {
            await delay(registration.type === job ? 100 : 1);
            return provide(registration);
        };
        const { find } = await run({}, slow);
        const schema = find(job, "taurus-schema-job");
        assert.ok(find(controller, "taurus-server-pods").began > schema.ended);
        assert.ok(find(controller, "taurus-collectors-pods").began > schema.ended);
    });
});

describe("taurus collectors", () => {
    const environmentOf = (inputs: Record<string, unknown>) => {
        const template = (inputs as { spec: { template: { spec: { containers: { env: { name: string }[] }[] } } } })
            .spec.template;
        return Object.fromEntries(template.spec.containers[0].env.map(({ name, ...rest }) => [name, rest]));
    };

    it("stand by without keys", async () => {
        const { find, registrations } = await run();
        const environment = environmentOf(find(controller, "taurus-collectors-pods").inputs);
        assert.deepEqual(environment["TAURUS_COLLECTORS_OPMODE"], { value: "hot_standby" });
        assert.deepEqual(environment["XIGNITE_API_TOKEN"], { value: "" });
        assert.deepEqual(environment["TAURUS_HTM_SERVER"], { value: "taurus" });
        assert.deepEqual(environment["TAURUS_API_KEY"], secretKey("taurus", "apiKey"));
        assert.ok(!registrations.some(({ name }) => name === "taurus-collectors-keys"));
    });

    it("are active with a key, which reaches them through a Secret, and start again when it changes", async () => {
        const withKey = (key: string) =>
            run({ collectors: { image: "r/collectors@sha256:2", keys: { xigniteApiToken: pulumi.secret(key) } } });
        const { find, registrations } = await withKey("t0ken");
        const declared = find(controller, "taurus-collectors-pods");
        const environment = environmentOf(declared.inputs);
        assert.deepEqual(environment["TAURUS_COLLECTORS_OPMODE"], { value: "active" });
        assert.deepEqual(environment["XIGNITE_API_TOKEN"], secretKey("taurus-collectors", "xigniteApiToken"));
        assert.deepEqual(environment["TAURUS_TWITTER_CONSUMER_KEY"], { value: "" });
        const { stringData } = find("kubernetes:core/v1:Secret", "taurus-collectors-keys").inputs as {
            stringData: SecretValue;
        };
        assert.deepEqual(stringData.value, { xigniteApiToken: "t0ken" });
        for (const registration of registrations) {
            assert.ok(!plainTexts(registration.inputs).some((text) => text.includes("t0ken")), registration.urn);
        }
        const checksum = (inputs: Record<string, unknown>) =>
            (inputs as { spec: { template: { metadata: { annotations: Record<string, SecretValue> } } } }).spec.template
                .metadata.annotations["nta/keys-checksum"].value;
        const other = (await withKey("other")).find(controller, "taurus-collectors-pods");
        assert.notEqual(checksum(declared.inputs), checksum(other.inputs));
    });

    it("have the same checksum for the same keys in another order", () => {
        assert.equal(
            keysChecksum({ xigniteApiToken: "a", twitterAccessToken: "b" }),
            keysChecksum({ twitterAccessToken: "b", xigniteApiToken: "a" }),
        );
    });

    it("are left out where they are not wanted", async () => {
        const { registrations } = await run({ collectors: undefined });
        assert.deepEqual(
            registrations.filter(({ name }) => name.includes("collectors")),
            [],
        );
    });
});

describe("taurus as a whole", () => {
    it("starts its pods when what it depends on is ready", async () => {
        const slow: MockProvider = async (registration) => {
            await delay(registration.name === "before" ? 100 : 1);
            return provide(registration);
        };
        const { find } = await runProgram(
            () => {
                class Slow extends pulumi.CustomResource {}
                class Before extends pulumi.ComponentResource {
                    constructor() {
                        super("test:index:Before", "component");
                        new Slow("test:index:Slow", "before", {}, { parent: this });
                    }
                }
                new Taurus("taurus", taurusArgs(), { dependsOn: [new Before()] });
            },
            { provide: slow },
        );
        const before = find("test:index:Slow", "before");
        assert.ok(find(job, "taurus-schema-job").began > before.ended);
        assert.ok(find(controller, "taurus-server-pods").began > find(job, "taurus-schema-job").ended);
        // In the engine's graph too, so that what is deleted goes in the opposite order.
        assert.ok(find(job, "taurus-schema-job").dependencies.includes(before.urn));
    });

    it("keeps the API key in a Secret and in a secret output", async () => {
        const { outputs, registrations } = await runProgram(
            () => {
                const taurus = new Taurus("taurus", taurusArgs());
                return { apiKey: taurus.apiKey };
            },
            { provide },
        );
        assert.ok(outputs["apiKey"] instanceof SecretValue);
        for (const registration of registrations) {
            assert.ok(!plainTexts(registration.inputs).some((text) => text.includes("pw-")), registration.urn);
        }
    });
});
