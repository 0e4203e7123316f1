import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { choosePulumiHome, shellQuote } from "../../tools/pulumi-home";
import { Activity } from "../../tools/pulumi-run";
import { chooseStack, passphraseFits } from "../../tools/stack";

describe("tools: Pulumi's home", () => {
    const facts = {
        environment: {} as NodeJS.ProcessEnv,
        state: "/s",
        userHome: "/home/ada",
        engineIsUsers: false,
        loggedIn: (_home: string) => false,
    };
    const own = {
        PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
        PULUMI_NODEJS_TRANSPILE_ONLY: "true",
        PULUMI_HOME: "/s/pulumi",
        PULUMI_SKIP_UPDATE_CHECK: "true",
        PULUMI_BACKEND_URL: "file:///s/backend",
        PULUMI_CONFIG_PASSPHRASE_FILE: "/s/passphrase",
    };

    it("is ours where there is none", () => {
        const expected = { home: "/s/pulumi", isUsers: false, variables: own, backendFolder: "/s/backend" };
        assert.deepEqual(choosePulumiHome(facts), expected);
        // What `source env` has set does not count as the user's.
        assert.deepEqual(choosePulumiHome({ ...facts, environment: own }), expected);
        // A login counts only together with an engine of the user's.
        assert.deepEqual(choosePulumiHome({ ...facts, loggedIn: () => true }), expected);
    });

    it("is the user's where they have an engine and a login", () => {
        const chosen = choosePulumiHome({
            ...facts,
            engineIsUsers: true,
            loggedIn: (home) => home === "/home/ada/.pulumi",
        });
        assert.deepEqual(chosen, {
            home: "/home/ada/.pulumi",
            isUsers: true,
            variables: {
                PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER: "true",
                PULUMI_NODEJS_TRANSPILE_ONLY: "true",
                PULUMI_CONFIG_PASSPHRASE_FILE: "/s/passphrase",
            },
        });
    });

    it("leaves a backend and a passphrase of the user's alone", () => {
        const environment = { PULUMI_BACKEND_URL: "s3://bucket", PULUMI_CONFIG_PASSPHRASE: "" };
        const chosen = choosePulumiHome({ ...facts, environment });
        assert.equal(chosen.home, "/s/pulumi");
        assert.equal(chosen.backendFolder, undefined);
        assert.equal("PULUMI_BACKEND_URL" in chosen.variables, false);
        assert.equal("PULUMI_CONFIG_PASSPHRASE_FILE" in chosen.variables, false);
    });

    it("quotes for the shell", () => {
        assert.equal(shellQuote("/a b/it's"), `'/a b/it'\\''s'`);
    });
});

describe("tools: stack", () => {
    it("is what is asked for, else what is selected in this checkout, else dev", () => {
        const home = mkdtempSync(join(tmpdir(), "nta-tools-"));
        try {
            assert.equal(chooseStack({ NTA_STACK: "lab" }, home, undefined, "/c"), "lab");
            assert.equal(chooseStack({ PULUMI_STACK: "lab2" }, home, undefined, "/c"), "lab2");
            assert.equal(chooseStack({}, home, undefined, "/c"), "local");
            const hash = createHash("sha1").update("/c/Pulumi.yaml").digest("hex");
            mkdirSync(join(home, "workspaces"));
            writeFileSync(
                join(home, "workspaces", `nta-${hash}-workspace.json`),
                JSON.stringify({
                    stacks: { "file:///x": "organization/nta/one", "file:///y": "organization/nta/two" },
                }),
            );
            assert.equal(chooseStack({}, home, "file:///y", "/c"), "two");
            assert.equal(chooseStack({}, home, "file:///y", "/other"), "local");
        } finally {
            rmSync(home, { recursive: true });
        }
    });

    it("knows whether a passphrase is the one that a salt was made with", async () => {
        // Written by Pulumi 3.259.0 with the passphrase "abc".
        const salt = "v1:H4iI85Dl1+A=:v1:xqg1+YGdO4jMELwu:BgUKR4w1PE1Vc879e4dr5YLdfW/YXQ==";
        assert.equal(await passphraseFits(salt, "abc"), true);
        assert.equal(await passphraseFits(salt, "abd"), false);
        assert.equal(await passphraseFits("v1:broken", "abc"), false);
    });

    it("reads what the engine is at from its lines", () => {
        const activity = new Activity();
        assert.equal(activity.take(" +  docker:index:Image taurus creating (0s)"), true);
        assert.equal(activity.describe(), "creating docker:index:Image taurus");
        activity.take(" ++ kubernetes:core/v1:Pod web creating replacement (1s) [diff: ~spec]");
        assert.equal(activity.describe(), "creating docker:index:Image taurus and 1 more");
        activity.take(" +  docker:index:Image taurus created (12s)");
        assert.equal(activity.describe(), "creating kubernetes:core/v1:Pod web");
        activity.take(" ++ kubernetes:core/v1:Pod web created replacement (4s) [diff: ~spec]");
        assert.equal(activity.describe(), "");
        assert.equal(activity.take("@ updating......"), false);
        assert.equal(activity.take("   "), false);
        assert.equal(activity.take("    step 3 of 4"), true);
    });
});
