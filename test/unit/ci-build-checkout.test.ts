import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { commitLine, layOutCheckout } from "../../components/workloads/ci-build/checkout-image";
import { exportCommit, findCommit } from "../../components/workloads/ci-build/git";
import { commit } from "./ci-build-spec";
import { found, GitCheckout } from "./git-checkout";

describe("ci builds: a checkout", () => {
    let checkout: GitCheckout;

    beforeEach(() => {
        checkout = new GitCheckout();
    });
    afterEach(() => checkout.remove());

    it("has the commit that is checked out, whatever is not committed", () => {
        const first = checkout.begin();
        checkout.write("Dockerfile", "FROM another\n");
        checkout.write("new", "");
        const { commit: head, files } = found(findCommit(checkout.folder, "HEAD"));
        assert.deepEqual(head, {
            folder: checkout.folder,
            id: first,
            tree: checkout.git("rev-parse", "HEAD^{tree}"),
            time: Number(checkout.git("show", "--no-patch", "--format=%ct")),
            subject: "Begin",
        });
        assert.deepEqual(files, [".gitattributes", "Dockerfile", "link", "tests/run"]);
    });

    it("has the commit of a branch, a tag or an id", () => {
        const first = checkout.begin();
        checkout.git("tag", "v1");
        const second = checkout.commitAll("Next");
        for (const [ref, expected] of [
            ["v1", first],
            ["main", second],
            [first.slice(0, 8), first],
        ]) {
            assert.equal(found(findCommit(checkout.folder, ref)).commit.id, expected, ref);
        }
    });

    it("may be a folder of one", () => {
        checkout.begin();
        const { commit: folder, files } = found(findCommit(path.join(checkout.folder, "tests"), "HEAD"));
        assert.deepEqual(files, ["run"]);
        assert.equal(folder.tree, checkout.git("rev-parse", "HEAD:tests"));
    });

    it("that can't be used says why", () => {
        const absent = path.join(checkout.root, "absent");
        assert.deepEqual(findCommit(absent, "HEAD"), { field: "checkout", wrong: "is no folder of this machine" });
        assert.deepEqual(findCommit(checkout.folder, "HEAD"), { field: "checkout", wrong: "is no git checkout" });
        checkout.git("init", "--quiet");
        assert.deepEqual(findCommit(checkout.folder, "HEAD"), { field: "checkout", wrong: "has no commit yet" });
        const first = checkout.begin();
        assert.deepEqual(findCommit(checkout.folder, "mian"), {
            field: "ref",
            wrong: `is no commit, tag or branch of ${checkout.folder}`,
            known: ["main"],
        });
        assert.ok("wrong" in findCommit(checkout.folder, "--all"));
        fs.mkdirSync(path.join(checkout.folder, "new"));
        assert.deepEqual(findCommit(path.join(checkout.folder, "new"), "HEAD"), {
            field: "checkout",
            wrong: `is not in the commit ${first.slice(0, 12)}`,
        });
    });

    it("is exported as it was committed: what releases leave out as well, links and modes", () => {
        checkout.begin();
        const { commit: head } = found(findCommit(checkout.folder, "HEAD"));
        checkout.write("Dockerfile", "FROM another\n");
        const target = path.join(checkout.root, "export");
        fs.mkdirSync(target);
        exportCommit(head, target);
        assert.deepEqual((fs.readdirSync(target, { recursive: true }) as string[]).sort(), [
            ".gitattributes",
            "Dockerfile",
            "link",
            "tests",
            "tests/run",
        ]);
        assert.equal(fs.readFileSync(path.join(target, "Dockerfile"), "utf8"), "FROM debian:bookworm\n");
        assert.equal(fs.readlinkSync(path.join(target, "link")), "tests/run");
        assert.ok(fs.statSync(path.join(target, "tests/run")).mode & 0o100);
        assert.deepEqual(fs.readdirSync(checkout.root).sort(), ["app", "export"], "no index is left");
    });

    it("becomes a build context that depends on nothing but the commit", () => {
        checkout.begin();
        const { commit: head } = found(findCommit(checkout.folder, "HEAD"));
        const context = path.join(checkout.root, "context");
        const modes = () =>
            ["checkout", "checkout/Dockerfile", "checkout/tests/run", "Dockerfile", "commit"].map((name) =>
                (fs.statSync(path.join(context, name)).mode & 0o777).toString(8),
            );
        const umask = process.umask(0o077);
        try {
            layOutCheckout(context, head);
        } finally {
            process.umask(umask);
        }
        assert.deepEqual(modes(), ["755", "644", "755", "644", "644"]);
        assert.equal(fs.readFileSync(path.join(context, "commit"), "utf8"), `${commitLine(head)}\n`);

        const mark = path.join(context, "checkout/mark");
        fs.writeFileSync(mark, "");
        layOutCheckout(context, head);
        assert.ok(fs.existsSync(mark), "the same commit is not exported again");
        fs.rmSync(path.join(checkout.folder, "link"));
        checkout.commitAll("Without the link");
        layOutCheckout(context, found(findCommit(checkout.folder, "HEAD")).commit);
        assert.ok(!fs.existsSync(path.join(context, "checkout/link")));
    });

    it("says which commit it is in one line", () => {
        assert.equal(commitLine(commit), `${commit.id} of 2023-11-14T22:13:20Z: Add a test`);
    });
});
