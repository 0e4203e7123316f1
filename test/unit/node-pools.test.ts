import * as assert from "node:assert/strict";

import { machineSpec } from "../../components/cluster/specification";
import { parseSettings } from "../../components/settings";
import { workloadPod } from "../../components/workloads/container";
import type { ClusterNode } from "../../machine/health";
import { givenAnnotation, labelChanges } from "../../machine/node-labels";
import { changes } from "../../machine/plan";
import { nodeSize, parseMachineSpec } from "../../machine/spec";
import { changedMachines, type VagrantSpec } from "../../machine/vagrantfile";
import { settingsErrorOf } from "./settings-error";

const context = { project: "nta", hostMemory: 16384, readFile: () => "" };

function parsed(pools: object[], others: Record<string, string> = { "nta:nodes": "3" }) {
    return parseSettings({ ...others, "nta:nodePools": JSON.stringify(pools) }, [], context);
}

function problemsOf(pools: object[], others?: Record<string, string>) {
    return settingsErrorOf(() => parsed(pools, others)).problems;
}

const batch = {
    name: "batch",
    nodes: [2, 3],
    cpus: 1,
    memory: 1024,
    labels: { disk: "ssd", "example.com/rack": "a1" },
    roles: ["batch"],
    taints: ["dedicated=batch:NoSchedule"],
};

describe("node pools in the settings", () => {
    it("have defaults for all but their name and nodes", () => {
        const [pool] = parsed([{ name: "batch", nodes: [2] }]).nodePools;
        assert.deepEqual(pool, { name: "batch", nodes: [2], labels: {}, roles: [], taints: [] });
        assert.deepEqual(parsed([batch]).nodePools, [batch]);
    });

    it("may have labels without a value, zones, and figures by `--path`", () => {
        const labels = { spare: "", "topology.kubernetes.io/zone": "b", generation: 3 };
        const [pool] = parsed([{ name: "batch", nodes: [2], labels }]).nodePools;
        assert.deepEqual(pool.labels, { spare: "", "topology.kubernetes.io/zone": "b", generation: "3" });
    });

    const wrong: [what: string, pool: object, key: string, wrong: RegExp, mend: string][] = [
        ["no nodes", {}, "nodes", /is missing/, "write [2] at nodePools[0].nodes in Pulumi.<stack>.yaml"],
        ["an empty list", { nodes: [] }, "nodes", /is an empty list/, "write [2] at"],
        [
            "a node that is none",
            { nodes: [2, 4] },
            "nodes[1]",
            /is no node.*nta:nodes is 3/,
            "pulumi config set --path",
        ],
        ["node 0", { nodes: [0] }, "nodes[0]", /is less than 1/, "pulumi config set --path 'nodePools[0].nodes[0]' 2"],
        ["a node twice", { nodes: [2, 2] }, "nodes[1]", /is a node of the pool a already/, ""],
        [
            "a small control plane",
            { nodes: [1], cpus: 1 },
            "cpus",
            /less than 2, which node 1 needs/,
            "nodePools[0].cpus' 2",
        ],
        ["little memory for it", { nodes: [1], memory: 1024 }, "memory", /less than 2048, which node 1/, ""],
        [
            "much memory",
            { nodes: [2], memory: 20000 },
            "memory",
            /more than the 16384 MiB/,
            "nodePools[0].memory' 2048",
        ],
        ["a taint on node 1", { nodes: [1], taints: ["a:NoSchedule"] }, "taints", /where their volumes are/, ""],
        [
            "a taint without effect",
            { nodes: [2], taints: ["a=b"] },
            "taints[0]",
            /is no taint/,
            "'nodePools[0].taints[0]' dedicated=batch:NoSchedule",
        ],
        [
            "a taint of Kubernetes",
            { nodes: [2], taints: ["node.kubernetes.io/x:NoSchedule"] },
            "taints[0]",
            /belongs to Kubernetes/,
            "",
        ],
        [
            "a bad label",
            { nodes: [2], labels: { "a b": "c" } },
            'labels["a b"]',
            /is no name of a label/,
            "pulumi config rm --path",
        ],
        [
            "a bad value",
            { nodes: [2], labels: { a: "b c" } },
            "labels.a",
            /is no value of a label/,
            "pulumi config rm --path",
        ],
        [
            "a label of Kubernetes",
            { nodes: [2], labels: { "kubernetes.io/os": "x" } },
            'labels["kubernetes.io/os"]',
            /Kubernetes itself/,
            "",
        ],
        ["a label of ours", { nodes: [2], labels: { "nta/pool": "x" } }, 'labels["nta/pool"]', /this program/, ""],
        [
            "a role as label",
            { nodes: [2], labels: { "node-role.kubernetes.io/x": "" } },
            'labels["node-role.kubernetes.io/x"]',
            /by `roles`/,
            "",
        ],
        [
            "Kubernetes' role",
            { nodes: [2], roles: ["control-plane"] },
            "roles[0]",
            /Kubernetes' own role/,
            "'nodePools[0].roles[0]' batch",
        ],
        [
            "an unknown field",
            { nodes: [2], label: {} },
            "label",
            /is no field/,
            "pulumi config rm --path 'nodePools[0].label'",
        ],
    ];
    for (const [what, pool, key, message, mend] of wrong) {
        it(`refuse ${what}`, () => {
            const [problem, ...more] = problemsOf([{ name: "a", ...pool }]);
            assert.deepEqual(more, []);
            assert.equal(problem.key, `nta:nodePools[0].${key}`);
            assert.match(problem.wrong, message);
            assert.ok(problem.mend.includes(mend), problem.mend);
        });
    }

    it("refuse a node in two of them", () => {
        const [problem] = problemsOf([batch, { name: "other", nodes: [3] }]);
        assert.equal(problem.key, "nta:nodePools[1].nodes[0]");
        assert.match(problem.wrong, /is a node of the pool batch already/);
    });

    it("count for the memory of all", () => {
        const pools = [{ name: "large", nodes: [2], memory: 10240 }];
        const [problem] = problemsOf(pools, { "nta:nodes": "3" });
        assert.equal(problem.key, "nta:memory");
        assert.match(problem.wrong, /makes 18432 MiB for all 3 nodes/);
        assert.equal(problem.mend, "pulumi config set memory 2304");
        parsed(pools, { "nta:nodes": "3", "nta:memory": "2304" });
    });

    it("are no business of a cluster that exists", () => {
        const [problem] = problemsOf([batch], {
            "nta:cluster": "existing",
            "nta:registry": "r.io",
            "nta:kubeContext": "x",
        });
        assert.equal(problem.key, "nta:nodePools");
        assert.match(problem.wrong, /cluster is existing/);
    });
});

const args = {
    clusterName: "nta-test",
    provider: "docker" as const,
    nodes: 3,
    cpus: 4,
    memory: 4096,
    disk: 20,
    apiPort: 6443,
    registryPort: 5000,
    forwardedPorts: [],
    hostAddress: "127.0.0.1",
    podRange: "10.244.0.0/16",
    serviceRange: "10.100.0.0/16",
    volumes: [],
};

describe("node pools of machines", () => {
    it("are sizes, labels and taints of their nodes, and leave the others and all documents as they were", () => {
        const plain = parseMachineSpec(machineSpec(args));
        const spec = parseMachineSpec(machineSpec({ ...args, nodePools: [batch] }));
        const own = {
            cpus: 1,
            memory: 1024,
            labels: {
                "nta/pool": "batch",
                "node-role.kubernetes.io/batch": "",
                disk: "ssd",
                "example.com/rack": "a1",
            },
            taints: ["dedicated=batch:NoSchedule"],
        };
        assert.deepEqual(spec, {
            ...plain,
            nodes: plain.nodes.map((node, index) => (index === 0 ? node : { ...node, ...own })),
        });
        assert.deepEqual(
            spec.nodes.map((node) => nodeSize(spec, node)),
            [
                { cpus: 4, memory: 4096 },
                { cpus: 1, memory: 1024 },
                { cpus: 1, memory: 1024 },
            ],
        );
    });

    it("are told by preview: sizes by how they come, labels and taints that come and go", () => {
        const of = (...nodePools: (typeof batch)[]) => parseMachineSpec(machineSpec({ ...args, nodes: 2, nodePools }));
        const pool = { ...batch, nodes: [2] };
        assert.deepEqual(changes(of(), of(pool), "docker"), [
            "nta-test-2 gets 1 CPUs and 1024 MiB of memory without a restart",
            "nta-test-2 gets label nta/pool=batch, label node-role.kubernetes.io/batch, label disk=ssd, " +
                "label example.com/rack=a1, taint dedicated=batch:NoSchedule",
        ]);
        assert.deepEqual(
            changes(of(pool), of({ ...pool, labels: { ...pool.labels, disk: "hdd" }, taints: [] }), "docker"),
            ["nta-test-2 gets label disk=hdd, and loses taint dedicated=batch:NoSchedule"],
        );
        assert.deepEqual(changes(of(pool), of({ ...pool, memory: 2048 }), "libvirt"), [
            "nta-test-2 is restarted for its size: what runs on it is away for a minute",
        ]);
        assert.deepEqual(changes(of(pool), of(pool), "libvirt"), []);
    });

    it("restart the virtual machine that has another size, and no other", () => {
        const node = (name: string) => ({ name, ports: [] });
        const before: VagrantSpec = {
            provider: "libvirt",
            clusterName: "c",
            hostAddress: "127.0.0.1",
            cpus: 2,
            memory: 2048,
            nodes: [node("c-1"), node("c-2"), node("c-3")],
        };
        const [one, two] = before.nodes;
        assert.deepEqual(changedMachines(before, { ...before, nodes: [one, { ...two, memory: 4096 }, node("c-4")] }), [
            "c-2",
        ]);
        assert.deepEqual(changedMachines(before, { ...before, disk: 40, box: "other", boxUrl: "/other.box" }), []);
        assert.deepEqual(changedMachines(before, { ...before, memory: 4096 }), ["c-1", "c-2", "c-3"]);
        assert.deepEqual(changedMachines(before, JSON.parse(JSON.stringify(before)) as VagrantSpec), []);
    });
});

describe("labels and taints of a node", () => {
    const node = (change: Partial<ClusterNode> = {}): ClusterNode => ({
        name: "b",
        ready: true,
        annotations: {},
        labels: { "kubernetes.io/os": "linux", mine: "1" },
        version: "1.34.4",
        schedulable: true,
        taints: [],
        ...change,
    });
    const wanted = { labels: { disk: "ssd" }, taints: ["dedicated=batch:NoSchedule"] };
    const record = JSON.stringify(wanted);
    const settled = node({
        labels: { ...node().labels, disk: "ssd" },
        taints: ["dedicated=batch:NoSchedule", "theirs:NoExecute"],
        annotations: { [givenAnnotation]: record },
    });
    const patch = (labels: object, annotation: string | null) => ({
        command: "patch node b --type=merge --patch-file=/dev/stdin",
        input: JSON.stringify({ metadata: { labels, annotations: { [givenAnnotation]: annotation } } }),
    });

    it("are none of our business where the settings give none", () => {
        assert.deepEqual(labelChanges(node({ taints: ["x:NoSchedule"] }), {}), []);
    });

    it("are set, and then left alone", () => {
        assert.deepEqual(labelChanges(node(), wanted), [
            patch({ disk: "ssd" }, record),
            { command: "taint --overwrite node b dedicated=batch:NoSchedule" },
        ]);
        assert.deepEqual(labelChanges(settled, wanted), []);
    });

    it("are set again when somebody has changed them, or a run was cut short", () => {
        assert.deepEqual(labelChanges({ ...settled, labels: { disk: "hdd" } }, wanted), [
            patch({ disk: "ssd" }, record),
        ]);
        assert.deepEqual(labelChanges({ ...settled, taints: [] }, wanted), [
            { command: "taint --overwrite node b dedicated=batch:NoSchedule" },
        ]);
    });

    it("go when the settings lose them, and others' stay", () => {
        assert.deepEqual(labelChanges(settled, {}), [
            { command: "taint node b dedicated:NoSchedule-" },
            patch({ disk: null }, null),
        ]);
        const other = { labels: { zone: "b" }, taints: ["dedicated=web:NoSchedule"] };
        assert.deepEqual(labelChanges(settled, other), [
            patch({ disk: null, zone: "b" }, JSON.stringify(other)),
            { command: "taint --overwrite node b dedicated=web:NoSchedule" },
        ]);
    });
});

describe("the nodes of a workload", () => {
    it("are those with its labels, and tainted ones that it tolerates", () => {
        const { nodeSelector, tolerations } = workloadPod([], {
            nodeSelector: { "nta/pool": "batch" },
            tolerations: ["dedicated=batch:NoSchedule", "spare:NoExecute"],
        });
        assert.deepEqual(nodeSelector, { "nta/pool": "batch" });
        assert.deepEqual(tolerations, [
            { key: "dedicated", operator: "Equal", value: "batch", effect: "NoSchedule" },
            { key: "spare", operator: "Exists", effect: "NoExecute" },
        ]);
        assert.deepEqual(Object.keys(workloadPod([])).sort(), [
            "automountServiceAccountToken",
            "containers",
            "enableServiceLinks",
            "securityContext",
        ]);
    });

    it("are given in the settings of jobs that may run on any node", () => {
        const placement = { nodeSelector: { "nta/pool": "batch" }, tolerations: ["dedicated=batch:NoSchedule"] };
        const jobs = [
            { kind: "batch", name: "a", image: "htmengine", command: ["true"], ...placement },
            { kind: "static-files", name: "b", folder: "docs", ...placement },
        ];
        const { jobs: read } = parseSettings({ "nta:jobs": JSON.stringify(jobs) }, [], context);
        for (const one of read) {
            assert.ok(one.kind !== "ci-build");
            const { nodeSelector, tolerations } = one;
            assert.deepEqual({ nodeSelector, tolerations }, placement);
        }
    });
});
