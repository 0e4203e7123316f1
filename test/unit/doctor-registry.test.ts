import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

import { parseSettings } from "../../components/settings/parse";
import type { Subject } from "../../tools/doctor/check";
import { checkRegistry } from "../../tools/doctor/registry";

describe("doctor: registry", () => {
    /** A registry that wants a login, over plain HTTP. */
    let server: Server;
    let host: string;
    const asked: (string | undefined)[] = [];

    before((done) => {
        const right = `Basic ${Buffer.from("ada:right").toString("base64")}`;
        server = createServer((request, response) => {
            asked.push(request.headers.authorization);
            const allowed = request.url === "/v2/" && request.headers.authorization === right;
            response.writeHead(allowed ? 200 : 401, { "www-authenticate": 'Basic realm="test"' }).end("{}");
        });
        server.listen(0, "127.0.0.1", () => {
            host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
            done();
        });
    });
    after((done) => server.close(done));

    const login = { "nta:registryUsername": "ada", "nta:registryPassword": "(encrypted)" };

    function check(settings: Record<string, string>, opened: Awaited<ReturnType<Subject["openSecret"]>>) {
        const raw = {
            "nta:cluster": "existing",
            "nta:kubeContext": "lab",
            "nta:registry": `${host}/team/a`,
            "nta:registryInsecure": "true",
            ...settings,
        };
        return checkRegistry({
            stack: "lab",
            clusterName: "nta-lab",
            settings: parseSettings(raw, ["nta:registryPassword"], {
                project: "nta",
                readFile: () => assert.fail("no file"),
            }),
            containers: [],
            mend: () => assert.fail("no setting is proposed"),
            openSecret: (setting) => {
                assert.equal(setting, "registryPassword");
                return Promise.resolve(opened);
            },
        });
    }

    it("tries the login with the password that the engine opens", async () => {
        asked.length = 0;
        assert.deepEqual(await check(login, { answer: "right" }), {
            name: "registry",
            found: `${host}/team/a as ada`,
            wrong: [],
        });
        assert.equal(asked.length, 2, "without the login first, then with it");
    });

    it("says that a password is wrong, and what gives another", async () => {
        assert.deepEqual(await check(login, { answer: "wrong" }), {
            name: "registry",
            found: `${host}/team/a as ada`,
            wrong: [
                {
                    wrong: `${host} refuses the user name or the password`,
                    mend: "pulumi config set registryUsername <name> && pulumi config set --secret registryPassword",
                },
            ],
        });
    });

    it("says that a login was not tried where the password can't be opened, and looks at the rest", async () => {
        const why = "no stack named 'lab' found\nmore";
        const { found, wrong } = await check(login, { why });
        assert.equal(found, `${host}/team/a as ada (the login was not tried: no stack named 'lab' found)`);
        assert.deepEqual(wrong, []);
        const other = await check({ ...login, "nta:registry": "127.0.0.1:1/team" }, { why });
        assert.deepEqual(
            other.wrong.map((finding) => finding.wrong),
            ["127.0.0.1:1 can't be reached: nothing listens there"],
        );
    });

    it("says that a login is missing", async () => {
        const { found, wrong } = await check({}, { why: "never asked" });
        assert.equal(found, `${host}/team/a`);
        assert.deepEqual(
            wrong.map((finding) => finding.wrong),
            [`${host} wants a login`],
        );
    });
});
