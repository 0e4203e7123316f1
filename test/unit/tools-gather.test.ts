import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { findProgram } from "../../tools/command";
import { installPackages, missingPackages } from "../../tools/debian-packages";
import { dockerState } from "../../tools/docker";
import { findChecksum } from "../../tools/download";
import { planSteps } from "../../tools/gather";
import { originsDifference, planPlugins } from "../../tools/plugins";
import { Problem } from "../../tools/problem";
import { type Report } from "../../tools/progress";
import { isPackageLine } from "../../tools/pulumi-engine";
import { setVariables } from "../environment";

const quiet: Report = Object.assign(() => {}, { note: () => {} });

describe("tools: plan", () => {
    it("does what is quick before what takes long", () => {
        assert.deepEqual(planSteps("up"), [
            "This machine",
            "Debian packages",
            "Docker engine",
            "Vagrant",
            "Pulumi",
            "Node image",
            "Pulumi's plugins",
            "Stack",
        ]);
        assert.deepEqual(planSteps("destroy"), [
            "Debian packages",
            "Docker engine",
            "Vagrant",
            "Pulumi",
            "Pulumi's plugins",
            "Stack",
        ]);
        assert.deepEqual(planSteps("up", "existing"), [
            "This machine",
            "Debian packages",
            "Docker engine",
            "Pulumi",
            "Pulumi's plugins",
            "Stack",
        ]);
        assert.deepEqual(planSteps("test"), [
            "This machine",
            "Debian packages",
            "Docker engine",
            "Vagrant",
            "Pulumi",
            "Node image",
        ]);
    });

    it("installs what is missing for the goal, and no more", () => {
        const names = (goal: "run" | "test", closed: boolean, has: string[]) =>
            missingPackages(goal, closed, (program) => has.includes(program)).map((entry) => entry.package);
        assert.deepEqual(names("run", true, ["git"]), ["docker.io", "vagrant", "mmdebstrap"]);
        assert.deepEqual(names("run", false, ["git", "dockerd", "vagrant"]), []);
        assert.deepEqual(names("test", false, ["git", "dockerd", "vagrant", "zsh"]), ["cloud-init", "docker-registry"]);
    });

    it("says exactly what to install where it may not, and tries nothing", async () => {
        const { getuid } = process;
        const folder = mkdtempSync(join(tmpdir(), "nta-tools-"));
        const restore = setVariables({ PATH: folder });
        try {
            process.getuid = () => 1000;
            const needed = [{ package: "vagrant", command: "vagrant", for: "the machines" }];
            await assert.rejects(installPackages(needed, quiet), /only on Debian and Ubuntu: vagrant/);
            writeFileSync(join(folder, "apt-get"), "#!/bin/sh\nexit 9\n", { mode: 0o755 });
            await assert.rejects(installPackages(needed, quiet), (error: Problem) => {
                assert.ok(error instanceof Problem);
                assert.equal(
                    error.message,
                    "These Debian packages are missing, and installing them takes root rights:\n" +
                        "  - vagrant: the machines\n" +
                        "Run this, then what you ran just now again:\n" +
                        "  sudo apt-get update && sudo apt-get install -y --no-install-recommends vagrant",
                );
                return true;
            });
            await installPackages([], quiet);
        } finally {
            process.getuid = getuid;
            restore();
            rmSync(folder, { recursive: true });
        }
    });

    it("reads how Docker is from what `docker version` says", () => {
        const state = (code: number, stdout: string, stderr = "") => dockerState({ code, stdout, stderr });
        assert.deepEqual(state(0, "20.10.24\n"), { kind: "answers", version: "20.10.24" });
        assert.deepEqual(state(127, ""), { kind: "no client" });
        const denied = "permission denied while trying to connect to the Docker daemon socket";
        assert.deepEqual(state(1, "", denied), { kind: "no permission", message: denied });
        const gone = "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.";
        assert.deepEqual(state(1, "", gone), { kind: "not running", message: gone });
    });

    it("finds checksums in a release's list", () => {
        const sum = "a".repeat(64);
        assert.equal(findChecksum(`${"b".repeat(64)}  other.tar.gz\n${sum}  it.tar.gz\n`, "it.tar.gz"), sum);
        assert.equal(findChecksum(`${sum} *it.tar.gz`, "it.tar.gz"), sum);
        assert.equal(findChecksum(`${sum}  my-it.tar.gz\n`, "it.tar.gz"), undefined);
        assert.equal(findChecksum("<html>not found</html>", "it.tar.gz"), undefined);
    });

    it("tells packages from other lines of go build", () => {
        assert.equal(isPackageLine("github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"), true);
        assert.equal(isPackageLine("internal/goarch"), true);
        assert.equal(isPackageLine("go: downloading x v1.2.3"), false);
        assert.equal(isPackageLine("# command-line-arguments"), false);
    });

    it("finds programs, but not in the folder that is left out", () => {
        const folder = mkdtempSync(join(tmpdir(), "nta-tools-"));
        try {
            for (const name of ["cache/bin", "usr"]) {
                mkdirSync(join(folder, name), { recursive: true });
                writeFileSync(join(folder, name, "prog"), "", { mode: 0o755 });
            }
            writeFileSync(join(folder, "usr", "plain"), "");
            const path = `${folder}/cache/bin::${folder}/usr`;
            assert.equal(findProgram("prog", path), join(folder, "cache/bin/prog"));
            assert.equal(findProgram("prog", path, join(folder, "cache")), join(folder, "usr/prog"));
            assert.equal(findProgram("plain", path), undefined);
        } finally {
            rmSync(folder, { recursive: true });
        }
    });
});

describe("tools: plugins", () => {
    const official = { origin: "official" } as const;
    const standIn = (source: string) => ({ origin: "stand-in", source }) as const;

    it("prefers Pulumi's own, and builds ours where they can't be had", () => {
        const found = { command: official, docker: undefined, random: standIn("old"), kubernetes: standIn("new") };
        assert.deepEqual(planPlugins(found, true, "new"), { install: ["docker", "random", "kubernetes"], build: [] });
        assert.deepEqual(planPlugins(found, false, "new"), { install: [], build: ["docker", "random"] });
    });

    it("says what differs from those a stack was made with", () => {
        const before = { command: "stand-in", docker: "official" } as const;
        assert.equal(originsDifference(before, { command: "stand-in", docker: "official" }), undefined);
        assert.equal(
            originsDifference(before, { command: "official", docker: "official", random: "official" }),
            "command: stand-in → official",
        );
    });
});
