import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { stateInWords } from "../../machine/clusters";
import { MachineFolder } from "../../machine/folder";
import { changes, plan } from "../../machine/plan";
import type { MachineSpec } from "../../machine/spec";
import { machineSpec } from "./machine-spec";

const spec = (change: Partial<MachineSpec> = {}, nodes = 2) => machineSpec(change, nodes);

describe("a changed specification", () => {
    it("is nothing to announce when it is the same", () => {
        assert.deepEqual(changes(spec(), spec(), "docker"), []);
    });

    it("tells what happens to each machine", () => {
        const ports = [{ name: "api", host: 7443, guest: 6443 }];
        const other = spec().nodes.map((node) => ({ ...node, metaData: "instance-id: b\n" }));
        for (const [next, provider, expected] of [
            [spec({ ports }), "docker", ["nta-test-1 is restarted for its ports"]],
            [
                spec({ nodes: other }),
                "docker",
                ["nta-test-1 is restarted for its cloud", "nta-test-2 is restarted for its cloud"],
            ],
            [
                spec({ memory: 4096 }),
                "docker",
                ["nta-test-1 gets 2 CPUs and 4096 MiB", "nta-test-2 gets 2 CPUs and 4096 MiB"],
            ],
            [
                spec({ cpus: 4 }),
                "libvirt",
                ["nta-test-1 is restarted for its size", "nta-test-2 is restarted for its size"],
            ],
            [spec({ disk: 2 }), "libvirt", ["another disk is for machines that are made from now on"]],
            [spec({}, 3), "docker", ["nta-test-3 is new: it joins"]],
            [spec({}, 1), "docker", ["nta-test-2 is drained and removed"]],
        ] as const) {
            const told = changes(spec(), next, provider);
            assert.deepEqual(
                told.map((line, index) => line.slice(0, expected[index]?.length)),
                expected,
            );
        }
    });
});

describe("machines that are not as they were left", () => {
    let directory: string;
    const before = { NTA_STATE: process.env.NTA_STATE, PATH: process.env.PATH };

    beforeEach(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-plan-"));
        process.env.NTA_STATE = directory;
        process.env.PATH = `${directory}:${before.PATH}`;
        const folder = new MachineFolder("nta-test");
        folder.remember({ provider: "docker", repairs: 3 });
        folder.specification = spec();
    });
    afterEach(() => {
        fs.rmSync(directory, { recursive: true });
        Object.assign(process.env, before);
        if (before.NTA_STATE === undefined) {
            delete process.env.NTA_STATE;
        }
    });

    /** A `docker` that knows these containers. */
    function containers(lines: string): void {
        fs.writeFileSync(
            path.join(directory, "docker"),
            `#!/bin/sh\ncase $1 in version) echo 20.10 ;; ps) printf '${lines}' ;; esac\n`,
            { mode: 0o755 },
        );
    }

    it("are no difference for the engine while all of them run", async () => {
        containers("nta-test-1 running\\nnta-test-2 running\\n");
        assert.deepEqual(await plan(spec()), { repairs: 3, problems: [], changes: [] });
    });

    it("are one, each time anew, when one is stopped or gone, or a run on them did not end", async () => {
        containers("nta-test-1 exited\\n");
        assert.deepEqual(await plan(spec()), {
            repairs: 4,
            problems: [
                "the machine nta-test-1 is exited: it is started",
                "the machine nta-test-2 is gone: another one takes its place",
            ],
            changes: [],
        });
        containers("nta-test-1 running\\nnta-test-2 running\\n");
        new MachineFolder("nta-test").remember({ unfinished: true });
        assert.equal((await plan(spec())).repairs, 4);
    });

    it("are not looked for before there are any", async () => {
        containers("");
        assert.deepEqual(await plan({ ...spec(), clusterName: "nta-other" }), { problems: [], changes: [] });
    });

    it("are summed up in a few words", () => {
        assert.equal(stateInWords({ a: "running", b: "running" }), "running");
        assert.equal(stateInWords({ a: "running", b: "exited" }), "1 of 2 running");
        assert.equal(stateInWords({ a: "exited" }), "exited");
        assert.equal(stateInWords({}), "gone");
    });
});
