import assert from "node:assert/strict";

import { docker, StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

/** A reboot, and a network that is gone: everything comes back, and nothing is forgotten. */
export function loss(stack: StackUnderTest): void {
    describe("the machine", () => {
        it("comes back by itself after a reboot, with its data, and `up` changes nothing", async () => {
            const rows = await stack.waveRows();
            assert.equal(rows, 700);
            const began = Date.now();
            docker("restart", stack.node);
            await eventually("the API server answers", 180, async () =>
                (await stack.shell("kubectl get nodes")).code === 0 ? true : undefined,
            );
            await stack.taurusAnswers(300);
            await stack.allPodsReady(240);
            stack.figures.push(`reboot until all pods are Ready: ${((Date.now() - began) / 1000).toFixed(0)} s`);
            assert.equal(await stack.waveRows(), rows);
            await stack.upChangesNothing("pulumi up after the reboot");
        });
    });

    describe("the network", () => {
        /** Takes the node's network cable out, or puts it in again: the host's end of its virtual cable goes down or up. */
        const cable = (state: "down" | "up") => {
            const end = docker("exec", stack.node, "cat", "/sys/class/net/eth0/iflink");
            const image = docker("inspect", "-f", "{{.Config.Image}}", stack.node);
            const rights = ["--network", "host", "--cap-add", "NET_ADMIN", "--entrypoint", "bash"];
            const script = `for link in /sys/class/net/*; do [ "$(cat $link/ifindex)" != ${end} ] || ip link set "\${link##*/}" ${state}; done`;
            docker("run", "--rm", ...rights, image, "-c", script);
        };

        it("lost: `pulumi up` says so, and forgets nothing", async () => {
            const before = await stack.output("pulumi stack export");
            cable("down");
            try {
                const result = await stack.shell("pulumi up --yes --skip-preview --refresh", { timeout: 180 });
                stack.figures.push(`pulumi up --refresh without a network: ${result.seconds.toFixed(1)} s`);
                assert.notEqual(result.code, 0);
                assert.match(result.stdout + result.stderr, /unreachable/);
            } finally {
                cable("up");
            }
            const urns = (state: string) =>
                (JSON.parse(state) as { deployment: { resources: { urn: string }[] } }).deployment.resources
                    .map(({ urn }) => urn)
                    .sort();
            assert.deepEqual(urns(await stack.output("pulumi stack export")), urns(before));
        });

        it("back: everything answers again, and `up` changes nothing", async () => {
            await stack.taurusAnswers(120);
            await stack.allPodsReady(180);
            await stack.upChangesNothing("pulumi up with the network back");
        });
    });
}
