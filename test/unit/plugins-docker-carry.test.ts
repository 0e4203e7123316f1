import * as assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

import { carryLayers } from "../../plugins/docker/carry-layers";

const sha256 = (content: Buffer) => `sha256:${createHash("sha256").update(content).digest("hex")}`;

describe("plugins: docker: layers carried from one registry to another", () => {
    const servers: Server[] = [];
    afterEach(() => servers.splice(0).forEach((server) => server.close()));

    async function serve(listener: RequestListener): Promise<string> {
        const server = createServer(listener);
        servers.push(server);
        await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
        return `127.0.0.1:${(server.address() as AddressInfo).port}`;
    }

    /** A registry with one image, `team/app`, of these layers; it wants no login. */
    async function source(layers: readonly Buffer[]) {
        const manifest = JSON.stringify({ layers: layers.map((one) => ({ digest: sha256(one), size: one.length })) });
        const digest = sha256(Buffer.from(manifest));
        const asked: string[] = [];
        const host = await serve((request, response) => {
            asked.push(request.url ?? "");
            const blob = layers.find((one) => request.url === `/v2/team/app/blobs/${sha256(one)}`);
            if (request.url === `/v2/team/app/manifests/${digest}`) {
                response.end(manifest);
            } else if (blob !== undefined) {
                response.end(blob);
            } else {
                response.writeHead(404).end();
            }
        });
        return { name: `${host}/team/app@${digest}`, endpoint: { host }, asked };
    }

    /** A registry that wants a login, and has blobs in `other/app`. */
    async function target(there: readonly string[], refuses = false) {
        const right = `Basic ${Buffer.from("ada:right").toString("base64")}`;
        const received = new Map<string, Buffer>();
        const answer = async (
            request: IncomingMessage,
        ): Promise<[status: number, headers?: Record<string, string>]> => {
            if (request.headers.authorization !== right) {
                return [401, { "www-authenticate": 'Basic realm="test"' }];
            }
            const url = new URL(request.url ?? "", "http://registry");
            if (request.method === "HEAD") {
                return [there.some((digest) => url.pathname === `/v2/other/app/blobs/${digest}`) ? 200 : 404];
            }
            if (request.method === "POST" && url.pathname === "/v2/other/app/blobs/uploads/") {
                return refuses ? [403] : [202, { location: "/v2/other/app/blobs/uploads/7?state=begun" }];
            }
            if (request.method === "PUT" && url.searchParams.get("state") === "begun") {
                received.set(url.searchParams.get("digest") ?? "", await buffer(request));
                return [201];
            }
            return [400];
        };
        const host = await serve((request, response) => {
            void answer(request).then(([status, headers]) => response.writeHead(status, headers).end());
        });
        const endpoint = { host, credentials: { username: "ada", password: "right" } };
        return { name: `${host}/other/app:latest`, endpoint, received };
    }

    const large = (letter: string) => Buffer.alloc(6_000_000, letter);

    it("are those that Docker asks for: large ones, which are not there yet", async () => {
        const [missing, present, small] = [large("a"), large("b"), Buffer.from("small")];
        const [from, to] = [await source([missing, present, small]), await target([sha256(present)])];
        const told: string[] = [];
        await carryLayers(from, to, (line) => told.push(line));
        assert.deepEqual([...to.received.keys()], [sha256(missing)]);
        assert.ok(to.received.get(sha256(missing))?.equals(missing));
        assert.deepEqual(
            told,
            [missing, present].map((one) => `${sha256(one).slice(7, 19)}: 6 MB from ${from.endpoint.host}`),
        );
    });

    it("are carried once, whichever image has them: into other repositories Docker takes them over", async () => {
        const [from, to] = [await source([large("c")]), await target([])];
        await carryLayers(from, to, () => {});
        const before = from.asked.length;
        await carryLayers(from, to, () => {});
        assert.equal(from.asked.length, before + 1, "the manifest alone is asked for again");
    });

    it("are left to Docker with a reason where a registry has none or takes none", async () => {
        const [from, to] = [await source([large("d")]), await target([], true)];
        await assert.rejects(
            carryLayers(from, to, () => {}),
            /answers 403 to an upload to other\/app/,
        );
        assert.equal(to.received.size, 0);
        const gone = { name: from.name.replace("team/app", "team/gone"), endpoint: from.endpoint };
        await assert.rejects(
            carryLayers(gone, to, () => {}),
            /answers 404 for .*team\/gone@sha256/,
        );
    });
});
