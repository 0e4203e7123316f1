import { structuredPatch } from "diff";

import { isMaskedSecret, type Json } from "./declaration";
import type { PropertyChange } from "./differences";

/** Beyond this many edits two texts have nothing in common, and finding that out exactly takes long. */
const mostEdits = 500;
const context = 3;

/** A value as it is printed: what was secret says so. */
export function visible(value: Json): Json {
    if (isMaskedSecret(value)) {
        return "[secret]";
    }
    if (Array.isArray(value)) {
        return value.map(visible);
    }
    return typeof value === "object" && value !== null
        ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, visible(child)]))
        : value;
}

function scalar(value: Json): string {
    return isMaskedSecret(value) ? "[secret]" : JSON.stringify(visible(value));
}

function lines(text: string): string[] {
    const all = text.split("\n");
    return all.at(-1) === "" ? all.slice(0, -1) : all;
}

/** Properties of a value, one on a line; long texts as lines below their name. */
function flat(sign: string, path: string, value: Json): string[] {
    if (typeof value === "string" && value.includes("\n")) {
        return [`${sign} ${path}: |`, ...lines(value).map((line) => `${sign}     ${line}`)];
    }
    if (typeof value !== "object" || value === null || isMaskedSecret(value)) {
        return [`${sign} ${path}: ${scalar(value)}`];
    }
    if (Array.isArray(value)) {
        return value.length === 0 || value.every((item) => typeof item !== "object")
            ? [`${sign} ${path}: ${scalar(value)}`]
            : value.flatMap((item, index) => flat(sign, `${path}[${index}]`, item));
    }
    const entries = Object.entries(value);
    return entries.length === 0
        ? [`${sign} ${path}: {}`]
        : entries.flatMap(([key, child]) => flat(sign, `${path}.${key}`, child));
}

function isText(value: Json | undefined): value is string {
    return typeof value === "string";
}

function textDifference(path: string, before: string, after: string): string[] {
    const patch = structuredPatch("", "", before, after, "", "", { context, maxEditLength: mostEdits });
    if (patch === undefined) {
        return [`@@ ${path}: another text, ${lines(before).length} lines before, ${lines(after).length} lines now @@`];
    }
    return patch.hunks.flatMap(({ oldStart, newStart, lines: hunk }) => [
        `@@ ${path}, line ${oldStart} before, ${newStart} now @@`,
        ...hunk,
    ]);
}

/** One changed property as lines of a diff: `-` was, `+` is. */
export function propertyLines({ path, before, after }: PropertyChange): string[] {
    if (isText(before) && isText(after) && (before.includes("\n") || after.includes("\n"))) {
        return textDifference(path, before, after);
    }
    return [
        ...(before === undefined ? [] : flat("-", path, before)),
        ...(after === undefined ? [] : flat("+", path, after)),
    ];
}
