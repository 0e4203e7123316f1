/**
 * `main.ts <suite> <repository>`: pushes Debian's base of a release to a registry and prints it by digest. The releases are
 * in releases.json. Progress goes to standard error.
 */
import { command } from "../../tools/command";
import { ensureDebianBase } from "./debian-base";
import releases from "./releases.json";

const architecture = "amd64";

async function main(suite: string | undefined, repository: string | undefined): Promise<void> {
    const release = releases.find((candidate) => candidate.suite === suite);
    if (release === undefined || repository === undefined) {
        throw new Error(`usage: main.ts ${releases.map((candidate) => candidate.suite).join("|")} <repository>`);
    }
    const progress = (line: string) => process.stderr.write(`${line}\n`);
    const tag = `nta-debian-base:${release.suite}-${architecture}`;
    await ensureDebianBase({ ...release, tag, architecture, progress });
    const reference = `${repository}:${release.suite}`;
    await command(["docker", "tag", tag, reference]);
    progress(`Debian base: pushing ${reference}`);
    const { stdout } = await command(["docker", "push", reference]);
    const digest = /digest: (sha256:[0-9a-f]{64})/.exec(stdout)?.[1];
    if (digest === undefined) {
        throw new Error(`docker push ${reference} told no digest:\n${stdout}`);
    }
    process.stdout.write(`${repository}@${digest}`);
}

main(process.argv[2], process.argv[3]).catch((error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
});
