import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

import type { StackUpdate } from "../../operations/audit/history";
import type { AuditEntry } from "../../operations/audit/log";
import type { StatusReport } from "../../operations/status/report";
import { freePort } from "../free-port";
import { processTree } from "./command";
import { DebuggerClient } from "./debugger-client";
import { StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

/** The files below a folder, by their path in it. */
function readAll(folder: string): Map<string, string> {
    const files = fs.readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    return new Map(
        files.map((entry) => {
            const file = path.join(entry.parentPath, entry.name);
            return [path.relative(folder, file), fs.readFileSync(file, "utf8")];
        }),
    );
}

/** What `npm run` offers for a stack that is up: status, audit, logs, shell, debug. */
export function operations(workspace: StackUnderTest): void {
    const tool = async (...args: string[]) => {
        const result = await workspace.run("npm", ["run", "--silent", ...args], { timeout: 180 });
        assert.equal(result.code, 0, `npm run ${args.join(" ")}\n${result.stdout}\n${result.stderr}`);
        return result.stdout;
    };
    const onNode = (script: string) => workspace.output(`docker exec ${workspace.cluster}-1 sh -c '${script}'`);

    describe("operating it", () => {
        it("status shows that the application is well, with links, digests and the ends of certificates", async () => {
            const report = JSON.parse(await tool("status", "--", "--json")) as StatusReport;
            assert.deepEqual(
                report.nodes.map(({ name, ready }) => [name, ready]),
                [[`${workspace.cluster}-1`, true]],
            );
            assert.deepEqual(
                report.pods.filter(({ name, well }) => name.startsWith("taurus/") && !well),
                [],
            );
            assert.ok(report.pods.some(({ name }) => name === "taurus/mysql-0"));
            const addresses = JSON.parse(await workspace.output("pulumi stack output addresses --json")) as {
                taurus: string;
            };
            const taurus = report.services.find(({ name }) => name === "taurus/taurus");
            assert.ok(
                taurus?.links.includes(addresses.taurus),
                `${addresses.taurus} is not in ${taurus?.links.join()}`,
            );
            assert.equal(report.jobs.find(({ name }) => name === "taurus/taurus-schema")?.outcome, "Complete");
            const images = JSON.parse(await workspace.output("pulumi stack output images --json")) as { mysql: string };
            assert.ok(report.images.some(({ image, digest }) => `${image}@${digest}` === images.mysql));
            assert.equal(report.volumes.find(({ name }) => name === "taurus/mysql")?.status, "Bound");
            assert.equal(report.certificates.length, 3);
            for (const { name, end } of report.certificates) {
                assert.ok(Date.parse(end) > Date.now() + 300 * 86_400_000, `${name} ends at ${end}`);
            }
            const screen = await tool("status");
            assert.match(screen, /^ {2}taurus\/mysql-0 +1\/1 +Running/m);
            assert.doesNotMatch(screen, /^! taurus/m);
        });

        it("audit shows who changed what, the stack's updates, and nothing that is secret", async () => {
            const name = `e2e-audited-${Date.now()}`;
            await workspace.output(`kubectl create configmap ${name} && kubectl delete configmap ${name}`);
            const entries = await eventually("the change is in the audit log", 30, async () => {
                const found = JSON.parse(await tool("audit", "--", "--name", name, "--json")) as {
                    entries: AuditEntry[] | string;
                };
                assert.ok(Array.isArray(found.entries), String(found.entries));
                return found.entries.length >= 2 ? found.entries : undefined;
            });
            assert.deepEqual(
                entries.map(({ user, verb, resource, client }) => [user, verb, resource, client]),
                [
                    ["kubernetes-admin", "create", "configmaps", "kubectl"],
                    ["kubernetes-admin", "delete", "configmaps", "kubectl"],
                ],
            );
            const { updates } = JSON.parse(await tool("audit", "--", "--json", "--verb", "none")) as {
                updates: StackUpdate[];
            };
            assert.ok(updates.some(({ result, changes }) => result === "succeeded" && (changes.create ?? 0) > 0));
            const log = await onNode("cat /var/lib/nta/audit/*.log");
            assert.match(log, /"resource":"secrets"/);
            assert.ok(!log.includes(await workspace.secretOutput("mysqlPassword")));
        });

        it("logs and shell go by a workload's name, and a wrong one is answered with the right one", async () => {
            assert.match(await tool("logs", "--", "taurus-schema"), /./);
            assert.equal((await tool("shell", "--", "mysql", "--", "hostname")).trim(), "mysql-0");
            const { code, stderr } = await workspace.run("npm", ["run", "--silent", "logs", "--", "mysqk"]);
            assert.equal(code, 1);
            assert.match(stderr, /Did you mean mysql\?/);
        });

        it("logs --export gathers everything, and none of the stack's secrets", async () => {
            const folder = path.join(workspace.root, "export");
            await tool("logs", "--", "--export", folder);
            const files = readAll(folder);
            const node = path.join("nodes", `${workspace.cluster}-1`);
            for (const name of [
                "versions.txt",
                `Pulumi.${workspace.stack}.yaml`,
                "history.json",
                "events.txt",
                path.join("objects", "pods.json"),
                path.join("logs", "taurus", "mysql-0", "mysql.log"),
                ...["cloud-init.log", "kubeadm.log", "kubelet.log", "containerd.log"].map((log) =>
                    path.join(node, log),
                ),
            ]) {
                assert.ok((files.get(name) ?? "").length > 100, `${name} is missing or nearly empty`);
            }
            assert.doesNotMatch(files.get("README.txt") ?? "", /Could not be had/);

            const secrets = new Map<string, string>();
            for (const name of ["apiKey", "mysqlPassword", "rabbitmqPassword"]) {
                secrets.set(name, await workspace.secretOutput(name));
            }
            const kubeconfig = await workspace.secretOutput("kubeconfig");
            const key = /client-key-data: (\S+)/.exec(kubeconfig)?.[1] ?? "";
            const pem = Buffer.from(key, "base64").toString();
            assert.match(pem, /PRIVATE KEY/);
            secrets.set("kubeconfig's key", key).set("kubeconfig's key, a line of it", pem.split("\n")[3]);
            // kubeadm says it in its own log, so the export would hold it if nobody had masked it.
            const token = /[a-z0-9]{6}\.[a-z0-9]{16}/.exec(await onNode("cat /var/log/nta-kubeadm.log"))?.[0] ?? "";
            secrets.set("join token", token);
            const salt = /encryptionsalt: (\S+)/.exec(
                fs.readFileSync(path.join(workspace.clone, `Pulumi.${workspace.stack}.yaml`), "utf8"),
            );
            secrets.set("the settings' salt", salt?.[1] ?? "");
            for (const [name, secret] of secrets) {
                assert.ok(secret.length >= 5, `there is no ${name} to look for`);
                const base64 = Buffer.from(secret).toString("base64").replace(/=+$/, "");
                for (const [file, text] of files) {
                    assert.ok(!text.includes(secret) && !text.includes(base64), `${name} is in ${file}`);
                }
            }
        });

        it("debug stops the application's Python at a breakpoint, through a forwarded port", async function () {
            if (!workspace.isSample) {
                this.skip();
            }
            const port = await freePort();
            const source = fs.readFileSync(
                path.join(workspace.clone, "images/sample/htmengine/htmengine/metric_storer.py"),
                "utf8",
            );
            const line = source.split("\n").findIndex((text) => text.includes("publisher = ")) + 1;
            assert.ok(line > 0);
            const command = ["python", "-m", "htmengine.metric_storer"];
            const child = spawn(
                "npm",
                ["run", "--silent", "debug", "--", "taurus-server", "--port", String(port), "--", ...command],
                { cwd: workspace.clone, env: workspace.env, stdio: ["ignore", "ignore", "pipe"] },
            );
            let said = "";
            child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
            const ended = new Promise((resolve) => child.once("exit", resolve));
            try {
                await eventually("the program waits for a debugger", 120, () => {
                    assert.equal(child.exitCode, null, said);
                    return Promise.resolve(said.includes(`localhost:${port}`) ? true : undefined);
                });
                const client = await DebuggerClient.connect(port);
                const { frame } = await client.stopAt("/opt/numenta/htmengine/htmengine/metric_storer.py", line);
                assert.equal(await client.evaluate("connection.is_open", frame), "True");
                await client.request("disconnect", { terminateDebuggee: true });
                client.close();
                await ended;
                assert.doesNotMatch(await tool("shell", "--", "taurus-server", "--", "ls", "/tmp"), /nta-debug-/);
            } finally {
                if (child.exitCode === null && child.pid !== undefined) {
                    processTree(child.pid).forEach((pid) => process.kill(pid, "SIGTERM"));
                }
            }
        });
    });
}
