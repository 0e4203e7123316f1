import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

/** One commit of a checkout. */
export interface Commit {
    /** The checkout's folder, or one in it. */
    folder: string;
    id: string;
    /** The git object of its files: those of the checkout, or of a folder of it. */
    tree: string;
    /** When it was made, in seconds since 1970. */
    time: number;
    /** First line of its message. */
    subject: string;
}

/** A commit with the paths of its files; or what is wrong with the checkout or with the ref. */
export type CommitLookup =
    | { commit: Commit; files: readonly string[] }
    | {
          field: "checkout" | "ref";
          /** As the rest of a sentence that begins with the field. */
          wrong: string;
          /** What may have been meant. */
          known?: readonly string[];
      };

/** As much of a commit's id as people read, and as images are tagged with. */
export const shortCommit = (id: string) => id.slice(0, 12);

/** Runs git on what is asked for, whatever the caller's environment says (as in a hook). */
function git(args: readonly string[], folder: string, variables: NodeJS.ProcessEnv = {}): string {
    const own = Object.entries(process.env).filter(([name]) => !name.startsWith("GIT_"));
    return execFileSync("git", args, {
        cwd: folder,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "pipe"],
        maxBuffer: 256 << 20,
        env: { ...Object.fromEntries(own), ...variables, LC_ALL: "C" },
    }).trimEnd();
}

function attempt(args: readonly string[], folder: string): { output: string } | { error: string } {
    try {
        return { output: git(args, folder) };
    } catch (error) {
        return { error: String((error as { stderr?: string }).stderr || (error as Error).message).trim() };
    }
}

/**
 * Looks up a commit in a checkout of this machine. What is not committed does not count.
 *
 * @param checkout A checkout's folder, or one in it: then that folder of the commit is meant.
 * @param ref A commit, tag or branch.
 */
export function findCommit(checkout: string, ref: string): CommitLookup {
    if (!fs.statSync(checkout, { throwIfNoEntry: false })?.isDirectory()) {
        return { field: "checkout", wrong: "is no folder of this machine" };
    }
    const repository = attempt(["rev-parse", "--git-dir"], checkout);
    if ("error" in repository) {
        const { error } = repository;
        return {
            field: "checkout",
            wrong: /not a git repository/.test(error)
                ? "is no git checkout"
                : `is refused by git: ${error.split("\n")[0].replace(/^fatal: /, "")}`,
        };
    }
    const found = attempt(["rev-parse", "--verify", "--quiet", "--end-of-options", `${ref}^{commit}`], checkout);
    if ("error" in found) {
        if (ref === "HEAD") {
            return { field: "checkout", wrong: "has no commit yet" };
        }
        const known = git(["for-each-ref", "--format=%(refname:short)"], checkout).split("\n");
        return { field: "ref", wrong: `is no commit, tag or branch of ${checkout}`, known };
    }
    const id = found.output;
    const tree = attempt(["rev-parse", "--verify", "--quiet", `${id}:./`], checkout);
    if ("error" in tree) {
        return { field: "checkout", wrong: `is not in the commit ${shortCommit(id)}` };
    }
    const [time, subject] = git(["show", "--no-patch", "--format=%ct%n%s", id], checkout).split("\n");
    const files = git(["ls-tree", "-r", "-z", "--full-tree", "--name-only", tree.output], checkout);
    return {
        commit: { folder: checkout, id, tree: tree.output, time: Number(time), subject: subject ?? "" },
        files: files.split("\0").filter((name) => name !== ""),
    };
}

/** Writes a commit's files into an empty folder, as they were committed. */
export function exportCommit({ folder, tree }: Commit, target: string): void {
    const repository = git(["rev-parse", "--absolute-git-dir"], folder);
    const index = `${path.resolve(target)}.index`;
    const options = ["-c", "core.autocrlf=false", `--git-dir=${repository}`, "--work-tree=."];
    try {
        // Not by `git archive`, which leaves out what a project does not want in its releases: its tests, for one.
        git([...options, "read-tree", tree], target, { GIT_INDEX_FILE: index });
        git([...options, "checkout-index", "--all", "--force"], target, { GIT_INDEX_FILE: index });
    } finally {
        fs.rmSync(index, { force: true });
    }
}
