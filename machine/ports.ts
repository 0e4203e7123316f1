import * as fs from "node:fs";
import * as net from "node:net";
import { containerPublishing } from "./docker";
import { MachineError } from "./errors";
import { ForwardedPort } from "./spec";

/** Addresses as /proc/net/tcp and tcp6 write them. */
function listens(hexAddress: string, address: string): boolean {
    if (/^0+$/.test(hexAddress)) {
        return true; // every address
    }
    const bytes = address === "localhost" ? [127, 0, 0, 1] : address.split(".").map(Number);
    const hex = [...bytes]
        .reverse()
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("")
        .toUpperCase();
    return address === "0.0.0.0" || hexAddress === hex || hexAddress === `0000000000000000FFFF0000${hex}`;
}

/** The socket (inode) that listens on a port; undefined when none does, or where there is no /proc. */
function listeningSocket(address: string, port: number): string | undefined {
    const wanted = port.toString(16).padStart(4, "0").toUpperCase();
    for (const table of ["/proc/net/tcp", "/proc/net/tcp6"]) {
        const lines = fs.existsSync(table) ? fs.readFileSync(table, "utf8").split("\n").slice(1) : [];
        for (const line of lines) {
            const [, local, , state, , , , , , inode] = line.trim().split(/\s+/);
            const [hexAddress, hexPort] = local?.split(":") ?? [];
            if (state === "0A" && hexPort === wanted && listens(hexAddress, address)) {
                return inode;
            }
        }
    }
    return undefined;
}

function processWithSocket(inode: string): { pid: string; command: string } | undefined {
    for (const pid of fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        try {
            for (const fd of fs.readdirSync(`/proc/${pid}/fd`)) {
                if (fs.readlinkSync(`/proc/${pid}/fd/${fd}`) === `socket:[${inode}]`) {
                    const command = fs.readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
                    return { pid, command };
                }
            }
        } catch {
            // Another user's process, or one that has just ended.
        }
    }
    return undefined;
}

function canListen(address: string, port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const server = net.createServer();
        // Only "in use" tells: low ports are the Docker engine's to open, not ours.
        server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "EADDRINUSE"));
        server.listen({ port, host: address, exclusive: true }, () => server.close(() => resolve(true)));
    });
}

/** Who holds a port of this machine, in words; undefined when it is free. */
export async function portHolder(address: string, port: number): Promise<string | undefined> {
    const published = await containerPublishing(port);
    if (published !== undefined) {
        return `the container "${published}"`;
    }
    const inode = listeningSocket(address, port);
    if (inode !== undefined) {
        const holder = processWithSocket(inode);
        return holder === undefined
            ? "a process of another user"
            : `process ${holder.pid} (${holder.command.slice(0, 120)})`;
    }
    return (await canListen(address, port)) ? undefined : "another process";
}

/** Throws when one of the ports is taken, naming holder and setting; `own` ports are our machine's already. */
export async function checkPorts(address: string, ports: ForwardedPort[], own: number[]): Promise<void> {
    const problems: string[] = [];
    for (const { name, host, setting } of ports.filter((port) => !own.includes(port.host))) {
        const holder = await portHolder(address, host);
        if (holder !== undefined) {
            problems.push(
                `port ${host} of this machine (${name}) is taken by ${holder}: stop it, or choose another port with ` +
                    `\`pulumi config set nta:${setting ?? `${name}Port`} <port>\``,
            );
        }
    }
    if (problems.length > 0) {
        throw new MachineError(problems.join("\n"));
    }
}
