import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

import { docker, StackUnderTest } from "./stack-under-test";

/** Connects from bash. The API server's address and the registry on the node are what every pod can reach. */
const connect = (address: string) => `(exec 3<>/dev/tcp/${address.replace(":", "/")})`;
const apiServer = "10.100.0.1:443";

/** A git commit's tests run in the cluster, and its image is built there, by an entry of `jobs`. Needs a stack that is up. */
export function ciBuild(stack: StackUnderTest): void {
    describe("a CI build", () => {
        const checkout = path.join(stack.root, "greeter");
        const git = (...args: string[]) =>
            execFileSync("git", ["-c", "user.name=e2e", "-c", "user.email=e2e@localhost", ...args], {
                cwd: checkout,
                encoding: "utf8",
                stdio: "pipe",
            }).trim();
        const write = (file: string, ...lines: string[]) => {
            fs.mkdirSync(path.dirname(path.join(checkout, file)), { recursive: true });
            fs.writeFileSync(path.join(checkout, file), [...lines, ""].join("\n"));
        };
        const commit = (message: string) => {
            git("add", "--all");
            git("commit", "--quiet", "--message", message);
            return git("rev-parse", "HEAD");
        };
        const up = () => stack.shell("pulumi up --yes --skip-preview", { timeout: 300, echo: "ci |" });
        const results = () => stack.run("npm", ["run", "--silent", "results", "--", "greeter"], { timeout: 60 });
        const tags = async () => {
            const answer = await fetch(`http://localhost:${stack.ports.registry}/v2/greeter/tags/list`);
            return answer.status === 404 ? [] : ((await answer.json()) as { tags: string[] }).tags.sort();
        };
        let registryOnNode: string;
        let head: string;

        before(async () => {
            const node = "jsonpath={.status.addresses[?(@.type=='InternalIP')].address}";
            registryOnNode = `${await stack.output(`kubectl get node ${stack.node} -o "${node}"`)}:5000`;
            fs.mkdirSync(checkout);
            git("init", "--quiet");
            const reached = [apiServer, registryOnNode].map(
                (address) => `if ${connect(address)}; then echo "reached ${address}"; exit 9; fi`,
            );
            write("tests/run", ...reached, 'grep hello greeting || { echo "no greeting"; exit 3; }');
            write(
                "Dockerfile",
                "FROM debian:bookworm",
                'SHELL ["/bin/bash", "-c"]',
                `RUN ! ${connect(registryOnNode)}`,
                "COPY --chown=99:99 greeting /greeting",
                "USER 10001:10001",
                'CMD ["cat", "/greeting"]',
            );
            write("greeting", "good night");
            commit("Greet");
            const tests = { image: "mysql", command: ["bash", "tests/run"] };
            stack.set("jobs", [{ kind: "ci-build", name: "greeter", checkout, tests }]);
        });

        it("can't reach from its tests what other pods reach", async () => {
            for (const address of [apiServer, registryOnNode]) {
                await stack.output(`kubectl -n taurus exec mysql-0 -- bash -c '${connect(address)}'`);
            }
        });

        it("whose tests fail ends the update with the exit code and the last lines, and pushes nothing", async () => {
            const { code, stdout, stderr, seconds } = await up();
            stack.figures.push(
                `ci build: ${seconds.toFixed(1)} s for an update whose tests fail, builder image included`,
            );
            assert.notEqual(code, 0);
            assert.match(stdout + stderr, /ci: tests: failed with exit code 3 after/);
            assert.match(stdout + stderr, /no greeting/);
            assert.deepEqual(await tags(), []);
            const told = await results();
            assert.equal(told.code, 1);
            assert.match(told.stdout, /^tests +failed with exit code 3 +\d/m);
            assert.match(told.stdout, /^build +not begun/m);
        });

        it("of a new commit builds and pushes its image", async () => {
            write("greeting", "hello");
            head = commit("Say hello");
            stack.figures.push(
                `ci build: ${stack.succeeded("pulumi up with a CI build", await up()).seconds.toFixed(1)} s`,
            );
            const outputs = await stack.output("pulumi stack output ciBuilds --json");
            const { commit: built, image = "" } = (JSON.parse(outputs) as Record<string, Record<string, string>>)
                .greeter;
            assert.equal(built, head);
            assert.match(image, new RegExp(`^localhost:${stack.ports.registry}/greeter@sha256:[0-9a-f]{64}$`));
            assert.deepEqual(await tags(), [head.slice(0, 12), "latest"].sort());
            try {
                assert.equal(docker("run", "--rm", "--network", "none", image), "hello");
                const format = '{{index .Config.Labels "org.opencontainers.image.revision"}}';
                assert.equal(docker("image", "inspect", "--format", format, image), head);
                const owner = ["--entrypoint", "stat", image, "-c", "%u:%g", "/greeting"];
                assert.equal(docker("run", "--rm", "--network", "none", ...owner), "99:99");
            } finally {
                docker("rmi", "--force", image);
            }
            const told = await results();
            assert.equal(told.code, 0, told.stderr);
            assert.ok(
                told.stdout.includes(`commit ${head}: passed`) && told.stdout.includes(`Image: ${image}`),
                told.stdout,
            );
            const log = await stack.run("npm", ["run", "--silent", "logs", "--", "greeter"], { timeout: 60 });
            assert.match(log.stdout, /ci: commit [0-9a-f]{40} of .*: Say hello[^]*ci: tests: done[^]*ci: build: done/);
        });

        it("of the same commit is not run again, whatever is not committed", async () => {
            write("greeting", "not committed");
            await stack.upChangesNothing("pulumi up, the same commit");
        });

        after(async () => {
            stack.set("jobs", []);
            await stack.output("pulumi up --yes --skip-preview", { timeout: 120 });
        });
    });
}
