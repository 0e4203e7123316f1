import * as assert from "node:assert/strict";

import { debugpyRelease } from "../../operations/debugging/debugpy";
import { debugCopy } from "../../operations/debugging/debug-copy";
import { underDebugger } from "../../operations/debugging/python";
import {
    containerOf,
    findWorkload,
    loggedContainers,
    runningPod,
    workloadNames,
    type Candidate,
} from "../../operations/debugging/workload";
import type { Pod } from "../../operations/objects";

interface Owner {
    kind: string;
    name: string;
}

function candidate(kind: string, name: string, owner?: Owner, namespace = "web"): Candidate {
    return {
        kind,
        object: {
            metadata: {
                name,
                namespace,
                uid: `${kind}/${name}`,
                creationTimestamp: "2026-05-01T12:00:00Z",
                labels: { app: name.replace(/-.*/, "") },
                ...(owner === undefined
                    ? {}
                    : { ownerReferences: [{ ...owner, uid: `${owner.kind}/${owner.name}`, controller: true }] }),
            },
        },
    };
}

function pod(name: string, owner?: Owner, created = "2026-05-01T12:00:00Z", phase = "Running"): Candidate {
    const { object } = candidate("pod", name, owner);
    return {
        kind: "pod",
        object: {
            metadata: { ...object.metadata, creationTimestamp: created },
            spec: { containers: [{ name: "main" }, { name: "side" }] },
            status: { phase },
        } as unknown as Candidate["object"],
    };
}

const service = candidate("service", "shop");
const candidates: Candidate[] = [
    candidate("deployment", "shop"),
    candidate("replicaset", "shop-1", { kind: "deployment", name: "shop" }),
    pod("shop-1-a", { kind: "replicaset", name: "shop-1" }),
    pod("shop-1-b", { kind: "replicaset", name: "shop-1" }, "2026-05-01T13:00:00Z"),
    candidate("statefulset", "mysql"),
    pod("mysql-0", { kind: "statefulset", name: "mysql" }),
    { ...service, object: { ...service.object, spec: { selector: { app: "mysql" } } } },
    candidate("cronjob", "nightly"),
    candidate("job", "nightly-1", { kind: "cronjob", name: "nightly" }),
    pod("nightly-1-x", { kind: "job", name: "nightly-1" }, undefined, "Failed"),
];
const podNames = (asked: string) => findWorkload(asked, candidates).pods.map(({ metadata }) => metadata.name);

describe("a workload's name", () => {
    it("finds the pods of every kind, the newest first, through what stands between", () => {
        assert.deepEqual(podNames("shop"), ["shop-1-b", "shop-1-a"]);
        assert.deepEqual(podNames("mysql"), ["mysql-0"]);
        assert.deepEqual(podNames("nightly"), ["nightly-1-x"]);
        assert.deepEqual(podNames("nightly-1"), ["nightly-1-x"]);
        assert.deepEqual(podNames("shop-1-a"), ["shop-1-a"]);
        assert.deepEqual(podNames("service/shop"), ["mysql-0"]);
        assert.deepEqual(podNames("mys"), ["mysql-0"]);
        assert.equal(findWorkload("mys", candidates).kind, "statefulset");
        assert.deepEqual(workloadNames(candidates), ["mysql", "nightly", "shop"]);
    });

    it("that is wrong is answered with the nearest one, one that is not clear with the choice", () => {
        assert.throws(
            () => podNames("mysqk"),
            /There is no workload "mysqk"\. Did you mean mysql\?\nThere are: mysql, nightly, shop\./,
        );
        assert.throws(() => podNames("entirely-else"), /There is no workload "entirely-else"\.\nThere are/);
        assert.throws(() => podNames("job/mysql"), /There is no workload "job\/mysql"/);
        const more = [...candidates, candidate("deployment", "shoppers")];
        assert.throws(() => findWorkload("sho", more), /is the beginning of several names: shop, shoppers\./);
        const twice = [...candidates, candidate("statefulset", "mysql", undefined, "other")];
        assert.throws(
            () => findWorkload("mysql", twice),
            /is in several namespaces: other, web\. Say which: -n NAMESPACE/,
        );
    });

    it("leads to one pod that runs and one container", () => {
        const running = runningPod(findWorkload("shop", candidates));
        assert.equal(running.metadata.name, "shop-1-b");
        assert.throws(
            () => runningPod(findWorkload("nightly", candidates)),
            /No pod of cronjob\/nightly runs: nightly-1-x is Failed/,
        );
        assert.equal(containerOf(running, undefined), "main");
        assert.equal(containerOf(running, "side"), "side");
        assert.throws(
            () => containerOf(running, "sid"),
            /has no container "sid"; did you mean side\? It has main, side\./,
        );
        const chosen: Pod = {
            ...running,
            metadata: { ...running.metadata, annotations: { "kubectl.kubernetes.io/default-container": "side" } },
        };
        assert.equal(containerOf(chosen, undefined), "side");
    });

    it("has the logs of the containers that have begun, in the order in which they ran", () => {
        const status = (name: string, state: object, restartCount = 0) => ({ name, state, restartCount });
        const steps = {
            spec: { initContainers: [{ name: "fetch" }, { name: "tests" }], containers: [{ name: "build" }] },
            status: {
                initContainerStatuses: [status("tests", { running: {} }), status("fetch", { terminated: {} })],
                containerStatuses: [status("build", { waiting: {} })],
            },
        } as unknown as Pod;
        assert.deepEqual(loggedContainers(steps, undefined, false), ["fetch", "tests"]);
        assert.deepEqual(loggedContainers(steps, "tests", false), ["tests"]);
        assert.deepEqual(loggedContainers(steps, undefined, true), []);
        const crashing = {
            spec: { containers: [{ name: "main" }, { name: "side" }] },
            status: { containerStatuses: [status("main", { waiting: {} }, 2), status("side", { running: {} })] },
        } as unknown as Pod;
        assert.deepEqual(loggedContainers(crashing, undefined, false), ["main", "side"]);
        assert.deepEqual(loggedContainers(crashing, undefined, true), ["main"]);
    });
});

describe("a debug session", () => {
    it("runs a Python command as it is, but under debugpy", () => {
        const debugpy = ["-m", "debugpy", "--listen", "127.0.0.1:5678", "--wait-for-client"];
        for (const [before, target] of [
            [["python"], ["-m", "htmengine.model_runner", "--x"]],
            [
                ["/usr/bin/python3.11", "-u"],
                ["/app/main.py", "-v"],
            ],
            [
                ["python2", "-B"],
                ["-c", "print(1)"],
            ],
        ] as const) {
            assert.deepEqual(underDebugger([...before, ...target], 5678), [...before, ...debugpy, ...target]);
        }
        for (const command of [[], ["bash", "-c", "python x.py"], ["python"], ["python", "-V"], ["pythonic", "x.py"]]) {
            assert.equal(underDebugger(command, 5678), undefined, command.join(" "));
        }
    });

    it("takes the debugpy that the image's Python can run", () => {
        assert.equal(debugpyRelease("2.7.18").version, "1.5.1");
        assert.equal(debugpyRelease("3.7.3").version, "1.5.1");
        assert.notEqual(debugpyRelease("3.11.2").version, "1.5.1");
    });

    it("copies a pod with one idle container, out of reach of Services, controllers and probes", () => {
        const main = {
            name: "main",
            image: "app",
            command: ["python", "-m", "app"],
            args: ["--all"],
            env: [{ name: "A" }],
        };
        const probe = { tcpSocket: { port: 80 } };
        const side = { name: "side", image: "proxy", livenessProbe: probe };
        const copy = debugCopy(
            {
                metadata: { name: "shop", namespace: "web", labels: { app: "shop" }, ownerReferences: [{ uid: "1" }] },
                spec: {
                    nodeName: "one",
                    serviceAccountName: "shop",
                    restartPolicy: "Always",
                    containers: [
                        { ...main, livenessProbe: probe, readinessProbe: probe, startupProbe: probe, lifecycle: {} },
                        side,
                    ],
                },
                status: { phase: "Running" },
            },
            "main",
            "shop-debug",
            "python2",
        );
        const [idle] = (copy.spec as { containers: { command: string[] }[] }).containers;
        assert.deepEqual(copy, {
            apiVersion: "v1",
            kind: "Pod",
            metadata: { name: "shop-debug", namespace: "web", labels: { "app.kubernetes.io/managed-by": "nta-debug" } },
            spec: {
                serviceAccountName: "shop",
                restartPolicy: "Never",
                activeDeadlineSeconds: 28800,
                containers: [
                    { ...main, command: ["python2", "-c", idle?.command[2]], args: [] },
                    { name: "side", image: "proxy" },
                ],
            },
        });
        assert.match(idle?.command[2] ?? "", /time\.sleep/);
    });
});
