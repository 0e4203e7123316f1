/** `main.ts <name>`: builds the program of the Go module `images/<name>` into the cache. Progress goes to standard error. */
import { imagePrograms, programArchitecture, programsDirectory } from "../../components/images/program";
import { ensureSet } from "../../node-image/programs";

async function main(name: string | undefined): Promise<void> {
    if (name === undefined) {
        throw new Error("usage: main.ts <name of a folder under images/ that is a Go module>");
    }
    const progress = (line: string) => process.stderr.write(`${line}\n`);
    await ensureSet(imagePrograms(name), programArchitecture, programsDirectory(), progress);
}

main(process.argv[2]).catch((error: Error) => {
    process.stderr.write(`error: ${error.message}\n`);
    process.exitCode = 1;
});
