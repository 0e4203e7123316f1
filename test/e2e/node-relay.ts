import { ChildProcess, spawn } from "node:child_process";
import * as net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { docker, StackUnderTest } from "./stack-under-test";

/** Ports of the node's address that relays listen at, one after the other; nothing else on a node listens there. */
let nextPort = 20_000;

const answers = (port: number, host: string) =>
    new Promise<boolean>((resolve) => {
        const socket = net.connect(port, host);
        socket.on("connect", () => {
            socket.destroy();
            resolve(true);
        });
        socket.on("error", () => resolve(false));
    });

/**
 * A way from this machine to what only a node reaches, the address of a Service in the cluster: a port of the first node
 * leads there, with a connection of its own for each one that comes.
 */
export class NodeRelay {
    private constructor(
        private readonly child: ChildProcess,
        /** Where it answers on this machine. */
        readonly url: string,
    ) {}

    /** @param name A Service in the namespace `taurus` that has the port 80. */
    static async open(stack: StackUnderTest, name: string): Promise<NodeRelay> {
        const target = await stack.output(`kubectl -n taurus get service ${name} -o 'jsonpath={.spec.clusterIP}'`);
        const address = docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", stack.node);
        const port = nextPort++;
        // It ends with the input of its shell: when it is closed, and when this process dies.
        const script = `socat TCP-LISTEN:${port},fork,reuseaddr,backlog=128 TCP:${target}:80 & cat; kill $!`;
        const child = spawn("docker", ["exec", "--interactive", stack.node, "sh", "-c", script], {
            stdio: ["pipe", "ignore", "ignore"],
        });
        const relay = new NodeRelay(child, `http://${address}:${port}`);
        for (let tries = 0; tries < 100; tries++) {
            if (await answers(port, address)) {
                return relay;
            }
            await sleep(100);
        }
        relay.close();
        throw new Error(`no relay to the service ${name} at ${relay.url}`);
    }

    close(): void {
        this.child.stdin?.end();
    }
}
