import * as assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { auditPolicy } from "../../cloud-init/audit-policy";
import { readAuditLog, type AuditEntry } from "../../operations/audit/log";
import { ApiClient } from "../../plugins/kubernetes/client";
import { activeContext, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";
import { asObject } from "../../plugins/kubernetes/object";
import { ControlPlane } from "./plugins-kubernetes-control-plane";

describe("the API server's audit log, by our policy", function () {
    this.timeout(180_000);
    const password = "a-password-that-nobody-may-read";
    let log = "";
    const controlPlane = new ControlPlane((folder) => {
        log = join(folder, "audit.log");
        writeFileSync(join(folder, "audit-policy.yaml"), auditPolicy());
        return [`--audit-policy-file=${join(folder, "audit-policy.yaml")}`, `--audit-log-path=${log}`];
    });
    const accounts: ApiClient[] = [];

    before(() => controlPlane.start());
    after(async () => {
        accounts.forEach((client) => client.close());
        await controlPlane.stop();
    });

    /** A client with the rights of an administrator in the name of a service account. */
    async function serviceAccount(namespace: string): Promise<ApiClient> {
        const { client } = controlPlane;
        const path = `/api/v1/namespaces/${namespace}/serviceaccounts`;
        const metadata = { name: "auditor" };
        await client.request("POST", path, { body: { apiVersion: "v1", kind: "ServiceAccount", metadata } });
        await client.request("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", {
            body: {
                apiVersion: "rbac.authorization.k8s.io/v1",
                kind: "ClusterRoleBinding",
                metadata: { name: `auditor-${namespace}` },
                roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "cluster-admin" },
                subjects: [{ kind: "ServiceAccount", namespace, name: "auditor" }],
            },
        });
        const { status } = await client.request("POST", `${path}/auditor/token`, {
            body: { apiVersion: "authentication.k8s.io/v1", kind: "TokenRequest", spec: {} },
        });
        const { cluster } = activeContext(parseKubeconfig(controlPlane.kubeconfig), {});
        const account = new ApiClient({ cluster, user: { token: asObject(status).token }, namespace });
        accounts.push(account);
        return account;
    }

    /** Waits until the log, which is written in the background, has a certain deletion, and gives what users of ApiClient did. */
    async function entriesUntilDeleted(name: string): Promise<AuditEntry[]> {
        const deadline = Date.now() + 30_000;
        for (;;) {
            const entries = readAuditLog(readFileSync(log, "utf8"));
            if (entries.some((entry) => entry.verb === "delete" && entry.name === name)) {
                return entries.filter((entry) => entry.client === "nta-pulumi-resource-kubernetes");
            }
            assert.ok(Date.now() < deadline, `the deletion of ${name} is not in the log`);
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }

    it("has what people change and where they go in, and nothing that they only read", async () => {
        const { client } = controlPlane;
        const configMaps = "/api/v1/namespaces/default/configmaps";
        const metadata = { name: "audited" };
        await client.request("POST", configMaps, { body: { apiVersion: "v1", kind: "ConfigMap", metadata } });
        await client.request("GET", `${configMaps}/audited`);
        await client.request("GET", configMaps);
        await client.request("PATCH", `${configMaps}/audited`, {
            body: { data: { key: "value" } },
            contentType: "application/merge-patch+json",
        });
        await client.request("POST", "/api/v1/namespaces/default/secrets", {
            body: { apiVersion: "v1", kind: "Secret", metadata, stringData: { password } },
        });
        await client.request("POST", "/api/v1/namespaces/default/events", {
            body: {
                apiVersion: "v1",
                kind: "Event",
                metadata,
                involvedObject: { kind: "ConfigMap", namespace: "default", name: "audited" },
            },
        });
        await client.request("POST", "/apis/coordination.k8s.io/v1/namespaces/default/leases", {
            body: { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata },
        });
        await client.request("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {
            body: { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" },
        });
        // There is no such pod: that somebody tried is in the log all the same.
        await assert.rejects(
            client.request("GET", "/api/v1/namespaces/default/pods/none/exec", { query: { command: "id" } }),
        );
        await client.request("DELETE", `${configMaps}/audited`);

        const entries = await entriesUntilDeleted("audited");
        assert.deepEqual(
            entries.map(({ user, verb, resource, namespace, name, status }) =>
                [user, verb, resource, `${namespace}/${name}`, status].join(" "),
            ),
            [
                "admin create configmaps default/audited 201",
                "admin patch configmaps default/audited 200",
                "admin create secrets default/audited 201",
                "admin exec pods default/none 404",
                "admin delete configmaps default/audited 200",
            ],
        );
        assert.ok(!readFileSync(log, "utf8").includes(password));
    });

    it("has what a workload's account does, and not what the system's accounts do", async () => {
        const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "by-account" } };
        for (const namespace of ["kube-system", "default"]) {
            const account = await serviceAccount(namespace);
            await account.request("POST", `/api/v1/namespaces/${namespace}/configmaps`, { body });
            await account.request("DELETE", `/api/v1/namespaces/${namespace}/configmaps/by-account`);
        }
        const entries = await entriesUntilDeleted("by-account");
        assert.deepEqual(
            entries.filter(({ name }) => name === "by-account").map(({ user, verb }) => [user, verb]),
            [
                ["system:serviceaccount:default:auditor", "create"],
                ["system:serviceaccount:default:auditor", "delete"],
            ],
        );
        // The API server itself has made the roles by now.
        const all = readAuditLog(readFileSync(log, "utf8"));
        assert.deepEqual(
            all.filter(({ user }) => user.startsWith("system:") && !user.startsWith("system:serviceaccount:default:")),
            [],
        );
    });
});
