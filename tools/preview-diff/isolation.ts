import dns from "node:dns";
import net from "node:net";
import os from "node:os";

/** Thrown where a program would go to the network. */
class NetworkRefused extends Error {
    override name = "NetworkRefused";
}

function refuse(): never {
    throw new NetworkRefused("the program goes to the network, which a comparison of declarations does not");
}

/**
 * Makes this process independent of the machine that it runs on: no network, and no limit of memory, which is the
 * cluster's host's and not that of whoever compares.
 */
export function isolate(): void {
    os.totalmem = () => Number.MAX_SAFE_INTEGER;
    net.Socket.prototype.connect = refuse;
    dns.lookup = refuse as unknown as typeof dns.lookup;
    dns.promises.lookup = refuse;
    // Git may still be asked about the checkout itself.
    process.env.GIT_ALLOW_PROTOCOL = "file";
}
