import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { MachineFolder } from "../../machine/folder";
import { vagrant } from "../../machine/vagrant";
import { VagrantSpec, writeVagrantfile } from "../../machine/vagrantfile";

const nodes = [
    {
        name: "nta-test-1",
        ports: [{ name: "api", host: 46443, guest: 6443 }],
        image: "nta-node:none",
        createArgs: ["--cpus", "1"],
        volumes: ["nta-test-1-etcd:/var/lib/etcd"],
        iso: "/nowhere/nta-test-1.iso",
    },
];
const spec: VagrantSpec = { provider: "docker", clusterName: "nta-test", hostAddress: "127.0.0.1", nodes };

describe("Vagrantfile", function () {
    this.timeout(120_000);

    let folder: MachineFolder;
    let directory: string;
    const before = { NTA_STATE: process.env.NTA_STATE, VAGRANT_HOME: process.env.VAGRANT_HOME };

    beforeEach(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-vagrant-"));
        process.env.NTA_STATE = path.join(directory, "state");
        process.env.VAGRANT_HOME = path.join(directory, "vagrant");
        folder = new MachineFolder("nta-test");
        folder.create();
    });
    afterEach(() => {
        for (const [name, value] of Object.entries(before)) {
            if (value === undefined) {
                delete process.env[name];
            } else {
                process.env[name] = value;
            }
        }
        fs.rmSync(directory, { recursive: true });
    });

    it("is valid for Docker, and its machine is not there yet", async () => {
        writeVagrantfile(folder, spec);
        const validated = await vagrant(folder, ["validate"]);
        assert.equal(validated.code, 0, validated.stdout + validated.stderr);
        const { stdout } = await vagrant(folder, ["status", "--machine-readable"]);
        assert.match(stdout, /,nta-test-1,provider-name,docker/);
        assert.match(stdout, /,nta-test-1,state,not_created/);
    });

    it("is valid for virtual machines, as far as can be told without their plugins", async () => {
        writeVagrantfile(folder, { ...spec, provider: "libvirt", box: "nta-node", cpus: 2, memory: 2048, disk: 20 });
        const validated = await vagrant(folder, ["validate", "--ignore-provider"]);
        assert.equal(validated.code, 0, validated.stdout + validated.stderr);
    });
});
