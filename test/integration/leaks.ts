import * as assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";

import { docker } from "../../machine/docker";
import { nodeImage } from "../../machine/provider";
import { eventually, type MachineUnderTest, ok } from "./machine-under-test";

/** Prints device, source and destination of every packet to one of the given ranges that any device of the host sees. */
const program = `
import ipaddress, socket, sys
ranges = [ipaddress.ip_network(text) for text in sys.argv[1:]]
packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0003))
print("watching", flush=True)
while True:
    data, (device, protocol, *_) = packets.recvfrom(65535)
    if protocol == 0x0800 and len(data) >= 20:
        source, destination = (ipaddress.ip_address(data[at:at + 4]) for at in (12, 16))
        if any(destination in network for network in ranges):
            print(device, source, destination, flush=True)
`;

/** Watches, from the host's side, for packets to the pods' and services' ranges that leave the machines of a cluster. */
export class LeakWatch {
    private readonly container: string;
    private readonly lines: string[] = [];
    private readonly child: ChildProcess;

    private constructor(
        private readonly clusterName: string,
        ranges: { podRange: string; serviceRange: string },
    ) {
        this.container = `${clusterName}-leak-watch`;
        const rights = ["--network", "host", "--cap-drop", "ALL", "--cap-add", "NET_RAW"];
        const image = nodeImage().dockerImage as string;
        this.child = spawn(
            "docker",
            [
                ...["run", "--rm", "--name", this.container, ...rights, "--entrypoint", "python3", image],
                ...["-c", program, ranges.serviceRange, ranges.podRange],
            ],
            { stdio: ["ignore", "pipe", "inherit"] },
        );
        let rest = "";
        this.child.stdout?.setEncoding("utf8").on("data", (text: string) => {
            const lines = (rest + text).split("\n");
            rest = lines.pop() ?? "";
            this.lines.push(...lines);
        });
    }

    /** Gives a watch that already sees everything. */
    static async start(machine: MachineUnderTest): Promise<LeakWatch> {
        const watch = new LeakWatch(machine.clusterName, machine.args);
        await eventually(30, () => Promise.resolve(assert.equal(watch.lines[0], "watching")));
        return watch;
    }

    /** What has been seen on the bridge of the cluster's machines: `device source destination`. */
    async leaks(): Promise<string[]> {
        assert.equal(this.child.exitCode, null, "the watch still runs");
        const { stdout } = await ok(docker(["network", "inspect", "--format", "{{.Id}}", this.clusterName]));
        return this.lines.filter((line) => line.startsWith(`br-${stdout.slice(0, 12)} `));
    }

    async end(): Promise<void> {
        await docker(["rm", "--force", this.container]);
    }
}
