import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import type { Commit, CommitLookup } from "../../components/workloads/ci-build/git";

/** A git checkout for one test. */
export class GitCheckout {
    /** The folder around it, which is the test's own. */
    readonly root = fs.mkdtempSync(path.join(os.tmpdir(), "nta-checkout-"));
    readonly folder = path.join(this.root, "app");

    constructor() {
        fs.mkdirSync(this.folder);
    }

    remove(): void {
        fs.rmSync(this.root, { recursive: true, force: true });
    }

    git(...args: string[]): string {
        const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" };
        const who = ["-c", "user.name=ada", "-c", "user.email=ada@localhost", "-c", "init.defaultBranch=main"];
        return execFileSync("git", [...who, ...args], {
            cwd: this.folder,
            encoding: "utf8",
            stdio: "pipe",
            env,
        }).trim();
    }

    write(file: string, text: string, mode = 0o644): void {
        const target = path.join(this.folder, file);
        fs.mkdirSync(path.dirname(target), { recursive: true });
        fs.writeFileSync(target, text, { mode });
    }

    /** Commits all there is. @returns the commit's id */
    commitAll(message: string): string {
        this.git("add", "--all");
        this.git("commit", "--quiet", "--allow-empty", "--message", message);
        return this.git("rev-parse", "HEAD");
    }

    /** Makes the repository and its first commit. @returns the commit's id */
    begin(): string {
        this.git("init", "--quiet");
        this.write("Dockerfile", "FROM debian:bookworm\n");
        this.write("tests/run", "#!/bin/sh\n", 0o755);
        this.write(".gitattributes", "tests export-ignore\n");
        fs.symlinkSync("tests/run", path.join(this.folder, "link"));
        return this.commitAll("Begin\n\nWith more to say.");
    }
}

/** The commit that a lookup has found. */
export function found(lookup: CommitLookup): { commit: Commit; files: readonly string[] } {
    assert.ok("commit" in lookup, JSON.stringify(lookup));
    return lookup;
}
