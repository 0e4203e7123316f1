import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { MachineFolder } from "../../machine/folder";
import type { Result } from "../../machine/process";
import { vagrant } from "../../machine/vagrant";
import { VagrantSpec, writeVagrantfile } from "../../machine/vagrantfile";
import { setVariables } from "../environment";

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
    const { VAGRANT_DEFAULT_PROVIDER, PATH } = process.env;
    let restore: () => void;

    /** `vagrant validate` for machines that are not there yet. */
    function validate(provider: string, ...options: string[]): Promise<Result> {
        process.env.VAGRANT_DEFAULT_PROVIDER = provider;
        return vagrant(folder, ["validate", ...options]);
    }

    beforeEach(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-vagrant-"));
        restore = setVariables({
            NTA_STATE: path.join(directory, "state"),
            VAGRANT_HOME: path.join(directory, "vagrant"),
            VAGRANT_DEFAULT_PROVIDER,
            PATH,
        });
        folder = new MachineFolder("nta-test");
        folder.create();
    });
    afterEach(() => {
        restore();
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

    const virtual = { ...spec, box: "nta-node-1", boxUrl: "/nowhere/nta-node-1.box", cpus: 2, memory: 2048, disk: 20 };

    it("is valid for libvirt, with and without KVM", async function () {
        // A Vagrant that does not know libvirt checks all but the settings that are libvirt's.
        const known = (await vagrant(folder, ["plugin", "list"])).stdout.includes("vagrant-libvirt");
        for (const driver of ["kvm", "qemu"] as const) {
            writeVagrantfile(folder, { ...virtual, provider: "libvirt", driver });
            const validated = await (known ? validate("libvirt") : validate("docker", "--ignore-provider"));
            assert.equal(validated.code, 0, validated.stdout + validated.stderr);
        }
    });

    /** VirtualBox's command, as far as Vagrant asks it before it looks at settings. */
    function pretendVirtualBox(): void {
        const programs = path.join(directory, "bin");
        fs.mkdirSync(programs);
        fs.writeFileSync(path.join(programs, "VBoxManage"), "#!/bin/sh\necho 7.0.20r163906\n", { mode: 0o755 });
        process.env.PATH = `${programs}:${PATH}`;
    }

    it("is valid for VirtualBox, all of whose settings Vagrant knows", async () => {
        pretendVirtualBox();
        writeVagrantfile(folder, { ...virtual, provider: "virtualbox" });
        const validated = await validate("virtualbox");
        assert.equal(validated.code, 0, validated.stdout + validated.stderr);

        // The check sees VirtualBox's part: a setting that there is not is refused.
        const file = folder.file("Vagrantfile");
        const text = fs.readFileSync(file, "utf8");
        fs.writeFileSync(file, text.replace("vb.linked_clone = true", "vb.no_such_setting = true"));
        const refused = await validate("virtualbox");
        assert.notEqual(refused.code, 0);
        assert.match(refused.stdout + refused.stderr, /no_such_setting/);
    });
});
