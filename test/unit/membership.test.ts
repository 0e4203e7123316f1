import * as assert from "node:assert/strict";

import { caCertHash, dismiss, Invitations, takeBack } from "../../machine/membership";
import type { ExecuteOptions } from "../../machine/nodes";
import type { Result } from "../../machine/process";
import { Progress } from "../../machine/progress";
import { IdleNodes } from "./idle-nodes";

// Self-signed, CN=ca, made with: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 36500
const certificate = Buffer.from(`-----BEGIN CERTIFICATE-----
MIIBcTCCARegAwIBAgIUTH6GXWMzHdzALPrqAF+illvTx6QwCgYIKoZIzj0EAwIw
DTELMAkGA1UEAwwCY2EwIBcNMjYxMTI0MTUzNDE1WhgPMjEyNjEwMzExNTM0MTVa
MA0xCzAJBgNVBAMMAmNhMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE+IR1FBB4
HwBcRZF1NPcx8DooZCHoK/Y7RBbLzwJ5tkhAH4AFCheSNWxRZY2xg2d8Si4uZPw7
uvx7KBYjeeMZ3KNTMFEwHQYDVR0OBBYEFHnUGv8ItZIM07kohGw453GepEjmMB8G
A1UdIwQYMBaAFHnUGv8ItZIM07kohGw453GepEjmMA8GA1UdEwEB/wQFMAMBAf8w
CgYIKoZIzj0EAwIDSAAwRQIhALqdQIOQ5xnJW0bQwLAUQOQUC5y6jRXOaIrN2pmj
0pK7AiAXXV147AodKCXlHbqX8BVshkKDm3y6R0N2E4nY3R7GoA==
-----END CERTIFICATE-----
`);
// openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum
const hash = "sha256:133a8923fc643f0f106ef78ecbf74fffad451420fda62c6f0ed26dbe456d8baf";

const token = "abcdef.0123456789abcdef";

/** Machines that note what they are asked to do; `answers` holds exit code and output by a part of the script. */
class FakeNodes extends IdleNodes {
    constructor(private readonly answers: Record<string, [number, string]> = {}) {
        super();
    }

    execute(node: string, script: string, { input }: ExecuteOptions = {}): Promise<Result> {
        this.done.push(`${node}: ${script}${input === undefined ? "" : ` <- ${input}`}`);
        const found = Object.entries(this.answers).find(([part]) => `${node}: ${script}`.includes(part));
        const [code, stdout] = found?.[1] ?? [0, ""];
        return Promise.resolve({ code, stdout, stderr: "" });
    }
}

const silent = () => new Progress("test", () => undefined);
const kubectl = "a: kubectl --kubeconfig /etc/kubernetes/admin.conf";

describe("membership", () => {
    it("names an authority as kubeadm does", () => {
        assert.equal(caCertHash(certificate), hash);
    });

    it("invites the machines that ask, with one token that is deleted in the end and on no command line", async () => {
        const nodes = new FakeNodes({
            "d: test": [1, ""],
            "kubeadm token create": [0, `${token}\n`],
            jws: [0, ""],
        });
        const invitations = new Invitations(nodes, "a", certificate);
        assert.deepEqual(await invitations.answer(["b", "c", "d"]), ["b", "c"]);
        const given = nodes.done.filter((line) => line.includes(token));
        assert.deepEqual(
            given.map((line) => [line[0], line.slice(line.indexOf("<-"))]),
            ["b", "c"].map((name) => [name, `<- ${token} ${hash}\n`]),
        );
        assert.equal(nodes.done.filter((line) => line.includes("token create")).length, 1);
        assert.match(nodes.done.join("\n"), /--ttl 15m/);
        await invitations.end();
        assert.match(nodes.done.at(-1) ?? "", /^a: kubeadm token delete \S+ \S+ abcdef$/);
    });

    it("waits until the cluster is known by the token", async () => {
        const nodes = new FakeNodes({ "kubeadm token create": [0, `${token}\n`], jws: [1, ""] });
        assert.deepEqual(await new Invitations(nodes, "a", certificate).answer(["b"]), []);
        assert.ok(!nodes.done.some((line) => line.includes("<-")));
    });

    it("asks the cluster once for all machines, however many ask and when", async () => {
        const nodes = new FakeNodes({ "kubeadm token create": [0, `${token}\n`], jws: [0, ""] });
        const invitations = new Invitations(nodes, "a", certificate);
        await invitations.answer(["b", "c"]);
        assert.deepEqual(
            nodes.done.filter((line) => line.startsWith(kubectl)),
            [
                `${kubectl} wait configmap cluster-info --namespace kube-public --for=jsonpath='{.data.jws-kubeconfig-abcdef}' --timeout=5s`,
                `${kubectl} delete node b c --ignore-not-found`,
            ],
        );
        nodes.done.length = 0;
        assert.deepEqual(await invitations.answer(["d"]), ["d"]);
        assert.deepEqual(
            nodes.done.filter((line) => line.startsWith(kubectl)),
            [`${kubectl} delete node d --ignore-not-found`],
        );
    });

    it("lets a new machine take the place of a lost one of the same name", async () => {
        const nodes = new FakeNodes({ "kubeadm token create": [0, `${token}\n`], jws: [0, ""] });
        await new Invitations(nodes, "a", certificate).answer(["b"]);
        const removed = nodes.done.indexOf(`${kubectl} delete node b --ignore-not-found`);
        assert.ok(removed >= 0 && removed < nodes.done.findIndex((line) => line.includes("<-")));
    });

    it("invites nobody before the first machine has its cluster, and makes no token for nobody", async () => {
        const early = new FakeNodes({ "kubeadm token create": [1, ""] });
        assert.deepEqual(await new Invitations(early, "a", certificate).answer(["b"]), []);
        const idle = new FakeNodes({ "b: test": [1, ""] });
        const invitations = new Invitations(idle, "a", certificate);
        await invitations.answer(["b"]);
        await invitations.end();
        assert.equal(idle.done.length, 1);
    });

    it("drains a node before it removes it, unless it could not be drained", async () => {
        const nodes = new FakeNodes();
        await dismiss(nodes, "a", { name: "b", ready: true }, silent());
        assert.deepEqual(nodes.done, [
            `${kubectl} annotate --overwrite node b nta/leaving=true`,
            `${kubectl} drain b --ignore-daemonsets --delete-emptydir-data --force --timeout=300s`,
            `${kubectl} delete node b --ignore-not-found`,
            "remove b",
        ]);
        const dead = new FakeNodes();
        await dismiss(dead, "a", { name: "b", ready: false }, silent());
        assert.deepEqual(dead.done, [`${kubectl} delete node b --ignore-not-found`, "remove b"]);
    });

    it("keeps a node that can't be drained, and takes it back when it is wanted again", async () => {
        const nodes = new FakeNodes({ drain: [1, ""] });
        await assert.rejects(() => dismiss(nodes, "a", { name: "b", ready: true }, silent()), /b could not be drained/);
        assert.ok(!nodes.done.includes("remove b"));
        const again = new FakeNodes();
        await takeBack(again, "a", ["b", "c"]);
        assert.deepEqual(again.done, [`${kubectl} uncordon b c`, `${kubectl} annotate node b c nta/leaving-`]);
    });
});
