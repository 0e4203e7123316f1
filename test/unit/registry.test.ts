import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { trustOf } from "../../components/registry/external-registry";
import { dockerConfigJson } from "../../components/registry/pull-secret";
import { registryScript } from "../../machine/registry";
import { hostOf } from "../../registry/access";
import { connectionProblem } from "../../registry/check";
import { isInsecureFor } from "../../registry/docker-trust";

describe("registry on the nodes", () => {
    let root: string;
    beforeEach(() => (root = fs.mkdtempSync(path.join(os.tmpdir(), "nta-registry-"))));
    afterEach(() => fs.rmSync(root, { recursive: true }));

    /** Runs a script with /etc in a folder of the test's. */
    function run(script: string): void {
        execFileSync("/bin/sh", ["-c", script.replaceAll("/etc/", `${root}/etc/`)]);
    }

    function files(): Record<string, string> {
        const folder = path.join(root, "etc/containerd/certs.d");
        const names = fs.readdirSync(folder, { recursive: true, encoding: "utf8" });
        const texts = names
            .filter((name) => fs.statSync(path.join(folder, name)).isFile())
            .map((name): [string, string] => [name, fs.readFileSync(path.join(folder, name), "utf8")]);
        return Object.fromEntries(texts);
    }

    const hosts = (url: string, ca = "") =>
        `server = "${url}"\n\n[host."${url}"]\n  capabilities = ["pull", "resolve"]\n${ca}`;
    const ca = "-----BEGIN CERTIFICATE-----\n'quoted' $HOME `date`\n-----END CERTIFICATE-----\n";

    it("is reached by HTTPS with the usual authorities, with its own, or by plain HTTP", () => {
        run(registryScript({ host: "usual.example.com", insecure: false }));
        run(registryScript({ host: "own.example.com:5443", insecure: false, ca }));
        run(registryScript({ host: "plain.example.com:5000", insecure: true }));
        assert.deepEqual(files(), {
            "usual.example.com/hosts.toml": hosts("https://usual.example.com"),
            "own.example.com:5443/hosts.toml": hosts(
                "https://own.example.com:5443",
                `  ca = "${root}/etc/containerd/certs.d/own.example.com:5443/ca.crt"\n`.replace(root, ""),
            ),
            "own.example.com:5443/ca.crt": ca,
            "plain.example.com:5000/hosts.toml": hosts("http://plain.example.com:5000"),
        });
    });

    it("takes the place of the former one, and is forgotten at last", () => {
        const former = { host: "one.example.com", insecure: false, ca };
        const next = { host: "two.example.com", insecure: true };
        run(registryScript(former));
        run(registryScript(next, former));
        assert.deepEqual(Object.keys(files()), ["two.example.com/hosts.toml"]);
        run(registryScript(undefined, next));
        assert.deepEqual(files(), {});
    });

    it("loses an authority that is set no longer", () => {
        const host = "one.example.com";
        run(registryScript({ host, insecure: false, ca }));
        run(registryScript({ host, insecure: false }, { host, insecure: false, ca }));
        assert.deepEqual(files(), { [`${host}/hosts.toml`]: hosts(`https://${host}`) });
    });
});

describe("registry and Docker on this machine", () => {
    const registry = { address: "r.example.com:5443/team", insecure: false };

    it("need each other's trust for plain HTTP and for an authority of one's own", () => {
        assert.equal(hostOf(registry), "r.example.com:5443");
        assert.equal(trustOf(registry), undefined);
        assert.deepEqual(trustOf({ ...registry, ca: "PEM" }), { host: "r.example.com:5443", ca: "PEM" });
        assert.deepEqual(trustOf({ ...registry, insecure: true }), { host: "r.example.com:5443", insecure: true });
    });

    it("speak plain HTTP where the engine lists the name or the address's range", () => {
        const config = {
            InsecureRegistryCIDRs: ["127.0.0.0/8", "10.1.0.0/16", "fd00::/8"],
            IndexConfigs: { "docker.io": { Secure: true }, "listed.example.com:5000": { Secure: false } },
        };
        for (const host of ["listed.example.com:5000", "10.1.2.3:5000", "127.0.0.1:1", "localhost:1", "[fd00::1]:5"]) {
            assert.ok(isInsecureFor(config, host), host);
        }
        for (const host of ["listed.example.com", "10.2.0.1:5000", "docker.io", "[fe80::1]:5", "10.example.com:5"]) {
            assert.ok(!isInsecureFor(config, host), host);
        }
        assert.ok(!isInsecureFor({ InsecureRegistryCIDRs: null, IndexConfigs: null }, "10.1.2.3:5000"));
    });
});

describe("registry's pull secret", () => {
    it("holds the login as Docker's configuration does", () => {
        assert.deepEqual(JSON.parse(dockerConfigJson("r.example.com:5443", "ada", 'p"w')), {
            auths: { "r.example.com:5443": { username: "ada", password: 'p"w', auth: "YWRhOnAidw==" } },
        });
    });
});

describe("registry that can't be reached", () => {
    const registry = { address: "r.example.com:5443/team", insecure: false };
    const failure = (code: string, message = "told") => Object.assign(new Error(message), { code });

    const cases: [code: string, wrong: RegExp, mend: RegExp][] = [
        ["ECONNREFUSED", /^r\.example\.com:5443 can't be reached: nothing listens there$/, /start the registry/],
        ["ENOTFOUND", /there is no such name/, /set registry /],
        ["EHOSTUNREACH", /there is no way to it/, /VPN/],
        ["ETIMEDOUT", /told/, /start the registry/],
        ["DEPTH_ZERO_SELF_SIGNED_CERT", /authority that is not known/, /^pulumi config set registryCa /],
        ["ERR_TLS_CERT_ALTNAME_INVALID", /other names: told/, /^pulumi config set registry /],
        ["CERT_HAS_EXPIRED", /not valid now/, /renew/],
        ["EPROTO", /does not speak HTTPS/, /^pulumi config set registryInsecure true$/],
        ["ESOMETHING", /can't be reached: told/, /start the registry/],
    ];
    for (const [code, wrong, mend] of cases) {
        it(`because of ${code} is told so, and what to do`, () => {
            const problem = connectionProblem(registry, failure(code));
            assert.match(problem.wrong, wrong);
            assert.match(problem.mend, mend);
        });
    }

    it("tells a wrong authority from a missing one", () => {
        const problem = connectionProblem({ ...registry, ca: "PEM" }, failure("SELF_SIGNED_CERT_IN_CHAIN"));
        assert.match(problem.wrong, /the authority in nta:registryCa has not signed/);
    });
});
