import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Finding } from "../../tools/doctor/check";
import { inotifyFinding, instancesOf } from "../../tools/doctor/inotify";
import { mendAsRoot } from "../../tools/gather";
import type { Report } from "../../tools/progress";
import { setVariables } from "../environment";

describe("doctor: inotify", () => {
    it("has nothing to say where the nodes fit, to the last instance", () => {
        assert.equal(inotifyFinding({ limit: 128, used: 98 }, 30), undefined);
        assert.equal(inotifyFinding({ limit: 128, used: undefined }, 128), undefined);
        assert.equal(inotifyFinding({ limit: 128, used: 200 }, 0), undefined, "what runs already is no matter");
    });

    it("knows what clusters take, of which the first nodes take more", () => {
        assert.deepEqual([instancesOf(1, 1), instancesOf(1, 3), instancesOf(2, 5)], [30, 62, 108]);
    });

    it("names the limit, what is needed and the command that raises it", () => {
        assert.deepEqual(inotifyFinding({ limit: 128, used: 99 }, 30), {
            wrong:
                "too few inotify instances: the nodes that do not run yet take about 30, root has 99, and " +
                "fs.inotify.max_user_instances is 128; containerd and kubelet would fail with 'too many open files'",
            mend: "sudo sysctl -w fs.inotify.max_user_instances=512",
            asRoot: ["sysctl", "-w", "fs.inotify.max_user_instances=512"],
        });
    });

    it("counts the nodes alone where it can't see what root has, and asks for more where the usual is too little", () => {
        const finding = inotifyFinding({ limit: 512, used: undefined }, 600);
        assert.match(finding?.wrong ?? "", /take about 600, and fs\.inotify\.max_user_instances is 512/);
        assert.equal(finding?.mend, "sudo sysctl -w fs.inotify.max_user_instances=600");
    });
});

describe("what `npm run up` mends as root", () => {
    const { getuid } = process;
    let restore: () => void;
    let folder: string;
    let notes: string[];
    const report: Report = Object.assign(() => {}, { note: (line: string) => notes.push(line) });
    const finding: Finding = { wrong: "too few", mend: "sudo sysctl -w a=1", asRoot: ["sysctl", "-w", "a=1"] };

    beforeEach(() => {
        folder = mkdtempSync(join(tmpdir(), "nta-as-root-"));
        notes = [];
        restore = setVariables({ PATH: `${folder}:${process.env.PATH}` });
        process.getuid = () => 0;
    });
    afterEach(() => {
        restore();
        process.getuid = getuid;
        rmSync(folder, { recursive: true });
    });
    const sysctl = (script: string) => writeFileSync(join(folder, "sysctl"), `#!/bin/sh\n${script}\n`, { mode: 0o755 });

    it("is mended by its command, and told", async () => {
        sysctl(`echo "$*" >${folder}/asked`);
        assert.equal(await mendAsRoot(finding, report), true);
        assert.equal(readFileSync(join(folder, "asked"), "utf8"), "-w a=1\n");
        assert.deepEqual(notes, ["too few: `sysctl -w a=1` mends it"]);
    });

    it("stays a problem where the command fails", async () => {
        sysctl("echo 'permission denied' >&2; exit 255");
        assert.equal(await mendAsRoot(finding, report), false);
        assert.deepEqual(notes, ["too few: `sysctl -w a=1` fails: permission denied"]);
    });

    it("is left alone without root's rights, and where no command of root's mends it", async () => {
        sysctl(`touch ${folder}/asked`);
        process.getuid = () => 1000;
        process.env.PATH = folder; // no sudo
        assert.equal(await mendAsRoot(finding, report), false);
        process.getuid = () => 0;
        assert.equal(await mendAsRoot({ wrong: "a port", mend: "another" }, report), false);
        assert.deepEqual(notes, []);
    });
});
