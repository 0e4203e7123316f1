/**
 * `main.ts <suite>`: makes sure that the Docker engine has Debian's base of a release under its tag, and prints its id. The
 * releases are in releases.json. Progress goes to standard error.
 */
import { command } from "../../tools/command";
import { baseTag, ensureDebianBase } from "./debian-base";
import releases from "./releases.json";

const architecture = "amd64";

async function main(suite: string | undefined): Promise<void> {
    const release = releases.find((candidate) => candidate.suite === suite);
    if (release === undefined) {
        throw new Error(`usage: main.ts ${releases.map((candidate) => candidate.suite).join("|")}`);
    }
    const progress = (line: string) => process.stderr.write(`${line}\n`);
    const tag = baseTag(release.suite);
    await ensureDebianBase({ ...release, tag, architecture, progress });
    const { stdout } = await command(["docker", "image", "inspect", "--format", "{{.Id}}", tag]);
    process.stdout.write(stdout.trim());
}

main(process.argv[2]).catch((error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
});
