import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { auditLogDirectory } from "../../cloud-init/audit-policy";
import { readHistory } from "../../operations/audit/history";
import { auditLogScript, fits, parseSince, readAuditLog } from "../../operations/audit/log";
import { auditText } from "../../operations/audit/text";

/** One line of a log as the API server writes it. */
function line(over: object = {}): string {
    return JSON.stringify({
        kind: "Event",
        apiVersion: "audit.k8s.io/v1",
        level: "Metadata",
        auditID: "1",
        stage: "ResponseComplete",
        requestURI: "/apis/apps/v1/namespaces/web/deployments/shop?fieldManager=kubectl-scale",
        verb: "patch",
        user: { username: "ada", groups: ["system:authenticated"] },
        sourceIPs: ["172.18.0.1"],
        userAgent: "kubectl/v1.34.4 (linux/amd64) kubernetes/1234567",
        objectRef: {
            resource: "deployments",
            namespace: "web",
            name: "shop",
            apiGroup: "apps",
            apiVersion: "v1",
            subresource: "scale",
        },
        responseStatus: { metadata: {}, code: 200 },
        requestReceivedTimestamp: "2026-05-01T12:00:01.000000Z",
        stageTimestamp: "2026-05-01T12:00:01.010000Z",
        ...over,
    });
}

const scaled = {
    time: "2026-05-01T12:00:01.000000Z",
    user: "ada",
    verb: "patch",
    resource: "deployments.apps/scale",
    namespace: "web",
    name: "shop",
    status: 200,
    client: "kubectl",
    sourceIPs: ["172.18.0.1"],
};

/** Someone's shell in a pod: begin and end are two lines. */
const exec = {
    auditID: "2",
    requestURI: "/api/v1/namespaces/web/pods/shop-1/exec?command=sh",
    verb: "get",
    user: { username: "kubernetes-admin" },
    impersonatedUser: { username: "grace" },
    objectRef: { resource: "pods", namespace: "web", name: "shop-1", apiVersion: "v1", subresource: "exec" },
    responseStatus: { code: 101 },
    requestReceivedTimestamp: "2026-05-01T12:00:00.000000Z",
};

describe("the audit log", () => {
    const log = [line(), line({ ...exec, stage: "ResponseStarted" }), line(exec), '{"kind":"Event","au'].join("\n");

    it("becomes entries in the order of time: a long request is one, half a line is none", () => {
        assert.deepEqual(readAuditLog(log), [
            {
                time: "2026-05-01T12:00:00.000000Z",
                user: "kubernetes-admin",
                impersonated: "grace",
                verb: "exec",
                resource: "pods",
                namespace: "web",
                name: "shop-1",
                status: 101,
                client: "kubectl",
                sourceIPs: ["172.18.0.1"],
            },
            scaled,
        ]);
    });

    it("is filtered by user, verb, object and time", () => {
        for (const filter of [
            {},
            { user: "ADA" },
            { verb: "Patch" },
            { resource: "deployment" },
            { resource: "deployments.apps" },
            { resource: "deployments/scale" },
            { name: "shop", namespace: "web" },
            { since: new Date("2026-05-01T12:00:01Z") },
        ]) {
            assert.ok(fits(scaled, filter), JSON.stringify(filter));
        }
        for (const filter of [
            { user: "grace" },
            { verb: "create" },
            { resource: "pods" },
            { resource: "deployments/status" },
            { name: "sho" },
            { namespace: "default" },
            { since: new Date("2026-05-01T12:00:01.001Z") },
        ]) {
            assert.ok(!fits(scaled, filter), JSON.stringify(filter));
        }
        const ingress = { ...scaled, resource: "networkpolicies.networking.k8s.io" };
        assert.ok(fits(ingress, { resource: "networkpolicy" }));
        assert.ok(fits({ ...scaled, user: "root", impersonated: "grace" }, { user: "grace" }));
    });

    it("is read with the older files that can hold something of that time", () => {
        const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-audit-"));
        try {
            for (const name of ["audit-2026-05-01T10-00-00.000", "audit-2026-05-01T11-00-00.000", "audit"]) {
                fs.writeFileSync(path.join(folder, `${name}.log`), `${name}\n`);
            }
            const read = (since?: Date) =>
                execFileSync("sh", ["-c", auditLogScript(since).replace(auditLogDirectory, folder)], {
                    encoding: "utf8",
                });
            const [ten, eleven, now] = [
                "audit-2026-05-01T10-00-00.000\n",
                "audit-2026-05-01T11-00-00.000\n",
                "audit\n",
            ];
            assert.equal(read(), ten + eleven + now);
            assert.equal(read(new Date("2026-05-01T09:59:59Z")), ten + eleven + now);
            assert.equal(read(new Date("2026-05-01T10:30:00Z")), eleven + now);
            assert.equal(read(new Date("2026-05-01T11:00:00.001Z")), now);
        } finally {
            fs.rmSync(folder, { recursive: true });
        }
    });

    it("is asked for by times that people write, and by no others", () => {
        const now = new Date("2026-05-02T12:00:00Z");
        assert.equal(parseSince("90m", now)?.toISOString(), "2026-05-02T10:30:00.000Z");
        assert.equal(parseSince("7d", now)?.toISOString(), "2026-04-25T12:00:00.000Z");
        assert.equal(parseSince("2026-05-01", now)?.toISOString(), "2026-05-01T00:00:00.000Z");
        assert.equal(parseSince("2026-05-01T10:00:00Z", now)?.toISOString(), "2026-05-01T10:00:00.000Z");
        assert.equal(parseSince("all", now), undefined);
        for (const text of ["10", "yesterday", "", "1y", "-1h"]) {
            assert.throws(() => parseSince(text, now), /is no time: give 30m, 2h/, text);
        }
    });
});

describe("the history of the stack", () => {
    const item = {
        version: 0,
        kind: "update",
        startTime: "2026-05-01T12:00:00.000Z",
        endTime: "2026-05-01T12:05:11.000Z",
        message: "Make the shop larger",
        environment: { "git.head": "0123456789abcdef0123456789abcdef01234567", "git.dirty": "true" },
        config: { "nta:secret": { value: "hidden", secret: true } },
        result: "succeeded",
        resourceChanges: { create: 59, same: 2 },
    };

    it("has each update without its configuration, the oldest first", () => {
        const running = { ...item, startTime: "2026-05-01T13:00:00.000Z", result: "in-progress", environment: {} };
        assert.deepEqual(readHistory(JSON.stringify([running, item])), [
            {
                time: "2026-05-01T12:00:00.000Z",
                kind: "update",
                result: "succeeded",
                seconds: 311,
                changes: { create: 59, same: 2 },
                commit: "0123456789+",
                message: "Make the shop larger",
            },
            {
                time: "2026-05-01T13:00:00.000Z",
                kind: "update",
                result: "in-progress",
                changes: { create: 59, same: 2 },
                message: "Make the shop larger",
            },
        ]);
    });

    it("stands beside the cluster's changes, and says what can't be known", () => {
        const updates = readHistory(JSON.stringify([item]));
        assert.equal(
            auditText({ stack: "local", updates, entries: [scaled, scaled], limit: 1, since: "24h" }),
            `Updates of the stack local of the last 24h (times in UTC)

TIME                 KIND    RESULT     TOOK   CHANGES    COMMIT
2026-05-01 12:00:00  update  succeeded  311 s  59 create  0123456789+

Changes in the cluster of the last 24h

TIME                 USER  VERB   RESOURCE                OBJECT    STATUS  BY
2026-05-01 12:00:01  ada   patch  deployments.apps/scale  web/shop  200     kubectl
(1 older ones not shown: --limit 2)`,
        );
        assert.match(
            auditText({ stack: "local", updates: [], entries: "out of reach", limit: 1, since: "2026-05-01" }),
            /^Updates .* since 2026-05-01 \(times in UTC\)\n\nNone since 2026-05-01\.\n\nChanges .*\n\nNot known: out of reach\.$/,
        );
    });
});
