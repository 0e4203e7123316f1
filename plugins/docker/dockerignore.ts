/**
 * `.dockerignore`: which paths of a build context are left out. Rules as in Docker's documentation ("Build context",
 * ".dockerignore files") and its pattern matcher: one pattern a line, "#" comments, "!" takes back in, the last rule
 * that matches a path or one of its parents counts; `*`, `?` and `[a-z]` stay within a folder, `**` crosses folders.
 */
import { posix } from "node:path";

interface Rule {
    exclude: boolean;
    expression: RegExp;
}

/** The rules of one file. */
export class DockerIgnore {
    private readonly rules: Rule[];
    /** Whether some rule takes paths back in, so that excluded folders must be looked into. */
    readonly hasExceptions: boolean;

    /** @throws Error naming the line that is no pattern. */
    constructor(text: string) {
        this.rules = parse(text);
        this.hasExceptions = this.rules.some((rule) => !rule.exclude);
    }

    /** Whether `path` (relative to the context, with "/") is left out. */
    excludes(path: string): boolean {
        const candidates = [path];
        for (let parent = posix.dirname(path); parent !== "."; parent = posix.dirname(parent)) {
            candidates.push(parent);
        }
        let excluded = false;
        for (const rule of this.rules) {
            if (rule.exclude !== excluded && candidates.some((candidate) => rule.expression.test(candidate))) {
                excluded = rule.exclude;
            }
        }
        return excluded;
    }
}

function parse(text: string): Rule[] {
    const rules: Rule[] = [];
    for (const line of text.replace(/^\uFEFF/, "").split(/\r?\n/)) {
        if (line.startsWith("#")) {
            continue;
        }
        let pattern = line.trim();
        const exclude = !pattern.startsWith("!");
        if (!exclude) {
            pattern = pattern.slice(1).trim();
        }
        if (pattern === "") {
            continue;
        }
        pattern = posix.normalize(pattern).replace(/^\/+/, "").replace(/\/+$/, "");
        if (pattern === "" || pattern === ".") {
            // "/" and "." stand for the context itself, which is never left out.
            continue;
        }
        try {
            rules.push({ exclude, expression: new RegExp(expressionSource(pattern), "s") });
        } catch {
            throw new Error(`"${line}" is no valid pattern`);
        }
    }
    return rules;
}

function expressionSource(pattern: string): string {
    let source = "^";
    for (let index = 0; index < pattern.length; index++) {
        const character = pattern[index] ?? "";
        if (character === "*" && pattern[index + 1] === "*") {
            index++;
            if (pattern[index + 1] === "/") {
                index++;
                source += "(?:.*/)?";
            } else {
                source += ".*";
            }
        } else if (character === "*") {
            source += "[^/]*";
        } else if (character === "?") {
            source += "[^/]";
        } else if (character === "[") {
            const end = pattern.indexOf("]", index + 2);
            if (end < 0) {
                throw new Error("unfinished set");
            }
            source += pattern.slice(index, end + 1);
            index = end;
        } else if (character === "\\" && index + 1 < pattern.length) {
            index++;
            source += escape(pattern[index] ?? "");
        } else {
            source += escape(character);
        }
    }
    return `${source}$`;
}

function escape(character: string): string {
    return /[\w/]/.test(character) ? character : character.replace(/[\\^$.*+?()[\]{}|-]/, "\\$&");
}
