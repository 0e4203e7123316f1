import * as assert from "node:assert/strict";

import { parse } from "yaml";

import { Cluster, ClusterArgs } from "../../components/cluster/cluster";
import { parseEndpointSpec, parseMachineSpec, parsePoolSpec } from "../../machine/spec";
import { MockRun, runProgram, SecretValue } from "../../tools/preview-diff/mock-engine";

const command = "command:local:Command";

function clusterArgs(change: Partial<ClusterArgs> = {}): ClusterArgs {
    return {
        clusterName: "nta-test",
        provider: "auto",
        nodes: 1,
        cpus: 2,
        memory: 4096,
        disk: 20,
        apiPort: 6443,
        registryPort: 5000,
        forwardedPorts: [{ name: "taurus-https", host: 443, guest: 30443, setting: "taurus.httpsPort" }],
        hostAddress: "127.0.0.1",
        podRange: "10.244.0.0/16",
        serviceRange: "10.100.0.0/16",
        volumes: ["mysql"],
        ...change,
    };
}

function run(change: Partial<ClusterArgs> = {}, preview = false): Promise<MockRun> {
    return runProgram(
        () => {
            const cluster = new Cluster("cluster", clusterArgs(change));
            return { kubeconfig: cluster.kubeconfig, registry: cluster.registry, nodes: cluster.nodes };
        },
        {
            preview,
            provide: preview
                ? undefined
                : ({ type, name, inputs }) => (type === command ? { ...inputs, stdout: `stdout of ${name}` } : inputs),
        },
    );
}

describe("cluster component", function () {
    // Loading @pulumi/kubernetes takes seconds on a busy machine.
    this.timeout(60_000);

    it("gives the machine's command a specification that it takes, and one word for each part of its life", async () => {
        const { inputs } = (await run()).find(command, "cluster-machine");
        const main = "node --require ts-node/register/transpile-only machine/main.ts";
        assert.equal(inputs["create"], `${main} up`);
        assert.equal(inputs["update"], `${main} update`);
        assert.equal(inputs["delete"], `${main} destroy nta-test`);
        const spec = parseMachineSpec(parse(inputs["stdin"] as string));
        assert.deepEqual(spec.ports, [
            { name: "api", host: 6443, guest: 6443, setting: "apiPort" },
            { name: "registry", host: 5000, guest: 5000, setting: "registryPort" },
            { name: "taurus-https", host: 443, guest: 30443, setting: "taurus.httpsPort" },
        ]);
        assert.deepEqual(
            spec.nodes.map((node) => node.name),
            ["nta-test-1"],
        );
        assert.match(spec.nodes[0].userData, /^#cloud-config\n/);
    });

    it("replaces the machine for another cluster's name only", async () => {
        const triggers = async (change: Partial<ClusterArgs>) =>
            (await run(change)).find(command, "cluster-machine").inputs["triggers"];
        const before = await triggers({});
        assert.deepEqual(
            await triggers({ memory: 8192, cpus: 8, disk: 40, apiPort: 7443, volumes: [], nodes: 2 }),
            before,
        );
        assert.notDeepEqual(await triggers({ clusterName: "nta-other" }), before);
    });

    it("keeps the kubeconfig's command as it is when the machine changes, and its output secret", async () => {
        const kubeconfigOf = async (change: Partial<ClusterArgs>) =>
            (await run(change)).find(command, "cluster-kubeconfig").inputs;
        const inputs = await kubeconfigOf({});
        assert.deepEqual(await kubeconfigOf({ memory: 8192, volumes: ["other"], forwardedPorts: [] }), inputs);
        assert.notDeepEqual(await kubeconfigOf({ apiPort: 7443 }), inputs);
        assert.equal(inputs["logging"], "none");
        assert.equal(inputs["addPreviousOutputInEnv"], false);
        assert.equal(parseEndpointSpec(parse(inputs["stdin"] as string)).apiPort, 6443);
        const { outputs } = await run();
        assert.deepEqual(outputs["kubeconfig"], new SecretValue("stdout of cluster-kubeconfig"));
    });

    it("has a provider whose identity outlives any kubeconfig, and lets it go with the machine", async () => {
        const result = await run();
        const provider = result.find("pulumi:providers:kubernetes", "cluster-provider");
        const machine = result.find(command, "cluster-machine");
        assert.equal(provider.inputs["clusterIdentifier"], "nta-test");
        assert.deepEqual(provider.inputs["kubeconfig"], new SecretValue("stdout of cluster-kubeconfig"));
        assert.equal(provider.deletedWith, machine.urn);
        assert.equal(result.find(command, "cluster-kubeconfig").deletedWith, machine.urn);
    });

    it("knows the registry and the nodes in preview", async () => {
        const { outputs } = await run({ registryPort: 5001 }, true);
        assert.equal(outputs["registry"], "localhost:5001");
        assert.deepEqual(outputs["nodes"], ["nta-test-1"]);
    });

    it("asks for the addresses of its network when they are wanted, and again for more machines", async () => {
        assert.deepEqual(
            (await run()).all(command).map(({ name }) => name),
            ["cluster-machine", "cluster-kubeconfig"],
        );
        const poolOf = async (change: Partial<ClusterArgs>, wanted?: string) => {
            const { find, outputs } = await runProgram(
                () => ({ pool: new Cluster("cluster", clusterArgs(change)).addressPool(wanted) }),
                { provide: ({ inputs, name }) => ({ ...inputs, stdout: `stdout of ${name}` }) },
            );
            assert.equal(outputs["pool"], "stdout of cluster-address-pool");
            const pool = find(command, "cluster-address-pool");
            assert.equal(pool.deletedWith, find(command, "cluster-machine").urn);
            return parsePoolSpec(parse(pool.inputs["stdin"] as string));
        };
        assert.deepEqual(await poolOf({}), { clusterName: "nta-test", nodes: ["nta-test-1"] });
        assert.deepEqual(await poolOf({ nodes: 2 }, "10.0.0.5-10.0.0.9"), {
            clusterName: "nta-test",
            nodes: ["nta-test-1", "nta-test-2"],
            pool: "10.0.0.5-10.0.0.9",
        });
    });

    it("makes each node's documents and no secret for nodes that join", async () => {
        const { inputs } = (await run({ nodes: 2 })).find(command, "cluster-machine");
        const { nodes } = parseMachineSpec(parse(inputs["stdin"] as string));
        assert.deepEqual(
            nodes.map((node) => node.name),
            ["nta-test-1", "nta-test-2"],
        );
        assert.match(nodes[1].userData, /kind: JoinConfiguration/);
        const [one] = parseMachineSpec(
            parse((await run()).find(command, "cluster-machine").inputs["stdin"] as string),
        ).nodes;
        assert.deepEqual(nodes[0], one);
    });
});
