import * as assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { parseSettings } from "../../components/settings";
import { context, refusal } from "./settings-configuration";

describe("settings: mending", () => {
    /** Runs a command's words as a shell would split them, `pulumi` being a stand-in that prints its arguments. */
    function words(command: string): string[][] {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-settings-"));
        try {
            fs.writeFileSync(path.join(folder, "pulumi"), '#!/bin/sh\nprintf "%s\\n" "$#" "$@"\n', { mode: 0o755 });
            const run = spawnSync("/bin/sh", ["-c", command], {
                env: { PATH: `${folder}:/usr/bin:/bin` },
                encoding: "utf8",
            });
            assert.equal(run.status, 0, run.stderr);
            const lines = run.stdout.split("\n");
            const calls: string[][] = [];
            for (let at = 0; at < lines.length - 1; at += Number(lines[at]) + 1) {
                calls.push(lines.slice(at + 1, at + 1 + Number(lines[at])));
            }
            return calls;
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    }

    it("does mend: the commands of a wrong configuration make it right", () => {
        const raw: Record<string, string> = {
            "nta:provider": "Docker",
            "nta:memory": "64",
            "nta:registry": "https://registry.example.com/Team/",
            "nta:buildImages": "no",
            "nta:taurus.httpsPort": "6443",
            "nta:quux quux's": "1",
        };
        for (const problem of refusal(raw).problems) {
            for (const call of words(problem.mend)) {
                const plain = call.filter((word) => !word.startsWith("--"));
                if (plain[1] === "rm") {
                    delete raw[plain[2]];
                } else {
                    raw[`nta:${plain[2]}`] = plain[3];
                }
            }
        }
        const settings = parseSettings(raw, [], context);
        assert.equal(settings.provider, "docker");
        assert.equal(settings.registry, "registry.example.com/team");
        assert.equal(settings.buildImages, false);
        assert.equal(settings.taurus.httpsPort, 6444);
    });
});
