import * as assert from "node:assert/strict";

import type { Job, Metadata, Pod, Service } from "../../operations/objects";
import { hostNames, serviceLinks } from "../../operations/status/links";
import { statusReport, type ClusterObjects } from "../../operations/status/report";
import { coloured, statusText } from "../../operations/status/text";
import { age } from "../../operations/table";

const now = new Date("2026-05-01T12:00:00Z");
const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

function metadata(name: string, namespace?: string, over: Partial<Metadata> = {}): Metadata {
    return { name, namespace, uid: name, creationTimestamp: "2026-05-01T11:00:00Z", ...over };
}

function pod(name: string, status: Partial<Pod["status"]>, over: Partial<Metadata> = {}): Pod {
    return {
        metadata: metadata(name, "web", over),
        spec: { nodeName: "one", containers: [{ name: "main", image: "registry/shop:1" }] },
        status: { phase: "Running", ...status },
    };
}

const container = {
    name: "main",
    image: "registry/shop:1",
    imageID: `registry/shop@${digest}`,
    ready: true,
    restartCount: 2,
    state: { running: { startedAt: "2026-05-01T11:00:10Z" } },
};

const readyPod = pod("shop-1", {
    conditions: [{ type: "Ready", status: "True" }],
    containerStatuses: [container],
});

const failedJob: Job = {
    metadata: metadata("nightly", "web"),
    spec: { completions: 1 },
    status: {
        startTime: "2026-05-01T11:10:00Z",
        failed: 3,
        conditions: [
            {
                type: "Failed",
                status: "True",
                reason: "BackoffLimitExceeded",
                lastTransitionTime: "2026-05-01T11:11:30Z",
            },
        ],
    },
};

const service: Service = {
    metadata: metadata("shop", "web"),
    spec: {
        type: "NodePort",
        clusterIP: "10.100.0.7",
        ports: [
            { name: "https", port: 443, nodePort: 30443 },
            { name: "dns", port: 53, protocol: "UDP" },
        ],
    },
    status: {},
};

const objects: ClusterObjects = {
    nodes: [
        {
            metadata: metadata("one", undefined, { labels: { "node-role.kubernetes.io/control-plane": "" } }),
            spec: {},
            status: {
                addresses: [{ type: "InternalIP", address: "172.18.0.2" }],
                conditions: [{ type: "Ready", status: "True" }],
                nodeInfo: { kubeletVersion: "v1.34.4" },
            },
        },
    ],
    pods: [
        readyPod,
        { ...readyPod, metadata: metadata("kube-proxy-x", "kube-system") },
        pod("shop-2", {
            phase: "Pending",
            containerStatuses: [
                {
                    ...container,
                    imageID: "",
                    ready: false,
                    restartCount: 0,
                    state: { waiting: { reason: "ImagePullBackOff" } },
                },
            ],
        }),
    ],
    services: [service],
    jobs: [failedJob],
    cronJobs: [
        {
            metadata: metadata("nightly", "web"),
            spec: { schedule: "0 3 * * *", timeZone: "Europe/Berlin" },
            status: { lastScheduleTime: "2026-05-01T11:10:00Z" },
        },
    ],
    volumeClaims: [
        {
            metadata: metadata("data", "web"),
            spec: { volumeName: "web-data" },
            status: { phase: "Bound", capacity: { storage: "5Gi" } },
        },
    ],
};

const facts = {
    stack: "local",
    now,
    apiServer: { address: "https://127.0.0.1:6443", version: "v1.34.4" },
    certificates: [{ name: "API server", subject: "kube-apiserver", end: "2026-05-20T12:00:00.000Z" }],
    outside: { forwarded: [{ host: 8443, guest: 30443 }], hostAddress: "127.0.0.1" },
};

describe("the status of a cluster", () => {
    const report = statusReport(objects, facts);

    it("is a report of what matters, by kind", () => {
        assert.deepEqual(report, {
            stack: "local",
            time: "2026-05-01T12:00:00.000Z",
            apiServer: facts.apiServer,
            nodes: [
                {
                    name: "one",
                    ready: true,
                    status: "Ready",
                    roles: ["control-plane"],
                    since: "2026-05-01T11:00:00Z",
                    version: "v1.34.4",
                    address: "172.18.0.2",
                },
            ],
            pods: [
                ["kube-system/kube-proxy-x", "1/1", true, "Running", 2],
                ["web/shop-1", "1/1", true, "Running", 2],
                ["web/shop-2", "0/1", false, "ImagePullBackOff", 0],
            ].map(([name, ready, well, status, restarts]) => ({
                name,
                ready,
                well,
                status,
                restarts,
                since: "2026-05-01T11:00:00Z",
                node: "one",
            })),
            services: [
                {
                    name: "web/shop",
                    type: "NodePort",
                    address: "10.100.0.7",
                    ports: ["443", "53/UDP"],
                    links: ["https://localhost:8443"],
                },
            ],
            jobs: [
                {
                    name: "web/nightly",
                    outcome: "Failed (BackoffLimitExceeded)",
                    well: false,
                    seconds: 90,
                    since: "2026-05-01T11:11:30Z",
                },
            ],
            cronJobs: [
                {
                    name: "web/nightly",
                    schedule: "0 3 * * * (Europe/Berlin)",
                    suspended: false,
                    running: 0,
                    lastStart: "2026-05-01T11:10:00Z",
                    lastSuccess: undefined,
                },
            ],
            images: [
                { image: "registry/shop", digest, pods: ["kube-system/kube-proxy-x", "web/shop-1"] },
                { image: "registry/shop:1", digest: "", pods: ["web/shop-2"] },
            ],
            volumes: [{ name: "web/data", status: "Bound", size: "5Gi", volume: "web-data", storageClass: "" }],
            certificates: facts.certificates,
        });
    });

    it("fits one screen, with a mark at what is not well", () => {
        assert.equal(
            statusText(report).join("\n"),
            `Stack local: Kubernetes v1.34.4 at https://127.0.0.1:6443, 2026-05-01T12:00:00Z

  NODE  STATUS  ROLES          AGE  VERSION  ADDRESS
  one   Ready   control-plane  60m  v1.34.4  172.18.0.2

  POD             READY  STATUS            RESTARTS  AGE  NODE
  web/shop-1      1/1    Running           2         60m  one
! web/shop-2      0/1    ImagePullBackOff  0         60m  one
  (the system's)  1/1

  SERVICE   TYPE      ADDRESS     PORTS       LINKS
  web/shop  NodePort  10.100.0.7  443,53/UDP  https://localhost:8443

  JOB          OUTCOME                        TOOK  AGO
! web/nightly  Failed (BackoffLimitExceeded)  90s   48m

  CRON JOB     SCHEDULE                   RUNNING  LAST START  LAST SUCCESS
  web/nightly  0 3 * * * (Europe/Berlin)  0        50m ago     never

  IMAGE            DIGEST               PODS
  registry/shop    sha256:0123456789ab  2
  registry/shop:1                       1

  VOLUME CLAIM  STATUS  SIZE  VOLUME    CLASS
  web/data      Bound   5Gi   web-data

  CERTIFICATE  OF              ENDS        DAYS LEFT
! API server   kube-apiserver  2026-05-20  19`,
        );
        assert.deepEqual(coloured(["! bad", "  NODE", "  one"]), [
            "\u001b[31m! bad\u001b[0m",
            "\u001b[1m  NODE\u001b[0m",
            "  one",
        ]);
    });

    it("shows a pod of the system only when it is not well", () => {
        const broken = { ...readyPod, metadata: metadata("etcd", "kube-system"), status: { phase: "Running" } };
        const lines = statusText(statusReport({ ...objects, pods: [readyPod, broken] }, facts)).join("\n");
        assert.match(lines, /^! kube-system\/etcd +0\/1/m);
        assert.doesNotMatch(lines, /the system's/);
    });

    it("says of each pod and job how it is", () => {
        const statusOf = (one: Pod) => statusReport({ ...objects, pods: [one] }, facts).pods[0]?.status;
        const terminated = (exitCode: number, reason?: string) => ({
            ...container,
            ready: false,
            state: { terminated: { exitCode, reason } },
        });
        assert.equal(statusOf(pod("a", { phase: "Succeeded", containerStatuses: [terminated(0)] })), "Completed");
        assert.equal(statusOf(pod("a", { containerStatuses: [terminated(137, "OOMKilled")] })), "OOMKilled");
        assert.equal(statusOf(pod("a", { containerStatuses: [terminated(3)] })), "ExitCode:3");
        assert.equal(statusOf(pod("a", { phase: "Failed", reason: "Evicted" })), "Evicted");
        assert.equal(statusOf(pod("a", { phase: "Pending" })), "Pending");
        assert.equal(statusOf(pod("a", {}, { deletionTimestamp: "2026-05-01T12:00:00Z" })), "Terminating");
        const inits = [{ ...container, state: { waiting: { reason: "CrashLoopBackOff" } } }];
        assert.equal(statusOf(pod("a", { initContainerStatuses: inits })), "Init:CrashLoopBackOff");
        const outcome = (status: Job["status"], suspend = false) =>
            statusReport({ ...objects, jobs: [{ ...failedJob, spec: { completions: 4, suspend }, status }] }, facts)
                .jobs[0]?.outcome;
        assert.equal(outcome({ active: 2, succeeded: 1, failed: 1 }), "Running, 1/4 done, 1 failed");
        assert.equal(outcome({ conditions: [{ type: "Complete", status: "True" }] }), "Complete");
        assert.equal(outcome({}, true), "Suspended");
    });

    it("links to where a service answers outside", () => {
        const none = { forwarded: [], hostAddress: "127.0.0.1" };
        assert.deepEqual(serviceLinks(service, none), []);
        assert.deepEqual(serviceLinks(service, { ...none, nodeAddress: "192.0.2.1" }), ["https://192.0.2.1:30443"]);
        const forwarded = { forwarded: [{ host: 443, guest: 30443 }], hostAddress: "192.0.2.7" };
        assert.deepEqual(serviceLinks(service, forwarded), ["https://192.0.2.7"]);
        const balanced: Service = {
            ...service,
            spec: { ...service.spec, ports: [{ port: 80 }, { port: 2003 }] },
            status: { loadBalancer: { ingress: [{ ip: "2001:db8::1" }] } },
        };
        assert.deepEqual(serviceLinks(balanced, none), ["http://[2001:db8::1]", "[2001:db8::1]:2003"]);
        const hosts =
            "127.0.0.1\tlocalhost\n# 2001:db8::1 no.web\n2001:db8::1  shop.web shop.web.svc # ours\n2001:db8::1 b\n";
        const names = hostNames(hosts);
        assert.deepEqual(serviceLinks(balanced, { ...none, names }), ["http://shop.web", "shop.web:2003"]);
    });

    it("gives ages as kubectl does", () => {
        assert.deepEqual(
            [0, 119, 120, 7199, 7200, 172799, 172800].map((seconds) => age(seconds * 1000)),
            ["0s", "119s", "2m", "119m", "2h", "47h", "2d"],
        );
    });
});
