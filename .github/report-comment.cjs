"use strict";

/* global require, module */

// Plain JavaScript, because actions/github-script runs it as it is.

/* eslint-disable @typescript-eslint/no-require-imports -- a CommonJS file */
const fs = require("node:fs");

/** The first line of the comment, by which it is found again; readers don't see it. */
const marker = "<!-- preview:diff -->";

/**
 * Puts a report into the pull request as one comment: the first time a new one, then always the same one, edited.
 * Does nothing without a report, which is so when the tool could not begin.
 *
 * @param {{ github: any, context: any, core: any, file: string }} step what actions/github-script gives its scripts, and
 *     the file of the report
 */
async function publishReport({ github, context, core, file }) {
    if (!fs.existsSync(file)) {
        core.warning(`There is no report to publish: ${file} is missing.`);
        return;
    }
    const body = `${marker}\n${fs.readFileSync(file, "utf8")}`;
    const pullRequest = { ...context.repo, issue_number: context.issue.number };
    const comments = await github.paginate(github.rest.issues.listComments, { ...pullRequest, per_page: 100 });
    const own = comments.find((comment) => comment.user?.type === "Bot" && (comment.body ?? "").startsWith(marker));
    if (own === undefined) {
        await github.rest.issues.createComment({ ...pullRequest, body });
    } else if (own.body !== body) {
        await github.rest.issues.updateComment({ ...context.repo, comment_id: own.id, body });
    }
}

module.exports = { marker, publishReport };
