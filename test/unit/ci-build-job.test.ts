import * as assert from "node:assert/strict";

import { ciBuildJob, type CiBuildSpec } from "../../components/workloads/ci-build/job";
import { commit, image, spec } from "./ci-build-spec";
import { restrictedContainer } from "./restricted-standard";

const labels = {
    "app.kubernetes.io/name": "app",
    "app.kubernetes.io/part-of": "taurus",
    "app.kubernetes.io/component": "ci-build",
};

describe("ci builds: the Job", () => {
    it("has a container for each step, and of the rights that it is not restricted in no more than it needs", () => {
        assert.deepEqual(ciBuildJob(spec, image), {
            metadata: {
                name: "app",
                namespace: "taurus",
                labels,
                annotations: { "pulumi.com/replaceUnready": "true", "nta/commit": commit.id },
            },
            spec: {
                backoffLimit: 0,
                activeDeadlineSeconds: 660,
                template: {
                    metadata: { labels },
                    spec: {
                        restartPolicy: "Never",
                        activeDeadlineSeconds: 600,
                        terminationGracePeriodSeconds: 30,
                        automountServiceAccountToken: false,
                        enableServiceLinks: false,
                        nodeSelector: { "kubernetes.io/hostname": "nta-dev-1" },
                        securityContext: {
                            runAsNonRoot: true,
                            runAsUser: 10001,
                            runAsGroup: 10001,
                            fsGroup: 10001,
                            fsGroupChangePolicy: "OnRootMismatch",
                        },
                        initContainers: [
                            {
                                name: "checkout",
                                image,
                                args: ["checkout", "/ci"],
                                resources: { requests: { cpu: "100m", memory: "32Mi" }, limits: { memory: "128Mi" } },
                                securityContext: {
                                    ...restrictedContainer,
                                    seccompProfile: { type: "RuntimeDefault" },
                                    readOnlyRootFilesystem: true,
                                },
                                volumeMounts: [{ name: "work", mountPath: "/ci" }],
                            },
                            {
                                name: "tests",
                                image: "localhost:5000/htmengine@sha256:1",
                                command: ["/ci/ci-build", "tests", "--", "python", "-m", "pytest"],
                                workingDir: "/ci/checkout",
                                env: [
                                    { name: "CI", value: "true" },
                                    { name: "CI_COMMIT", value: commit.id },
                                    { name: "MODE", value: "full" },
                                ],
                                resources: { requests: { cpu: "250m", memory: "512Mi" }, limits: { memory: "512Mi" } },
                                securityContext: restrictedContainer,
                                volumeMounts: [{ name: "work", mountPath: "/ci" }],
                            },
                        ],
                        containers: [
                            {
                                name: "build",
                                image,
                                args: ["build", "BASE=htmengine"],
                                env: [
                                    { name: "CI_REGISTRY", value: "localhost:5000" },
                                    {
                                        name: "CI_NODE_ADDRESS",
                                        valueFrom: { fieldRef: { fieldPath: "status.hostIP" } },
                                    },
                                    { name: "CI_REGISTRY_ENDPOINT", value: "$(CI_NODE_ADDRESS):5000" },
                                    { name: "CI_REGISTRY_INSECURE", value: "true" },
                                    { name: "CI_IMAGE", value: "app" },
                                    { name: "CI_COMMIT", value: commit.id },
                                    { name: "CI_COMMIT_TIME", value: "1700000000" },
                                    { name: "CI_DOCKERFILE", value: "Dockerfile" },
                                ],
                                resources: { requests: { cpu: "500m", memory: "1Gi" }, limits: { memory: "1Gi" } },
                                securityContext: {
                                    allowPrivilegeEscalation: true,
                                    capabilities: { drop: ["ALL"], add: ["SETUID", "SETGID"] },
                                    readOnlyRootFilesystem: true,
                                },
                                volumeMounts: [
                                    { name: "home", mountPath: "/home/ci" },
                                    { name: "tmp", mountPath: "/tmp" },
                                ],
                            },
                        ],
                        volumes: [
                            { name: "work", emptyDir: {} },
                            { name: "home", emptyDir: {} },
                            { name: "tmp", emptyDir: {} },
                        ],
                    },
                },
            },
        });
    });

    const podOf = (registry: CiBuildSpec["registry"]) => {
        const job = ciBuildJob({ ...spec, image: "team/app", registry }, image);
        return (job as unknown as { spec: { template: { spec: PodSpec } } }).spec.template.spec;
    };
    interface PodSpec {
        nodeSelector?: unknown;
        containers: [{ env: { name: string; value: string }[]; volumeMounts: unknown[] }];
        volumes: unknown[];
    }
    const address = "registry.example.com:5443/team";

    it("speaks to a registry of the user's own as the settings say, on any node", () => {
        const credentials = { username: "ada", password: { reveal: () => "pw" } };
        const pod = podOf({ address, access: { address, insecure: false, ca: "PEM", credentials } });
        assert.equal(pod.nodeSelector, undefined);
        const [{ env, volumeMounts }] = pod.containers;
        assert.deepEqual(env.slice(0, 5), [
            { name: "CI_REGISTRY", value: address },
            { name: "CI_REGISTRY_ENDPOINT", value: address },
            { name: "CI_REGISTRY_CA", value: "PEM" },
            { name: "CI_REGISTRY_LOGIN", value: "/registry-login/config.json" },
            { name: "CI_IMAGE", value: "team/app" },
        ]);
        assert.deepEqual(volumeMounts.at(-1), {
            name: "registry-login",
            mountPath: "/registry-login",
            readOnly: true,
        });
        assert.deepEqual(pod.volumes.at(-1), {
            name: "registry-login",
            secret: { secretName: "registry", items: [{ key: ".dockerconfigjson", path: "config.json" }] },
        });
        assert.ok(!JSON.stringify(pod).includes("pw"), "the password is in the Secret alone");
    });

    it("speaks plain HTTP where the settings say so", () => {
        const [{ env }] = podOf({ address, access: { address, insecure: true } }).containers;
        assert.deepEqual(env[2], { name: "CI_REGISTRY_INSECURE", value: "true" });
    });
});
