import assert from "node:assert/strict";

import { StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

const settings = [
    "jobs[0].kind=service",
    "jobs[0].name=hello",
    "jobs[0].image=htmengine",
    "jobs[0].command[0]=python",
    "jobs[0].command[1]=-m",
    "jobs[0].command[2]=SimpleHTTPServer",
    "jobs[0].command[3]=8080",
    "jobs[0].ports[0].port=80",
    "jobs[0].ports[0].containerPort=8080",
    "jobs[0].resources.cpu=20m",
    "jobs[0].resources.memory=64Mi",
    "jobs[0].drain=0",
    "jobs[0].stopTimeout=1",
    "jobs[0].type=LoadBalancer",
];

/** A service gets an address of the machines' network and keeps it. Needs a stack that is up and has no jobs. */
export function addresses(stack: StackUnderTest): void {
    describe("an address on the machines' network", () => {
        let address: string;

        const addressNow = async () => {
            const template = "{{range .status.loadBalancer.ingress}} {{.ip}} {{end}}";
            return (await stack.output(`kubectl -n taurus get services/hello --template="${template}"`)).trim();
        };
        /** Seconds until the service answers at its address, called from this machine. */
        const answers = async () => {
            const started = Date.now();
            await eventually(`http://${address}/ answers`, 60, async () => {
                const answer = await fetch(`http://${address}/`, { signal: AbortSignal.timeout(1000) });
                return answer.ok ? true : undefined;
            });
            return (Date.now() - started) / 1000;
        };
        const up = async (what: string) => stack.succeeded(what, await stack.pulumiUp(what));

        it("is given to a service that wants one, and answers on this machine", async () => {
            assert.equal(await stack.output("kubectl get namespaces -o name | grep metallb || true"), "");
            const pairs = settings.map((pair) => `--plaintext '${pair}'`).join(" ");
            await stack.output(`pulumi config set-all --path ${pairs}`);
            await up("up with an address");
            address = await addressNow();
            const subnet = await stack.output(
                `docker network inspect -f '{{(index .IPAM.Config 0).Subnet}}' ${stack.cluster}`,
            );
            // Docker's networks have 65,536 addresses here; the pool is at the end.
            assert.ok(address.startsWith(subnet.split(".").slice(0, 2).join(".")), `${address} is not in ${subnet}`);
            stack.figures.push(`address: ${(await answers()).toFixed(1)} s after up until it answers`);
            await stack.upChangesNothing("up with an address, nothing changed");
        });

        it("has a name in the cluster, and the same one here with the line that the stack gives", async () => {
            const line = await stack.output("pulumi stack output hosts");
            assert.equal(line, `${address} hello.taurus hello.taurus.svc.cluster.local`);
            const fetched = "import urllib2; print(urllib2.urlopen('http://hello.taurus/').getcode())";
            const inCluster = `kubectl -n taurus exec deploy/hello -- python -c "${fetched}"`;
            assert.equal(await stack.output(inCluster), "200");
            const [name] = line.split(" ").slice(1);
            const curl = `curl --silent --output /dev/null --write-out '%{http_code}' --resolve ${name}:80:${address}`;
            assert.equal(await stack.output(`${curl} http://${name}/`), "200");
            const status = await stack.run("npm", ["run", "--silent", "status"], { timeout: 60 });
            assert.ok(status.stdout.includes(`http://${address}`), status.stdout);
        });

        it("stays when the service's pod goes", async () => {
            const pods = () => stack.output("kubectl -n taurus get pods -l app.kubernetes.io/name=hello -o name");
            const before = await pods();
            await stack.output("kubectl -n taurus delete pods -l app.kubernetes.io/name=hello");
            stack.figures.push(`address: ${(await answers()).toFixed(1)} s until the next pod answers`);
            assert.notEqual(await pods(), before);
            assert.equal(await addressNow(), address);
        });

        it("goes with the setting, and MetalLB with the last one", async () => {
            await stack.output("pulumi config rm --path jobs");
            await up("up without the address");
            assert.equal(await stack.output("kubectl get namespaces,crds -o name | grep metallb || true"), "");
            await assert.rejects(fetch(`http://${address}/`, { signal: AbortSignal.timeout(3000) }));
        });
    });
}
