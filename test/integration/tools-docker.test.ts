import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findProgram, tryCommand } from "../../tools/command";

/**
 * Starts a real engine where none answers. It has file systems and a network of its own, so that this machine's
 * engine and containers have nothing to do with it; that takes root rights.
 */
describe("tools: a Docker engine", () => {
    const folder = mkdtempSync(join(tmpdir(), "nta-tools-"));

    after(() => rmSync(folder, { recursive: true, force: true }));

    it("is started by hand, survives its starter, is found again, and can be stopped", async function () {
        if (process.getuid?.() !== 0 || findProgram("unshare") === undefined || findProgram("dockerd") === undefined) {
            this.skip();
        }
        const script = [
            "mount -t tmpfs tmpfs /run && mkdir -p /var/lib/docker && mount -t tmpfs tmpfs /var/lib/docker",
            "ip link set lo up 2>/dev/null",
            'tool() { "$0" -r ts-node/register/transpile-only -e "$1"; }',
            "ensure=\"require('./tools/docker').ensureDocker(Object.assign(() => {}, { note() {} })).then(console.log)\"",
            'tool "$ensure" && tool "$ensure" && docker version --format "engine {{.Server.Version}}"',
            "for i in 1 2; do tool \"require('./tools/docker').stopDocker().then(console.log)\"; done",
            "docker version >/dev/null 2>&1 || echo gone",
        ].join("\n");
        const result = await tryCommand(
            ["unshare", "--mount", "--net", "--propagation", "private", "bash", "-c", script, process.execPath],
            {
                cwd: join(__dirname, "../.."),
                env: { ...process.env, XDG_STATE_HOME: folder, NTA_STATE: "", DOCKER_HOST: "" },
            },
        );
        const lines = result.stdout.trim().split("\n");
        assert.equal(lines.length, 6, `${result.stdout}\n${result.stderr}`);
        assert.match(
            lines[0] ?? "",
            /^\d+\.\d+\.\d+.*, started by hand \(log: .*dockerd\.log; npm run docker:stop stops it\)$/,
        );
        assert.match(lines[1] ?? "", /^\d+\.\d+\.\d+\S*$/);
        assert.equal(lines[2], `engine ${lines[1]}`);
        assert.deepEqual(lines.slice(3), ["true", "false", "gone"]);
    });

    it("at an address that does not answer is said to be so, and no other one is started", async () => {
        const result = await tryCommand(
            [
                process.execPath,
                "-r",
                "ts-node/register/transpile-only",
                "-e",
                "require('./tools/docker').ensureDocker(Object.assign(() => {}, { note() {} })).catch((error) => console.log(error.name + ': ' + error.message))",
            ],
            {
                cwd: join(__dirname, "../.."),
                env: { ...process.env, XDG_STATE_HOME: folder, DOCKER_HOST: `unix://${folder}/nothing.sock` },
            },
        );
        assert.match(
            result.stdout,
            /^Problem: No Docker engine answers at DOCKER_HOST=unix:\/\/.*\n.*unset DOCKER_HOST/,
        );
    });
});
