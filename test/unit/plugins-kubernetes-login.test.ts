import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as http from "node:http";
import type * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

import { ApiClient } from "../../plugins/kubernetes/client";
import { activeContext, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";

describe("a kubeconfig's credential command", () => {
    let folder: string;
    let server: http.Server;
    /** What requests were authorized by. */
    let tokens: (string | undefined)[];

    beforeEach(async () => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-login-"));
        tokens = [];
        server = http.createServer((request, response) => {
            tokens.push(request.headers.authorization);
            response.end("{}");
        });
        await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    });
    afterEach(() => {
        server.close();
        fs.rmSync(folder, { recursive: true });
    });

    /** A client of a user that logs in by this command. */
    function clientOf(command: string): ApiClient {
        const { port } = server.address() as net.AddressInfo;
        const file = path.join(folder, "config");
        const config = {
            kind: "Config",
            "current-context": "c",
            contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
            clusters: [{ name: "c", cluster: { server: `http://127.0.0.1:${port}` } }],
            users: [{ name: "u", user: { exec: { command, installHint: "get it from its maker" } } }],
        };
        fs.writeFileSync(file, JSON.stringify(config));
        return new ApiClient(activeContext(parseKubeconfig(file), {}));
    }

    function script(text: string): void {
        fs.writeFileSync(path.join(folder, "login"), `#!/bin/sh\ncd "$(dirname "$0")"\n${text}\n`, { mode: 0o755 });
    }

    it("is looked for beside the kubeconfig where it is a path, and run once for all requests", async () => {
        script(`echo run >>runs; echo '{ "status": { "token": "t" } }'`);
        const client = clientOf("./login");
        await client.request("GET", "/version");
        await client.request("GET", "/version");
        client.close();
        assert.deepEqual(tokens, ["Bearer t", "Bearer t"]);
        assert.equal(fs.readFileSync(path.join(folder, "runs"), "utf8"), "run\n");
    });

    it("that failed is run again by the next request, and its words are told once", async () => {
        script(
            `if mkdir failed 2>/dev/null; then echo 'no ticket' >&2; exit 3; fi; echo '{ "status": { "token": "t" } }'`,
        );
        const client = clientOf("./login");
        await assert.rejects(client.request("GET", "/version"), {
            message: `the kubeconfig's credential command ${folder}/login failed: it ended with 3\nno ticket`,
        });
        await client.request("GET", "/version");
        client.close();
        assert.deepEqual(tokens, ["Bearer t"]);
    });

    it("that is not there is named, with how to get it", async () => {
        await assert.rejects(clientOf("nta-no-such-login").request("GET", "/version"), {
            message:
                "the kubeconfig's credential command nta-no-such-login failed: there is no such program\nget it from its maker",
        });
    });
});
