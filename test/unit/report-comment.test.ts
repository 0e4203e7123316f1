import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

interface Comment {
    id: number;
    user: { type: string } | null;
    body: string;
}

interface Step {
    github: unknown;
    context: unknown;
    core: unknown;
    file: string;
}

// eslint-disable-next-line @typescript-eslint/no-require-imports -- as actions/github-script loads it
const { marker, publishReport } = require("../../.github/report-comment.cjs") as {
    marker: string;
    publishReport(step: Step): Promise<void>;
};

/** A pull request with comments, as far as the script needs GitHub. */
class PullRequest {
    readonly calls: string[] = [];
    readonly warnings: string[] = [];

    constructor(readonly comments: Comment[]) {}

    async publish(file: string): Promise<void> {
        const where = { owner: "someone", repo: "nta" };
        const listComments = () => {};
        const issues = {
            listComments,
            createComment: async (call: { owner: string; issue_number: number; body: string }) => {
                assert.deepEqual([call.owner, call.issue_number], ["someone", 7]);
                this.calls.push("create");
                this.comments.push({ id: 100, user: { type: "Bot" }, body: call.body });
            },
            updateComment: async (call: { repo: string; comment_id: number; body: string }) => {
                assert.equal(call.repo, "nta");
                this.calls.push(`update ${call.comment_id}`);
                const comment = this.comments.find(({ id }) => id === call.comment_id);
                assert.ok(comment);
                comment.body = call.body;
            },
        };
        const paginate = async (method: unknown, call: { issue_number: number }) => {
            assert.equal(method, listComments);
            assert.equal(call.issue_number, 7);
            return this.comments;
        };
        await publishReport({
            github: { rest: { issues }, paginate },
            context: { repo: where, issue: { number: 7 } },
            core: { warning: (text: string) => this.warnings.push(text) },
            file,
        });
    }
}

describe("the report's comment", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-report-"));
    const file = path.join(folder, "report.md");
    after(() => fs.rmSync(folder, { recursive: true, force: true }));

    it("is made once, edited when the report changes, and left alone when it does not", async () => {
        const other: Comment = { id: 1, user: { type: "User" }, body: `quoting: ${marker}` };
        const copied: Comment = { id: 2, user: { type: "User" }, body: `${marker}\nby a person` };
        const pullRequest = new PullRequest([other, copied]);
        fs.writeFileSync(file, "first\n");
        await pullRequest.publish(file);
        await pullRequest.publish(file);
        fs.writeFileSync(file, "second\n");
        await pullRequest.publish(file);
        assert.deepEqual(pullRequest.calls, ["create", "update 100"]);
        assert.deepEqual(
            pullRequest.comments.map(({ body }) => body),
            [other.body, copied.body, `${marker}\nsecond\n`],
        );
    });

    it("is not made without a report, which is said", async () => {
        const pullRequest = new PullRequest([]);
        await pullRequest.publish(path.join(folder, "missing.md"));
        assert.deepEqual(pullRequest.calls, []);
        assert.equal(pullRequest.warnings.length, 1);
    });
});
