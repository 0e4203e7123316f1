import assert from "node:assert/strict";

import { parseSettings } from "../../components/settings/parse";
import type { CheckResult } from "../../tools/doctor/check";
import { platformFinding } from "../../tools/doctor/machine";
import { wantedPorts } from "../../tools/doctor/ports";
import { diskFinding, memoryFinding } from "../../tools/doctor/room";
import { examinationText } from "../../tools/doctor/text";
import { dockerFinding } from "../../tools/doctor/tools";
import { mend, rawConfiguration } from "../../tools/stack-settings";
import { problemOf } from "../../tools/problem";

describe("doctor: checks", () => {
    const settings = (raw: Record<string, string>) =>
        parseSettings(raw, [], { project: "nta", readFile: () => assert.fail("no file") });

    it("reads the configuration as the engine hands it on", () => {
        const text = [
            "encryptionsalt: v1:x",
            "config:",
            "  nta:apiPort: 16443",
            "  nta:registry: example.com/team",
            "  nta:registryPassword:",
            "    secure: v1:abc",
            "  nta:taurus:",
            "    httpsPort: 8443",
            "    collectors: { xigniteApiToken: { secure: v1:def } }",
            "  kubernetes:context: lab",
        ].join("\n");
        assert.deepEqual(rawConfiguration(text), {
            raw: {
                "nta:apiPort": "16443",
                "nta:registry": "example.com/team",
                "nta:registryPassword": "(encrypted)",
                "nta:taurus": '{"httpsPort":8443,"collectors":{"xigniteApiToken":"(encrypted)"}}',
                "kubernetes:context": "lab",
            },
            secretKeys: ["nta:registryPassword", "nta:taurus"],
        });
        assert.deepEqual(rawConfiguration(""), { raw: {}, secretKeys: [] });
    });

    it("wants the ports that the settings expose, and no others", () => {
        const ports = (raw: Record<string, string>) =>
            Object.fromEntries(wantedPorts(settings(raw)).map(({ setting, port }) => [setting, port]));
        assert.deepEqual(ports({}), {
            apiPort: 6443,
            registryPort: 5000,
            "taurus.httpsPort": 443,
            "taurus.supervisorPort": 9001,
            "taurus.metricsPort": 2003,
        });
        const other = {
            "nta:registry": "example.com/a",
            "nta:taurus.expose": "false",
            "nta:support.rabbitmq.expose": "true",
        };
        const existing = { "nta:cluster": "existing", "nta:kubeContext": "lab", "nta:registry": "example.com" };
        assert.deepEqual(ports(existing), {});
        assert.deepEqual(ports(other), { apiPort: 6443, "support.rabbitmq.managementPort": 15672 });
    });

    it("says what there is too little of, and what to do", () => {
        const set = (setting: string, value: number) => `${setting} := ${value}`;
        assert.deepEqual(memoryFinding(3000, 4096, set), {
            wrong:
                "too little memory: 3000 MiB are free, and the cluster takes up to 4096 MiB: " +
                "close something, or make the node smaller",
            mend: "memory := 2304",
        });
        assert.match(memoryFinding(2000, 4096, set)?.mend ?? "", /at least 2048 MiB/);
        assert.equal(memoryFinding(8000, 4096, set), undefined);
        const GiB = 2 ** 30;
        const disk = diskFinding({ path: "/a", free: 3 * GiB, needed: 16 * GiB });
        assert.match(disk?.wrong ?? "", /3\.0 GiB are free at \/a.*16 GiB/);
        assert.equal(diskFinding({ path: "/b", free: 30 * GiB, needed: 8 * GiB }), undefined);
    });

    it("says what is wrong with the Docker engine and with the machine", () => {
        assert.equal(dockerFinding({ kind: "answers", version: "20.10.24" }), undefined);
        assert.match(dockerFinding({ kind: "answers", version: "19.3.1" })?.wrong ?? "", /version 19\.3\.1/);
        assert.equal(dockerFinding({ kind: "no client" })?.mend, "npm run up");
        assert.match(dockerFinding({ kind: "not running", message: "refused" })?.wrong ?? "", /refused/);
        assert.match(dockerFinding({ kind: "no permission", message: "x" })?.mend ?? "", /usermod/);
        assert.equal(platformFinding("linux", "x64"), undefined);
        assert.match(platformFinding("win32", "x64")?.mend ?? "", /WSL/);
    });

    it("shows all checks in a table, and below it what is wrong with the command that mends it", () => {
        const results: CheckResult[] = [
            {
                name: "ports",
                found: "443, 6443",
                wrong: [{ wrong: "port 443 is taken", mend: "pulumi config set x 1" }],
            },
            { name: "disk", found: "9 GiB free", wrong: [] },
        ];
        assert.equal(
            examinationText(results),
            [
                "CHECK  STATE  FOUND",
                "ports  wrong  443, 6443",
                "disk   ok     9 GiB free",
                "",
                "ports: Port 443 is taken.",
                "    mend: pulumi config set x 1",
            ].join("\n"),
        );
    });

    it("says how to change a setting before and after there is an engine", () => {
        assert.equal(
            mend("taurus.httpsPort", 8443, "dev", true),
            "source env && pulumi config set --path taurus.httpsPort 8443",
        );
        assert.equal(
            mend("apiPort", 7443, "lab", false),
            "a line `  nta:apiPort: 7443` under `config:` in Pulumi.lab.yaml",
        );
    });

    it("reports all problems in one message", () => {
        assert.equal(problemOf([]), undefined);
        assert.equal(problemOf(["one"])?.message, "one");
        assert.equal(problemOf(["one\nmore", "two"])?.message, "2 problems:\n  - one\n    more\n  - two");
    });
});
