import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import type { AddressInfo } from "node:net";
import * as os from "node:os";
import * as path from "node:path";

import * as pulumi from "@pulumi/pulumi";
import { parse, stringify } from "yaml";

import { readKubeconfig, singleContext } from "../../components/cluster/kubeconfig";
import { type ReachArgs, reachCluster } from "../../components/cluster/reach";
import { withVariables } from "../environment";

/** A kubeconfig with one context for each of these servers. */
function kubeconfig(servers: Record<string, string>, current = ""): string {
    const names = Object.keys(servers);
    return stringify({
        apiVersion: "v1",
        kind: "Config",
        clusters: names.map((name) => ({ name: `${name}-cluster`, cluster: { server: servers[name] } })),
        users: [{ name: "ada", user: { token: "t0ken" } }],
        contexts: names.map((name) => ({ name, context: { cluster: `${name}-cluster`, user: "ada" } })),
        "current-context": current,
    });
}

/** An API server that knows what the check asks for; tests change its answers by path. */
class FakeApiServer {
    readonly asked: string[] = [];
    private readonly server = http.createServer((request, response) => {
        const url = request.url ?? "";
        this.asked.push(`${request.method} ${url} ${request.headers.authorization ?? ""}`);
        const answer = this.answers[url];
        if (answer === "silence") {
            return;
        }
        const status = typeof answer === "number" ? answer : answer === undefined ? 404 : 200;
        const body =
            status === 200 ? answer : { kind: "Status", reason: "No", message: `answer ${status}`, code: status };
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
    answers: Record<string, unknown> = {};

    async start(): Promise<string> {
        await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
        return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    }

    stop(): void {
        this.server.close();
        this.server.closeAllConnections();
    }

    /** A cluster that can be used. */
    reset(): void {
        this.asked.length = 0;
        this.answers = {
            "/version": { gitVersion: "v1.30.2-gke.1587003" },
            "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews": { status: { allowed: true } },
            "/api/v1/namespaces/kube-system": { metadata: { name: "kube-system", uid: "uid-1" } },
            "/api/v1/nodes": {
                items: [
                    {
                        metadata: { name: "n1" },
                        status: { addresses: [{ type: "InternalIP", address: "10.0.0.1" }] },
                    },
                    { metadata: { name: "n2" } },
                ],
            },
            "/apis/storage.k8s.io/v1/storageclasses": {
                items: [
                    { metadata: { name: "slow" } },
                    {
                        metadata: {
                            name: "standard",
                            annotations: { "storageclass.kubernetes.io/is-default-class": "true" },
                        },
                    },
                ],
            },
        };
    }
}

describe("an existing cluster", () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-kubeconfig-"));
    const api = new FakeApiServer();
    let server: string;
    let args: ReachArgs;

    before(async () => {
        server = await api.start();
    });
    after(() => {
        api.stop();
        fs.rmSync(folder, { recursive: true });
    });
    beforeEach(() => {
        api.reset();
        args = {
            kubeconfig: { content: kubeconfig({ lab: server, other: "https://192.0.2.1:6443" }) },
            context: "lab",
            namespace: "taurus",
            owner: "nta-test",
        };
    });

    /** The error's whole text, which the user sees without a stack trace. */
    async function refusal(change: Partial<ReachArgs> = {}, seconds?: number): Promise<string> {
        try {
            await reachCluster({ ...args, ...change }, seconds);
        } catch (error) {
            assert.ok(pulumi.RunError.isInstance(error), String(error));
            return error.message;
        }
        return assert.fail("it was not refused");
    }

    it("is asked once for what has to be known, with the kubeconfig's login", async () => {
        const reached = await reachCluster(args);
        const { kubeconfig: single, ...rest } = reached;
        assert.deepEqual(rest, {
            context: "lab",
            server,
            identity: "uid-1",
            version: "v1.30.2-gke.1587003",
            nodes: ["n1", "n2"],
            nodeAddress: "10.0.0.1",
        });
        assert.deepEqual(parse(single), {
            apiVersion: "v1",
            kind: "Config",
            clusters: [{ name: "lab-cluster", cluster: { server } }],
            users: [{ name: "ada", user: { token: "t0ken" } }],
            contexts: [{ name: "lab", context: { cluster: "lab-cluster", user: "ada" } }],
            "current-context": "lab",
        });
        assert.equal(api.asked.length, 6);
        assert.ok(api.asked.every((request) => request.endsWith("Bearer t0ken")));
    });

    it("needs no more rights than it must have", async () => {
        for (const path of [
            "/api/v1/namespaces/kube-system",
            "/api/v1/namespaces/taurus",
            "/api/v1/nodes",
            "/apis/storage.k8s.io/v1/storageclasses",
        ]) {
            api.answers[path] = 403;
        }
        const reached = await reachCluster(args);
        assert.deepEqual([reached.identity, reached.nodes, reached.nodeAddress], [server, [], undefined]);
    });

    it("is refused when its kubeconfig can't be read, does not parse or is something else", async () => {
        assert.match(
            await refusal({ kubeconfig: { path: "/none/config" } }),
            /^The kubeconfig \/none\/config can't be read: ENOENT\.\nName a right one: pulumi config set kubeconfig <path>/,
        );
        const file = path.join(folder, "broken");
        fs.writeFileSync(file, "clusters: [\n  - token: t0ken");
        const broken = await refusal({ kubeconfig: { path: file } });
        assert.match(broken, /broken does not parse: .+\.\nName a right one/);
        assert.doesNotMatch(broken, /t0ken/);
        assert.match(await refusal({ kubeconfig: { content: "a: 1\n" } }), /nta:kubeconfig does not parse/);
    });

    it("is refused when there is no such context, and those that there are are named", async () => {
        assert.match(
            await refusal({ context: "labb" }),
            /has no context "labb" \(nta:kubeContext\); it has lab, other\.\nChoose one: pulumi config set kubeContext <context>/,
        );
        assert.match(await refusal({ context: undefined }), /no current context, and nta:kubeContext is not set/);
        const only = { content: kubeconfig({ lab: server }) };
        assert.match(
            await refusal({ kubeconfig: only, context: "x" }),
            /Choose one: pulumi config set kubeContext lab\n/,
        );
        const empty = { content: "kind: Config\n" };
        assert.match(await refusal({ kubeconfig: empty, context: "x" }), /it has none\.\nName another file/);
        const dangling = { content: kubeconfig({ lab: server }).replace("name: lab-cluster", "name: gone") };
        assert.match(await refusal({ kubeconfig: dangling }), /no cluster "lab-cluster" for it/);
    });

    it("is refused when it does not answer in time, or not at all", async () => {
        api.answers["/version"] = "silence";
        const began = Date.now();
        assert.match(
            await refusal({}, 0.3),
            /The cluster of the context "lab", http:\S+, does not answer: no answer within 0\.3 s\.\nStart it/,
        );
        assert.ok(Date.now() - began < 2000);
        api.reset();
        // Half of the answers count as none.
        api.answers["/api/v1/nodes"] = "silence";
        assert.match(await refusal({}, 0.3), /no answer within 0\.3 s/);
        const closed = { content: kubeconfig({ lab: "http://127.0.0.1:1" }) };
        assert.match(await refusal({ kubeconfig: closed }), /does not answer: .*ECONNREFUSED.*kubectl --context lab/s);
    });

    it("is refused when it does not accept the login", async () => {
        api.answers["/version"] = 401;
        assert.match(await refusal(), /does not accept the kubeconfig's login: answer 401\.\nLog in again/);
    });

    it("is refused when it is too old", async () => {
        for (const old of ["v1.28.15+k3s1", "v1.9.0", "v0.30.0", "?"]) {
            api.answers["/version"] = { gitVersion: old };
            assert.match(await refusal(), /runs Kubernetes .*, which is too old: 1\.29 or later is needed/, old);
        }
        for (const right of ["v1.29.0", "v1.34.4", "v2.0.0"]) {
            api.answers["/version"] = { gitVersion: right };
            assert.equal((await reachCluster(args)).version, right);
        }
    });

    it("is refused when it lets us make no namespace, or when the namespace is somebody else's", async () => {
        api.answers["/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"] = { status: { allowed: false } };
        assert.match(await refusal(), /may not create a namespace in http:.*\nAsk the cluster's administrator/);
        api.reset();
        const labels = (owner: string) => ({ metadata: { labels: { "app.kubernetes.io/instance": owner } } });
        api.answers["/api/v1/namespaces/taurus"] = labels("nta-other");
        assert.match(
            await refusal(),
            /namespace "taurus" \(nta:namespace\) is in the cluster already .*\nChoose another one: pulumi config set namespace nta-test/,
        );
        api.answers["/api/v1/namespaces/taurus"] = labels("nta-test");
        await reachCluster(args);
    });

    it("is refused when the StorageClass is missing, and those that there are are named", async () => {
        assert.match(
            await refusal({ storageClass: "fast" }),
            /no StorageClass "fast" \(nta:storageClass\)\.\nIt has slow, standard\. Choose one/,
        );
        await reachCluster({ ...args, storageClass: "slow" });
        api.answers["/apis/storage.k8s.io/v1/storageclasses"] = { items: [{ metadata: { name: "slow" } }] };
        assert.match(
            await refusal(),
            /no default StorageClass, .*\nIt has slow\. Choose one: pulumi config set storageClass slow/,
        );
        api.answers["/apis/storage.k8s.io/v1/storageclasses"] = { items: [] };
        assert.match(await refusal(), /It has no StorageClass at all/);
    });

    it("is looked for where kubectl looked before `source env`", async () => {
        const files = ["a", "b"].map((name) => path.join(folder, name));
        fs.writeFileSync(files[0], kubeconfig({ a: server }));
        fs.writeFileSync(files[1], kubeconfig({ b: server }));
        fs.mkdirSync(path.join(folder, ".kube"));
        fs.copyFileSync(files[1], path.join(folder, ".kube", "config"));
        const contexts = (environment: NodeJS.ProcessEnv) => [
            ...readKubeconfig(undefined, environment).config.contexts.keys(),
        ];
        assert.deepEqual(contexts({ KUBECONFIG: files.join(":") }), ["a", "b"]);
        assert.deepEqual(contexts({ KUBECONFIG: files[0], NTA_USER_KUBECONFIG: files[1] }), ["b"]);
        await withVariables({ HOME: folder }, () =>
            assert.deepEqual(contexts({ KUBECONFIG: files[0], NTA_USER_KUBECONFIG: "" }), ["b"]),
        );
    });

    it("is kept as a kubeconfig that needs no other file", async () => {
        fs.writeFileSync(path.join(folder, "ca.crt"), "CA");
        fs.writeFileSync(path.join(folder, "me.crt"), "CERT");
        const file = path.join(folder, "with-files");
        const document = parse(kubeconfig({ lab: server })) as {
            clusters: { cluster: object }[];
            users: { user: object }[];
        };
        document.clusters[0].cluster = { server, "certificate-authority": "ca.crt" };
        document.users[0].user = { "client-certificate": "me.crt", "client-key": "none.key" };
        fs.writeFileSync(file, stringify(document));
        assert.match(await refusal({ kubeconfig: { path: file } }), /names the file .*none\.key.*ENOENT/);
        fs.writeFileSync(path.join(folder, "none.key"), "KEY");
        const single = parse(singleContext(readKubeconfig({ path: file }), "lab")) as typeof document;
        const base64 = (text: string) => Buffer.from(text).toString("base64");
        assert.deepEqual(single.clusters[0].cluster, { server, "certificate-authority-data": base64("CA") });
        assert.deepEqual(single.users[0].user, {
            "client-certificate-data": base64("CERT"),
            "client-key-data": base64("KEY"),
        });
    });
});
