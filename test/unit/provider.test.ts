import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { kvmProblem } from "../../machine/libvirt";
import { type Ability, chooseProvider, crowded, type Provider, providerAbility } from "../../machine/provider";
import { hasLibvirtPlugin } from "../../machine/vagrant";
import { withVariables } from "../environment";

const works: Ability = {};
const missing: Ability = { problem: "it is not installed" };
const emulated: Ability = { slow: "processors are emulated, because there is no /dev/kvm" };

/** What is chosen, and what the user is told. */
async function choice(
    wanted: "auto" | Provider,
    abilities: Record<Provider, Ability>,
): Promise<{ provider: Provider; notes: string[] }> {
    const notes: string[] = [];
    const ability = (provider: Provider) => Promise.resolve(abilities[provider]);
    return { provider: await chooseProvider(wanted, 1, (line) => notes.push(line), ability), notes };
}

describe("provider", () => {
    it("auto is the first of virtualbox, libvirt and docker that works, and why not those before it", async () => {
        assert.deepEqual(await choice("auto", { virtualbox: works, libvirt: works, docker: works }), {
            provider: "virtualbox",
            notes: ["provider virtualbox"],
        });
        assert.deepEqual(await choice("auto", { virtualbox: missing, libvirt: works, docker: works }), {
            provider: "libvirt",
            notes: ["provider libvirt (not virtualbox: it is not installed)"],
        });
    });

    it("auto takes Docker before a libvirt that emulates processors, and says so", async () => {
        assert.deepEqual(await choice("auto", { virtualbox: missing, libvirt: emulated, docker: works }), {
            provider: "docker",
            notes: [
                "provider docker (not virtualbox: it is not installed; " +
                    "not libvirt: processors are emulated, because there is no /dev/kvm)",
            ],
        });
    });

    it("auto takes emulated processors when nothing else works", async () => {
        const { provider, notes } = await choice("auto", { virtualbox: missing, libvirt: emulated, docker: missing });
        assert.equal(provider, "libvirt");
        assert.match(notes.join(), /^provider libvirt, which is slow here .*not docker: it is not installed/);
    });

    it("auto says of each why not when none works", async () => {
        await assert.rejects(
            choice("auto", { virtualbox: missing, libvirt: missing, docker: missing }),
            /not virtualbox: .*\n.*not libvirt: .*\n.*not docker: /,
        );
    });

    it("that was asked for is taken although it is slow, and says so; one that can't be used is an error", async () => {
        const { provider, notes } = await choice("libvirt", { virtualbox: works, libvirt: emulated, docker: works });
        assert.equal(provider, "libvirt");
        assert.match(notes.join(), /slow here: processors are emulated/);
        await assert.rejects(
            choice("libvirt", { virtualbox: works, libvirt: missing, docker: works }),
            /libvirt can't be used on this machine: it is not installed; .*nta:provider auto/,
        );
    });

    it("says of several emulated machines when they have too few processors", () => {
        assert.deepEqual([crowded(1, 1), crowded(2, 4), crowded(3, 8)], [undefined, undefined, undefined]);
        assert.match(crowded(2, 3) ?? "", /so 2 need 4, and this machine has 3: the cluster may never get healthy/);
    });

    it("has libvirt's plugin whether or not the folder is there that `source env` names", async () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-plugin-"));
        // As Vagrant does.
        const standIn = '#!/bin/sh\n[ -z "$VAGRANT_CWD" ] && echo "vagrant-libvirt (0.11.2, system)"\n';
        fs.writeFileSync(path.join(folder, "vagrant"), standIn, { mode: 0o755 });
        const variables = { PATH: `${folder}:${process.env.PATH}`, VAGRANT_CWD: path.join(folder, "absent") };
        try {
            assert.equal(await withVariables(variables, hasLibvirtPlugin), true);
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });

    it("virtualbox is for one node: its machines can't reach one another", async () => {
        const problem = "VirtualBox's machines can't reach one another, and nodes is 3";
        assert.deepEqual(await providerAbility("virtualbox", 3), { problem });
        const abilities = (provider: Provider, nodes: number) =>
            provider === "virtualbox" ? providerAbility(provider, nodes) : Promise.resolve(works);
        const notes: string[] = [];
        assert.equal(await chooseProvider("auto", 3, (line) => notes.push(line), abilities), "libvirt");
        assert.deepEqual(notes, [`provider libvirt (not virtualbox: ${problem})`]);
        await assert.rejects(
            chooseProvider("virtualbox", 3, () => undefined, abilities),
            new RegExp(`virtualbox can't be used on this machine: ${problem}; `),
        );
    });

    it("is not taken for fast because of a device that no kernel runs on", async function () {
        if (process.arch !== "x64") {
            this.skip();
        }
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-kvm-"));
        try {
            const [device, cpuInfo] = [path.join(folder, "kvm"), path.join(folder, "cpuinfo")];
            assert.equal(await kvmProblem(device, cpuInfo), `there is no ${device}`);
            fs.writeFileSync(device, "");
            fs.writeFileSync(cpuInfo, "flags\t\t: fpu sse hypervisor\n");
            assert.match((await kvmProblem(device, cpuInfo)) ?? "", /neither vmx nor svm/);
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });
});
