import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { closeSync, mkdtempSync, openSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { addressText, parseAddress } from "../../machine/address-range";
import { tryCommand } from "../../tools/command";
import { until } from "./plugins-engine";

/**
 * Ends of a cable between this machine and an engine's network. Each cable is a network of four addresses of its own, out of
 * those that are there for tests of networks, 198.18.0.0/15.
 */
function newCable(): { here: string; there: string } {
    const network = (parseAddress("198.18.0.0") as number) + 4 * randomInt(2 ** 15);
    return { here: addressText(network + 1), there: addressText(network + 2) };
}

/**
 * A Docker engine of its own, with its own settings, images and network, beside this machine's. Takes root rights.
 */
export class DockerEngine {
    private readonly folder = mkdtempSync(join(tmpdir(), "nta-dockerd-"));
    private readonly cable = newCable();
    private child: ChildProcess | undefined;

    /** @param reached The address of this machine that it reaches; it reaches no other. */
    constructor(private readonly reached: string) {}

    /** What makes `docker` speak to it. */
    get env(): { DOCKER_HOST: string } {
        return { DOCKER_HOST: `unix://${join(this.folder, "docker.sock")}` };
    }

    async start(): Promise<void> {
        this.configure({});
        const flags = {
            "config-file": this.configuration,
            host: this.env.DOCKER_HOST,
            "data-root": join(this.folder, "data"),
            "exec-root": join(this.folder, "exec"),
            pidfile: join(this.folder, "dockerd.pid"),
            bridge: "none",
            iptables: "false",
        };
        const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
        // In a network namespace, because an engine makes and removes the bridge docker0 as its own.
        const script = [
            "until ip link show cable >/dev/null 2>&1; do sleep 0.1; done",
            `ip address add ${this.cable.there}/30 dev cable`,
            "ip link set lo up",
            "ip link set cable up",
            `ip route add ${this.reached} via ${this.cable.here}`,
            'exec dockerd "$@"',
        ].join(" && ");
        const file = openSync(this.log, "a");
        const command = ["--net", "sh", "-c", script, "sh", ...args];
        const child = spawn("unshare", command, { stdio: ["ignore", file, file] });
        this.child = child;
        closeSync(file);
        const ip = (...words: string[]) => execFileSync("ip", words, { stdio: "pipe" });
        const link = `nta-${child.pid}`;
        const namespace = (process: string) => readlinkSync(`/proc/${process}/ns/net`);
        await until("the namespace is there", () => namespace(String(child.pid)) !== namespace("self"));
        ip("link", "add", link, "type", "veth", "peer", "name", "cable", "netns", String(child.pid));
        ip("address", "add", `${this.cable.here}/30`, "dev", link);
        ip("link", "set", link, "up");
        await until("dockerd answers", async () => {
            if (child.exitCode !== null) {
                throw new Error(`dockerd ended:\n${readFileSync(this.log, "utf8").slice(-2000)}`);
            }
            return (await tryCommand(["docker", "version"], { env: { ...process.env, ...this.env } })).code === 0;
        });
    }

    private get configuration(): string {
        return join(this.folder, "daemon.json");
    }

    private get log(): string {
        return join(this.folder, "dockerd.log");
    }

    private configure(settings: object): void {
        writeFileSync(this.configuration, JSON.stringify(settings));
    }

    /** Gives it another daemon.json and lets it read that, as `systemctl reload docker` does. */
    async reload(settings: object): Promise<void> {
        this.configure(settings);
        const before = readFileSync(this.log, "utf8").length;
        this.child?.kill("SIGHUP");
        const read = () => readFileSync(this.log, "utf8").slice(before).includes("Reloaded configuration");
        await until("dockerd has read its configuration again", read);
    }

    async stop(): Promise<void> {
        const { child } = this;
        if (child !== undefined && child.exitCode === null) {
            await new Promise((resolve) => {
                child.once("exit", resolve);
                child.kill("SIGTERM");
            });
        }
        rmSync(this.folder, { recursive: true, force: true });
    }
}
