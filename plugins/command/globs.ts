/**
 * The path patterns of `assetPaths` and `archivePaths`: `*` stands for anything but "/", `**` for anything, `?` for one
 * character but "/", `[ab]` and `[!ab]` for one of a set, `{a,b}` for alternatives; a pattern that begins with "!" takes
 * out again what earlier ones took in. Paths are relative to the folder, with "/".
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** The files below `folder` that the patterns choose, sorted. */
export async function matchingFiles(folder: string, patterns: readonly string[]): Promise<string[]> {
    const rules = patterns.map((pattern) =>
        pattern.startsWith("!")
            ? { take: false, expression: globExpression(pattern.slice(1)) }
            : { take: true, expression: globExpression(pattern) },
    );
    const chosen: string[] = [];
    for (const path of await files(folder, "")) {
        let take = false;
        for (const rule of rules) {
            if (rule.expression.test(path)) {
                take = rule.take;
            }
        }
        if (take) {
            chosen.push(path);
        }
    }
    return chosen.sort();
}

async function files(folder: string, below: string): Promise<string[]> {
    const result: string[] = [];
    for (const entry of await readdir(join(folder, below), { withFileTypes: true })) {
        const path = below === "" ? entry.name : `${below}/${entry.name}`;
        if (entry.isDirectory()) {
            result.push(...(await files(folder, path)));
        } else {
            result.push(path);
        }
    }
    return result;
}

/** The regular expression of a pattern. */
export function globExpression(pattern: string): RegExp {
    let source = "";
    let depth = 0;
    for (let index = 0; index < pattern.length; index++) {
        const character = pattern[index] ?? "";
        if (character === "*") {
            if (pattern[index + 1] === "*") {
                source += ".*";
                index++;
            } else {
                source += "[^/]*";
            }
        } else if (character === "?") {
            source += "[^/]";
        } else if (character === "[") {
            const end = pattern.indexOf("]", index + 1);
            if (end < 0) {
                throw new Error(`The path pattern ${JSON.stringify(pattern)} has a "[" without its "]".`);
            }
            const set = pattern.slice(index + 1, end).replaceAll("\\", "\\\\");
            source += set.startsWith("!") ? `[^${set.slice(1)}]` : `[${set}]`;
            index = end;
        } else if (character === "{") {
            source += "(?:";
            depth++;
        } else if (character === "}" && depth > 0) {
            source += ")";
            depth--;
        } else if (character === "," && depth > 0) {
            source += "|";
        } else if (character === "\\" && index + 1 < pattern.length) {
            index++;
            source += escape(pattern[index] ?? "");
        } else {
            source += escape(character);
        }
    }
    if (depth > 0) {
        throw new Error(`The path pattern ${JSON.stringify(pattern)} has a "{" without its "}".`);
    }
    return new RegExp(`^${source}$`, "s");
}

function escape(character: string): string {
    return /[\w/]/.test(character) ? character : `\\${character}`;
}
