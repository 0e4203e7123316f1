/** The life of a cluster's machines under Pulumi's real engine: what happens to them behind its back, and what it says. */
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { belongings, clusterStates, docker } from "../../machine/docker";
import { freePort } from "../free-port";
import { MachineUnderTest, ok } from "./machine-under-test";
import { Engine, type Project } from "./plugins-engine";

const root = path.join(__dirname, "../..");

const program = `
    require("ts-node/register/transpile-only");
    const { Cluster } = require(${JSON.stringify(path.join(root, "components/cluster/cluster"))});
    const { Namespace } = require("@pulumi/kubernetes/core/v1");
    const cluster = new Cluster("cluster", JSON.parse(process.env.NTA_TEST_CLUSTER));
    const inCluster = { provider: cluster.provider, deletedWith: cluster.machine };
    new Namespace("kept", { metadata: { name: "kept" } }, inCluster);
`;

describe("a cluster in a stack", function () {
    this.timeout(600_000);

    const machine = new MachineUnderTest(`nta-ltest-${process.pid}`);
    let engine: Engine;
    let project: Project;

    before(async () => {
        await machine.prepare();
        engine = await Engine.create(["command", "kubernetes"]);
        project = await engine.project("life", program);
        // The component's commands are run from the project's folder.
        for (const name of ["machine", "tsconfig.json"]) {
            fs.symlinkSync(path.join(root, name), project.path(name));
        }
    });

    after(async () => {
        await engine.close();
        await machine.remove();
    });

    const env = () => ({
        NTA_STATE: machine.state,
        NTA_TEST_CLUSTER: JSON.stringify(machine.args),
        PULUMI_K8S_DELETE_UNREACHABLE: "true",
    });

    async function changesNothing(): Promise<void> {
        const { changes } = await project.up(env());
        assert.deepEqual(Object.keys(changes), ["same"]);
    }

    it("is made, and then left alone", async () => {
        const { operations } = await project.up(env());
        assert.equal(operations["cluster-machine"], "create");
        await changesNothing();
    });

    it("that was stopped is seen by preview, started by up, and left alone again", async () => {
        await ok(machine.main(["stop", machine.clusterName]));
        assert.deepEqual([...(await clusterStates(machine.clusterName)).values()], ["exited"]);
        const preview = await project.preview(env());
        assert.equal(preview.operations["cluster-machine"], "update");
        assert.match(preview.messages.join("\n"), new RegExp(`the machine ${machine.first} is exited: it is started`));
        assert.deepEqual([...(await clusterStates(machine.clusterName)).values()], ["exited"]);
        const { operations } = await project.up(env());
        assert.equal(operations["cluster-machine"], "update");
        assert.equal(operations.kept, "same");
        assert.match(await machine.kubectl("get", "namespace", "kept"), /Active/);
        await changesNothing();
    });

    it("is started without Pulumi, which then has nothing to do", async () => {
        await ok(machine.main(["stop", machine.clusterName]));
        await ok(machine.main(["start", machine.clusterName]));
        await changesNothing();
    });

    it("says in preview which change restarts a machine", async () => {
        machine.args.memory = 2560;
        const resized = await project.preview(env());
        assert.match(resized.messages.join("\n"), /2560 MiB of memory without a restart/);
        machine.args.apiPort = await freePort();
        const moved = await project.preview(env());
        assert.match(
            moved.messages.join("\n"),
            new RegExp(`${machine.first} is restarted for its ports, with its data`),
        );
        assert.equal(moved.changes.replace, undefined);
        await project.up(env());
        assert.match(await machine.kubectl("get", "namespace", "kept"), /Active/);
        await changesNothing();
    });

    it("of which the first machine was lost with its disk is not silently made anew, and goes at once", async () => {
        await ok(docker(["rm", "--force", machine.first]));
        await ok(docker(["volume", "rm", ...(await belongings(machine.clusterName)).volumes]));
        assert.match(await project.failing("up", env()), /Lost with them are.*npm run up -- --rebuild/s);
        const started = Date.now();
        await project.destroy(env());
        assert.ok(Date.now() - started < 30_000, `${Date.now() - started} ms`);
        assert.deepEqual(await belongings(machine.clusterName), { containers: [], volumes: [], networks: [] });
    });
});
