import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { stateInWords } from "../../machine/clusters";
import { MachineFolder } from "../../machine/folder";
import { growDisk } from "../../machine/libvirt";
import { changes, plan } from "../../machine/plan";
import type { MachineSpec } from "../../machine/spec";
import { setVariables } from "../environment";
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
            [spec({ disk: 2 }), "docker", ["another disk is for machines that are made from now on"]],
            [spec({ disk: 2 }), "libvirt", ["disks grow from 1 to 2 GiB without a restart"]],
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

describe("a virtual machine's disk", () => {
    let directory: string;
    let restore: () => void;

    beforeEach(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-disk-"));
        restore = setVariables({ PATH: `${directory}:${process.env.PATH}` });
    });
    afterEach(() => {
        fs.rmSync(directory, { recursive: true });
        restore();
    });

    /** A `virsh` that says this of disks, and the sizes that disks were given. */
    async function grow(said: string): Promise<string[]> {
        const script = `case "$*" in *domblkinfo*) printf '${said}' ;; *blockresize*) echo "$*" >>${directory}/done ;; esac`;
        fs.writeFileSync(path.join(directory, "virsh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        const grown = await growDisk("nta-test-1", 2);
        const done = path.join(directory, "done");
        const sizes = fs.existsSync(done) ? fs.readFileSync(done, "utf8").trim().split("\n") : [];
        assert.equal(grown, sizes.length > 0);
        return sizes.map((line) => line.replace(/^.*blockresize /, ""));
    }

    it("grows, and never gets smaller, whatever is known of its size", async () => {
        assert.deepEqual(await grow("Capacity:       2147483648\\n"), []);
        assert.deepEqual(await grow("Capacity:       4294967296\\n"), []);
        await assert.rejects(grow("Capacity: much\\n"), /does not tell the size of its disk: Capacity: much/);
        assert.ok(!fs.existsSync(path.join(directory, "done")));
        assert.deepEqual(await grow("Capacity:       1073741824\\n"), ["nta-test-1 vda 2G"]);
    });
});

describe("machines that are not as they were left", () => {
    let directory: string;
    let restore: () => void;

    beforeEach(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-plan-"));
        restore = setVariables({ NTA_STATE: directory, PATH: `${directory}:${process.env.PATH}` });
        const folder = new MachineFolder("nta-test");
        folder.remember({ provider: "docker", repairs: 3 });
        folder.specification = spec();
    });
    afterEach(() => {
        fs.rmSync(directory, { recursive: true });
        restore();
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

    it("are found by libvirt's words where they are virtual machines", async () => {
        const folder = new MachineFolder("nta-test");
        folder.remember({ provider: "libvirt" });
        const virsh = (script: string) =>
            fs.writeFileSync(path.join(directory, "virsh"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
        const list = (lines: string) => virsh(`case "$*" in *list*) printf '${lines}' ;; esac`);
        list(" 7    nta-test-1   running\\n 8    nta-test-2   running\\n -    other        shut off\\n");
        assert.deepEqual((await plan(spec())).problems, []);
        list(" 7    nta-test-1   running\\n -    nta-test-2   shut off\\n");
        assert.deepEqual((await plan(spec())).problems, ["the machine nta-test-2 is shut off: it is started"]);
        list("");
        assert.deepEqual(await plan(spec()), {
            repairs: 4,
            problems: [
                "the machine nta-test-1 is gone: its data is lost with its disk, and `pulumi up` will say what to do",
                "the machine nta-test-2 is gone: another one takes its place",
            ],
            changes: [],
        });
        virsh("echo 'error: failed to connect to the hypervisor' >&2; exit 1");
        assert.deepEqual((await plan(spec())).problems, [
            "libvirt does not answer (error: failed to connect to the hypervisor)",
        ]);
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
