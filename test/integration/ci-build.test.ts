/** The program of CI builds: what it finds in Dockerfiles, and that a command that it isolates has no network. */
import * as assert from "node:assert/strict";
import * as path from "node:path";

import { command } from "../../tools/command";

describe("ci build", function () {
    this.timeout(6 * 60_000);

    it("passes its own tests", async () => {
        const { stdout } = await command(["go", "test", "-v", "./..."], {
            cwd: path.resolve(__dirname, "../../images/ci-build"),
            env: { ...process.env, GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" },
        });
        assert.match(stdout, /^ok\s/m);
        assert.match(stdout, /^--- PASS: TestIsolatedCommandsReachThemselvesAndNobodyElse/m);
    });
});
