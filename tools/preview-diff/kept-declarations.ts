import { createHash } from "node:crypto";
import {
    existsSync,
    lstatSync,
    mkdirSync,
    readdirSync,
    readFileSync,
    renameSync,
    statSync,
    writeFileSync,
} from "node:fs";
import * as os from "node:os";
import { join } from "node:path";

import { cacheDirectory } from "../directories";
import { removeOld } from "./packed-packages";
import type { Surroundings } from "./surroundings";

/** Folders of each run's own, which stand in the declaration as placeholders. */
const ownVariables = new Set(["NTA_CACHE", "NTA_STATE"]);

function digest(...parts: string[]): string {
    return createHash("sha256").update(JSON.stringify(parts)).digest("hex");
}

/** What can be told of a file or folder without reading it; of one whose entries count, of all that is in it. */
function state(file: string, listed: boolean, stat = statSync(file, { throwIfNoEntry: false })): string {
    if (stat === undefined) {
        return "absent";
    }
    if (!stat.isDirectory()) {
        return `${stat.size} ${stat.mtimeMs} ${stat.ino}`;
    }
    if (!listed) {
        return "a folder";
    }
    // Not through links: they may lead back.
    const entries = readdirSync(file).map((name) => join(file, name));
    return digest(...entries.map((entry) => `${entry} ${state(entry, true, lstatSync(entry))}`));
}

/** Everything that was looked at, as it is now. */
function stateOf({ variables, files, listed }: Surroundings): string {
    const values = variables.filter((name) => !ownVariables.has(name)).map((name) => process.env[name] ?? "");
    return digest(...values, ...files.map((file) => state(file, listed.includes(file))));
}

interface Kept<Result> {
    surroundings: Surroundings;
    state: string;
    result: Result;
}

/** What a commit's program declares, kept in the cache as long as nothing that it looked at changes. */
export class KeptDeclaration<Result extends { surroundings?: Surroundings }> {
    private readonly file: string;

    /** @param decides everything that the declaration depends on, but for what the program looks at elsewhere */
    constructor(decides: readonly string[]) {
        const tool = readdirSync(__dirname)
            .sort()
            .map((name) => readFileSync(join(__dirname, name), "utf8"));
        const machine = [process.version, process.arch, os.hostname(), os.homedir(), String(os.cpus().length)];
        const key = digest(...tool, ...machine, ...decides).slice(0, 16);
        this.file = join(cacheDirectory(), "preview-diff", "declared", `${key}.json`);
    }

    /** The kept one; undefined where there is none that still holds. */
    read(): Result | undefined {
        if (!existsSync(this.file)) {
            return undefined;
        }
        const kept = JSON.parse(readFileSync(this.file, "utf8")) as Kept<Result>;
        return kept.state === stateOf(kept.surroundings) ? kept.result : undefined;
    }

    /** Keeps one, if it is known what it depends on. */
    write(result: Result): void {
        const { surroundings } = result;
        if (surroundings === undefined || surroundings.ranPrograms) {
            return;
        }
        const folder = join(this.file, "..");
        mkdirSync(folder, { recursive: true });
        removeOld(folder);
        const partial = `${this.file}.${process.pid}.partial`;
        const kept: Kept<Result> = { surroundings, state: stateOf(surroundings), result };
        writeFileSync(partial, JSON.stringify(kept));
        renameSync(partial, this.file);
    }
}
