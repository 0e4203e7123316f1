import { join } from "node:path";

import { command, findProgram, tryCommand } from "../../tools/command";
import { cacheDirectory } from "../../tools/directories";
import { waitForLock } from "../../tools/lock.cjs";
import { counted, drain, feed } from "../../tools/pipe";
import { Problem } from "../../tools/problem";

/** Where a Debian release comes from. */
export interface DebianRelease {
    /** Code name, e.g. "bookworm". */
    suite: string;
    /** The official image. */
    image: string;
}

export interface DebianBaseArgs extends DebianRelease {
    /** Tag that the base gets in the Docker engine. */
    tag: string;
    /** Debian's and Docker's name of the architecture, e.g. "amd64". */
    architecture: string;
    progress: (line: string) => void;
}

/** The tag of a release's base in the Docker engine, for the one platform that the images are made for. */
export function baseTag(suite: string): string {
    return `nta-debian-base:${suite}-amd64`;
}

/** Whether the engine has an image. */
export async function imageExists(image: string): Promise<boolean> {
    return (await tryCommand(["docker", "image", "inspect", "--format", "{{.Id}}", image])).code === 0;
}

/**
 * Debian's base: the official image, or where it can't be pulled, one bootstrapped from the Debian archive. Of several
 * processes that want it at once, one makes it: the images of the others would stand on one that has lost its tag.
 */
export async function ensureDebianBase(args: DebianBaseArgs): Promise<void> {
    const { tag, progress } = args;
    if (await imageExists(tag)) {
        return;
    }
    const file = join(cacheDirectory(), "locks", `${tag.replace(/[^\w.-]/g, "-")}.lock`);
    const release = await waitForLock(file, `making ${tag}`, (holder) =>
        progress(`Debian base: waiting for process ${holder.pid}, which is ${holder.purpose} since ${holder.since}`),
    );
    try {
        if (!(await imageExists(tag))) {
            await makeDebianBase(args);
        }
    } finally {
        release();
    }
}

async function makeDebianBase({ tag, image, suite, architecture, progress }: DebianBaseArgs): Promise<void> {
    progress(`Debian base: pulling ${image}`);
    const platform = `linux/${architecture}`;
    const pulled = await tryCommand(["docker", "pull", "--quiet", "--platform", platform, image], { timeout: 300_000 });
    if (pulled.code === 0) {
        await command(["docker", "tag", image, tag]);
        return;
    }
    const why = pulled.code === 124 ? "no answer in 5 minutes" : (pulled.stderr.trim().split("\n").at(-1) ?? "");
    if (findProgram("mmdebstrap") === undefined) {
        throw new Problem(
            `${image} can't be pulled (${why}), and mmdebstrap is not there to make a base from the Debian archive: ` +
                "let Docker reach an image registry, or install mmdebstrap",
        );
    }
    progress(`Debian base: ${image} can't be pulled, bootstrapping it from the Debian archive`);
    const bootstrap: [string, ...string[]] = [
        "mmdebstrap",
        "--variant=minbase",
        "--format=tar",
        `--architectures=${architecture}`,
        // Without a mirror, mmdebstrap takes Debian's own, with updates and security fixes.
        suite,
        "-",
    ];
    const tell = (megabytes: number) => progress(`Debian base: bootstrapping it, ${megabytes} MB so far`);
    const started = Date.now();
    const timer = setInterval(
        () => progress(`Debian base: bootstrapping it (${Math.round((Date.now() - started) / 1000)} s so far)`),
        5000,
    );
    try {
        await drain(bootstrap, (output) =>
            feed(["docker", "import", "--platform", platform, "-", tag], counted(output, tell)),
        );
    } finally {
        clearInterval(timer);
    }
}
