import * as assert from "node:assert/strict";

import { refusal } from "./settings-configuration";

describe("settings: problems", () => {
    it("are reported all at once, each with the setting, the value, what is right and the command", () => {
        const error = refusal({
            "nta:provider": "vmware",
            "nta:memory": "12",
            "nta:taurus": '{"httpsPort":70000}',
            "nta:support": '{"mysql":{"storage":"many"}}',
            "nta:registy": "x",
        });
        assert.deepEqual(
            error.problems.map((problem) => problem.key),
            ["nta:registy", "nta:provider", "nta:memory", "nta:taurus.httpsPort", "nta:support.mysql.storage"],
        );
        assert.equal(
            error.message,
            [
                "5 settings are wrong:",
                "",
                "  nta:registy is no setting",
                "      right: perhaps nta:registry",
                "      mend:  pulumi config rm nta:registy && pulumi config set registry <value>",
                '  nta:provider = "vmware" is not one of the choices',
                "      right: one of auto, docker, libvirt, virtualbox",
                "      mend:  pulumi config set provider auto",
                '  nta:memory = "12" is less than 2048',
                "      right: a whole number of MiB from 2048 up, no more than this machine has",
                "      mend:  pulumi config set memory 2048",
                "  nta:taurus.httpsPort = 70000 is more than 65535",
                "      right: a port number from 1 to 65535",
                "      mend:  pulumi config set --path taurus.httpsPort 65535",
                '  nta:support.mysql.storage = "many" is no size',
                "      right: a number with one of the units Mi, Gi, Ti",
                "      mend:  pulumi config set --path support.mysql.storage 5Gi",
                "",
            ].join("\n"),
        );
    });

    it("never show a secret, even where it is wrong", () => {
        const secret = "s3cr3t\nwith two lines";
        const cases: [Record<string, string>, string[]][] = [
            [{ "nta:registryPassword": secret }, ["nta:registryPassword"]],
            [{ "nta:registryPassword": secret }, []],
            [{ "nta:registryPasword": secret }, []],
            [{ "nta:taurus": JSON.stringify({ collectors: { twitterConsumerKey: "s3cr3t" } }) }, ["nta:taurus"]],
            [{ "nta:taurus": JSON.stringify({ collectors: { twiterConsumerKey: "s3cr3t" } }) }, []],
        ];
        for (const [given, secretKeys] of cases) {
            const error = refusal(given, secretKeys);
            assert.doesNotMatch(error.message + JSON.stringify(error.problems), /s3cr3t/);
        }
    });

    it("name each of Twitter's keys that is missing", () => {
        const given = { "nta:taurus": JSON.stringify({ collectors: { twitterConsumerKey: "x" } }) };
        assert.deepEqual(
            refusal(given, ["nta:taurus"]).problems.map((problem) => problem.key),
            [
                "nta:taurus.collectors.twitterConsumerSecret",
                "nta:taurus.collectors.twitterAccessToken",
                "nta:taurus.collectors.twitterAccessTokenSecret",
            ],
        );
    });

    it("are Pulumi's run errors, which are shown without a stack trace", () => {
        const error = refusal({ "nta:nodes": "0" });
        assert.ok((error as unknown as { __pulumiRunError: boolean }).__pulumiRunError);
    });
});
