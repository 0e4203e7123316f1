import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

import { tryLock } from "../tools/lock.cjs";

/**
 * Ports that no program gets by chance: below the range from which the kernel takes ports for those who do not care which.
 * Each process that runs tests has some of them to itself as long as it lives, because a port is often used long after it was
 * found to be free, and is not listened at while what does so starts again.
 */
const range = { first: 20_000, blocks: 90, block: 100 };

const claims = path.join(os.tmpdir(), `nta-test-ports-${os.userInfo().username}`);

/** The ports that are this process' and that it has not given out yet. */
const own: number[] = [];

function claimBlock(): void {
    const start = Math.floor(Math.random() * range.blocks);
    for (let tried = 0; tried < range.blocks; tried++) {
        const first = range.first + ((start + tried) % range.blocks) * range.block;
        if (tryLock(path.join(claims, String(first)), "ports of tests").release !== undefined) {
            own.push(...Array.from({ length: range.block }, (_, index) => first + index));
            return;
        }
    }
    throw new Error(`all of ${range.blocks} blocks of ports are taken by processes that run tests, see ${claims}`);
}

function isFree(port: number): Promise<boolean> {
    return new Promise((resolve) => {
        const server = net.createServer();
        server.on("error", () => resolve(false));
        server.listen(port, "0.0.0.0", () => server.close(() => resolve(true)));
    });
}

/**
 * A TCP port that nothing listens on now, at whichever of this machine's addresses, and that no test gets again: neither of
 * this process nor of another one.
 */
export async function freePort(): Promise<number> {
    for (;;) {
        if (own.length === 0) {
            claimBlock();
        }
        const port = own.pop() as number;
        if (await isFree(port)) {
            return port;
        }
    }
}
