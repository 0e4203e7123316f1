import * as fs from "node:fs";
import * as path from "node:path";

import { alone } from "../../../tools/lock.cjs";
import { type Commit, exportCommit } from "./git";

const dockerfile = `# Made by components/workloads/ci-build: a commit's files, on the image ci-build.
ARG BASE
FROM \${BASE}
COPY commit /commit
COPY checkout/ /checkout/
`;

/** One line that says which commit it is. */
export function commitLine({ id, time, subject }: Commit): string {
    return `${id} of ${new Date(time * 1000).toISOString().slice(0, 19)}Z: ${subject}`;
}

/**
 * Lays out the build context of an image with a commit's files, one run of the stack at a time. A commit that stands there
 * already is not read again.
 */
export function layOutCheckout(context: string, commit: Commit): void {
    fs.mkdirSync(path.dirname(context), { recursive: true });
    // Docker's digest of a context takes whole modes: they must be the same whatever the user's umask.
    const umask = process.umask(0o022);
    try {
        alone(`${context}.lock`, "laying out a commit's files", () => layOut(context, commit));
    } finally {
        process.umask(umask);
    }
}

function layOut(context: string, commit: Commit): void {
    const files = path.join(context, "checkout");
    const made = path.join(context, "tree");
    if (!fs.existsSync(made) || fs.readFileSync(made, "utf8") !== commit.tree) {
        fs.rmSync(context, { recursive: true, force: true });
        fs.mkdirSync(files, { recursive: true });
        exportCommit(commit, files);
        fs.writeFileSync(made, commit.tree);
    }
    fs.writeFileSync(path.join(context, "Dockerfile"), dockerfile);
    fs.writeFileSync(path.join(context, "commit"), `${commitLine(commit)}\n`);
}
