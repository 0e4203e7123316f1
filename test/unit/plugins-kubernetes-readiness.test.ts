import * as assert from "node:assert/strict";

import { parseType } from "../../plugins/kubernetes/kinds";
import { JsonObject, KubernetesObject } from "../../plugins/kubernetes/object";
import { containerProblems, podProblem } from "../../plugins/kubernetes/pods";
import type { Observation, Verdict } from "../../plugins/kubernetes/readiness/readiness";
import { readinessOf } from "../../plugins/kubernetes/readiness/rules";
import { selectorText } from "../../plugins/kubernetes/readiness/selector";
import { parseWaitFor } from "../../plugins/kubernetes/readiness/wait-for";

describe("kubernetes plugin: readiness", () => {
    const evaluate = (
        token: string,
        live: KubernetesObject,
        observation: Partial<Observation> = {},
    ): Pick<Verdict, "ready" | "failure"> => {
        const { ready, failure } = readinessOf(parseType(`kubernetes:${token}`))?.evaluate({
            live,
            related: {},
            settled: () => Infinity,
            waited: 0,
            ...observation,
        }) ?? { ready: true };
        return failure === undefined ? { ready } : { ready, failure };
    };
    const yes = { ready: true };
    const no = { ready: false };
    const status = (type: string, value = "True", more: JsonObject = {}): JsonObject => ({
        type,
        status: value,
        ...more,
    });

    it("of pods", () => {
        assert.deepEqual(evaluate("core/v1:Pod", { status: { conditions: [status("Ready")] } }), yes);
        assert.deepEqual(evaluate("core/v1:Pod", { status: { phase: "Succeeded" } }), yes);
        assert.deepEqual(evaluate("core/v1:Pod", { status: { phase: "Pending" } }), no);
        const failed = evaluate("core/v1:Pod", {
            metadata: { name: "p" },
            status: { phase: "Failed", reason: "Evicted" },
        });
        assert.deepEqual(failed, { ready: false, failure: "Pod p: failed [Evicted]" });
    });

    it("of controllers of pods", () => {
        const rc = (replicas: number | undefined, available: number | undefined, observed = 2): KubernetesObject => ({
            metadata: { generation: 2 },
            spec: { replicas },
            status: { availableReplicas: available, observedGeneration: observed },
        });
        for (const token of ["core/v1:ReplicationController", "apps/v1:ReplicaSet"]) {
            assert.deepEqual(evaluate(token, rc(2, 2)), yes);
            assert.deepEqual(evaluate(token, rc(2, 1)), no);
            assert.deepEqual(evaluate(token, rc(0, undefined)), yes);
            assert.deepEqual(evaluate(token, rc(undefined, 1)), yes);
            assert.deepEqual(evaluate(token, rc(2, 2, 1)), no);
        }
        const set = (changes: JsonObject, generation = 1): KubernetesObject => ({
            metadata: { generation },
            spec: { replicas: 2 },
            status: {
                observedGeneration: generation,
                replicas: 2,
                readyReplicas: 2,
                currentReplicas: 2,
                currentRevision: "a",
                updateRevision: "a",
                ...changes,
            },
        });
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({})), yes);
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({ readyReplicas: 1 })), no);
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({ updateRevision: "b" }, 2)), no);
        assert.deepEqual(evaluate("apps/v1:StatefulSet", set({ observedGeneration: 0 })), no);
        const deployment = (changes: JsonObject): KubernetesObject => ({
            metadata: { generation: 3 },
            spec: { replicas: 2 },
            status: {
                observedGeneration: 3,
                replicas: 2,
                updatedReplicas: 2,
                availableReplicas: 2,
                conditions: [status("Available"), status("Progressing")],
                ...changes,
            },
        });
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({})), yes);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ updatedReplicas: 1 })), no);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ replicas: 3 })), no);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ availableReplicas: 1 })), no);
        assert.deepEqual(evaluate("apps/v1:Deployment", deployment({ observedGeneration: 2 })), no);
        const daemons = (changes: JsonObject): KubernetesObject => ({
            metadata: { generation: 1 },
            status: {
                observedGeneration: 1,
                desiredNumberScheduled: 1,
                currentNumberScheduled: 1,
                updatedNumberScheduled: 1,
                numberAvailable: 1,
                numberReady: 1,
                ...changes,
            },
        });
        assert.deepEqual(evaluate("apps/v1:DaemonSet", daemons({})), yes);
        assert.deepEqual(evaluate("apps/v1:DaemonSet", daemons({ updatedNumberScheduled: 0 })), no);
        assert.deepEqual(evaluate("apps/v1:DaemonSet", { metadata: { generation: 1 }, status: {} }), no);
    });

    it("of jobs", () => {
        assert.deepEqual(evaluate("batch/v1:Job", { status: { conditions: [status("Complete")] } }), yes);
        assert.deepEqual(evaluate("batch/v1:Job", { status: { active: 1 } }), no);
        const failed = status("Failed", "True", { reason: "BackoffLimitExceeded", message: "too often" });
        assert.deepEqual(evaluate("batch/v1:Job", { status: { conditions: [failed] } }), {
            ready: false,
            failure: "[BackoffLimitExceeded] too often",
        });
    });

    it("of services", () => {
        const service = (spec: JsonObject, more: JsonObject = {}): KubernetesObject => ({ spec, ...more });
        const selected = service({ clusterIP: "10.0.0.1", selector: { a: "b" } });
        const slice = (...ready: boolean[]): KubernetesObject => ({
            endpoints: ready.map((value) => ({ conditions: { ready: value } })),
        });
        const at = (live: KubernetesObject, slices: KubernetesObject[], settled: number) =>
            evaluate("core/v1:Service", live, { related: { slices }, settled: () => settled });
        assert.deepEqual(at(selected, [], 60_000), no);
        assert.deepEqual(at(selected, [slice(true)], 100), no);
        assert.deepEqual(at(selected, [slice(true)], 500), yes);
        assert.deepEqual(at(selected, [slice(true, false)], 60_000), no);
        assert.deepEqual(at(selected, [slice()], 500), no);
        assert.deepEqual(at(selected, [slice()], 3000), yes);
        const leaving = { endpoints: [{ conditions: { ready: false, terminating: true } }] };
        assert.deepEqual(at(selected, [slice(true), leaving], 500), yes);
        assert.deepEqual(at(service({ clusterIP: "None", selector: { a: "b" } }), [], 0), yes);
        assert.deepEqual(at(service({ type: "ExternalName" }), [], 0), yes);
        assert.deepEqual(at(service({ clusterIP: "10.0.0.1" }), [], 0), yes);
        assert.deepEqual(at(service({ type: "LoadBalancer" }), [], 0), no);
        const balanced = service(
            { type: "LoadBalancer" },
            { status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } } },
        );
        assert.deepEqual(at(balanced, [], 0), yes);
    });

    it("of volumes and claims", () => {
        const pvc = (phase: string): KubernetesObject => ({ spec: { storageClassName: "c" }, status: { phase } });
        const late = { related: { classes: [{ volumeBindingMode: "WaitForFirstConsumer" }] } };
        assert.deepEqual(evaluate("core/v1:PersistentVolumeClaim", pvc("Bound"), { related: { classes: [] } }), yes);
        assert.deepEqual(evaluate("core/v1:PersistentVolumeClaim", pvc("Pending"), { related: { classes: [] } }), no);
        assert.deepEqual(evaluate("core/v1:PersistentVolumeClaim", pvc("Pending"), late), yes);
        assert.deepEqual(evaluate("core/v1:PersistentVolume", { status: { phase: "Available" } }), yes);
        assert.deepEqual(evaluate("core/v1:PersistentVolume", { status: { phase: "Pending" } }), no);
    });

    it("of the rest", () => {
        assert.deepEqual(evaluate("core/v1:ConfigMap", {}), yes);
        assert.deepEqual(evaluate("batch/v1:CronJob", {}), yes);
        assert.deepEqual(evaluate("core/v1:Namespace", { status: { phase: "Active" } }), yes);
        assert.deepEqual(evaluate("core/v1:Namespace", { status: { phase: "Terminating" } }), no);
        assert.deepEqual(evaluate("core/v1:Secret", { type: "Opaque" }), yes);
        assert.deepEqual(evaluate("core/v1:Secret", { type: "kubernetes.io/service-account-token" }), no);
        const quota = (hard: JsonObject): KubernetesObject => ({
            spec: { hard: { cpu: "1", pods: 2 } },
            status: { hard },
        });
        assert.deepEqual(evaluate("core/v1:ResourceQuota", quota({ cpu: "1000m", pods: "2" })), yes);
        assert.deepEqual(evaluate("core/v1:ResourceQuota", quota({})), no);
        const definition = { status: { conditions: [status("Established")] } };
        assert.deepEqual(evaluate("apiextensions.k8s.io/v1:CustomResourceDefinition", definition), yes);
        const ingress: KubernetesObject = {
            spec: { rules: [{ http: { paths: [{ backend: { service: { name: "web" } } }] } }] },
            status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
        };
        const slices = [{ metadata: { labels: { "kubernetes.io/service-name": "web" } } }];
        const at = (related: Observation["related"], waited: number) =>
            evaluate("networking.k8s.io/v1:Ingress", ingress, { related, waited });
        assert.deepEqual(at({ slices, services: [] }, 0), yes);
        assert.deepEqual(at({ slices: [], services: [] }, 0), no);
        assert.deepEqual(at({ slices: [], services: [] }, 60_000), yes);
    });

    it("of what an annotation asks for", () => {
        const at = (text: string, live: KubernetesObject): boolean =>
            parseWaitFor(text).evaluate({ live, related: {}, settled: () => 0, waited: 0 }).ready;
        const live: KubernetesObject = {
            status: { phase: "Up", count: 3, conditions: [status("Synced"), status("Bad", "False")] },
        };
        assert.equal(at("condition=Synced", live), true);
        assert.equal(at("condition=bad", live), false);
        assert.equal(at("condition=Bad=False", live), true);
        assert.equal(at("jsonpath={.status.phase}=Up", live), true);
        assert.equal(at("jsonpath={.status.count}=4", live), false);
        assert.equal(at("jsonpath={.status.conditions[0].type}", live), true);
        assert.equal(at('["condition=Synced", "jsonpath={.status.none}"]', live), false);
        assert.throws(() => parseWaitFor("phase=Up"), /neither condition=/);
        assert.throws(() => parseWaitFor("[]"), /at least one/);
    });

    it("with selectors as the API takes them", () => {
        assert.equal(selectorText({ app: "a", b: "c" }), "app=a,b=c");
        assert.equal(
            selectorText({
                matchLabels: { a: "b" },
                matchExpressions: [
                    { key: "k", operator: "In", values: ["1", "2"] },
                    { key: "l", operator: "DoesNotExist" },
                    { key: "m", operator: "Exists" },
                ],
            }),
            "a=b,k in (1,2),!l,m",
        );
    });

    it("explains what is wrong with a pod", () => {
        const pod = (containerStatus: JsonObject): KubernetesObject => ({
            metadata: { name: "p", namespace: "n" },
            status: { phase: "Running", containerStatuses: [{ name: "c", ready: false, ...containerStatus }] },
        });
        const crashed = pod({
            restartCount: 3,
            state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 40s" } },
            lastState: { terminated: { exitCode: 1, reason: "Error", finishedAt: "x", message: "boom\n" } },
        });
        assert.equal(
            podProblem(crashed),
            "Pod n/p: container c: [CrashLoopBackOff] back-off 40s; last ended with exit code 1: boom",
        );
        assert.deepEqual(containerProblems(crashed)[0]?.logs, { previous: true });
        assert.equal(podProblem(pod({ state: { waiting: { reason: "ContainerCreating" } } })), undefined);
        const killed = pod({ state: { terminated: { exitCode: 137, reason: "OOMKilled", finishedAt: "x" } } });
        assert.equal(podProblem(killed), "Pod n/p: container c: [OOMKilled] OOMKilled (exit code 137)");
        const late = pod({ state: { terminated: { exitCode: 143, reason: "Error", finishedAt: "x" } } });
        late.status = {
            ...(late.status as JsonObject),
            phase: "Failed",
            reason: "DeadlineExceeded",
            message: "too long",
        };
        assert.equal(
            podProblem(late),
            "Pod n/p: failed [DeadlineExceeded] too long; container c: [Error] exit code 143",
        );
        const waiting = {
            metadata: { name: "p" },
            status: {
                conditions: [status("PodScheduled", "False", { reason: "Unschedulable", message: "0/1 nodes" })],
            },
        };
        assert.equal(podProblem(waiting), "Pod p: [Unschedulable] 0/1 nodes");
        assert.equal(podProblem({ status: { conditions: [status("Ready")] } }), undefined);
    });
});
