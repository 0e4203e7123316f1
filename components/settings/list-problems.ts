import { z } from "zod";

import { documentationOf } from "./entries";
import { parseJson } from "./fields";
import { nearest } from "./nearest";
import { removeCommand, SettingProblem, shellWord, shown } from "./problems";

/** The way to a part of a list, as `pulumi config set --path` takes it: `jobs[0].env.MODE`. */
function pathText(name: string, path: readonly PropertyKey[]): string {
    return path.reduce<string>((text, part) => {
        if (typeof part === "number") {
            return `${text}[${part}]`;
        }
        return /^[\w-]+$/.test(String(part)) ? `${text}.${String(part)}` : `${text}["${String(part)}"]`;
    }, name);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
    return path.reduce<unknown>(
        (inner, part) =>
            typeof inner === "object" && inner !== null ? (inner as Record<PropertyKey, unknown>)[part] : undefined,
        value,
    );
}

/** A schema without what wraps it. */
function unwrapped(schema: z.ZodType): z.ZodType {
    return schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault
        ? unwrapped(schema.unwrap() as z.ZodType)
        : schema;
}

/** The object schema that an entry's value has to fit: of a union, the member of its kind. */
function objectSchema(schema: z.ZodType, value: unknown): z.ZodObject | undefined {
    const inner = unwrapped(schema);
    if (inner instanceof z.ZodObject) {
        return inner;
    }
    if (!(inner instanceof z.ZodDiscriminatedUnion)) {
        return undefined;
    }
    const kind = valueAt(value, [inner.def.discriminator]);
    return (inner.options as z.ZodType[])
        .filter((option) => option instanceof z.ZodObject)
        .find((option) => (option.shape[inner.def.discriminator] as z.ZodLiteral).value === kind);
}

/** The schemas on the way to a part of a value, from the outermost to that of the part itself. */
function schemasAlong(schema: z.ZodType, value: unknown, path: readonly PropertyKey[]): z.ZodType[] {
    const [part, ...rest] = path;
    if (part === undefined) {
        return [schema];
    }
    const inner = unwrapped(schema);
    const child =
        inner instanceof z.ZodArray
            ? inner.element
            : inner instanceof z.ZodRecord
              ? inner.valueType
              : objectSchema(inner, value)?.shape[part as string];
    return [schema, ...(child === undefined ? [] : schemasAlong(child as z.ZodType, valueAt(value, [part]), rest))];
}

/**
 * What mends a part of a list. `pulumi config set --path` takes plain values only: others go into the stack's file.
 *
 * @param example A right value of the part's field, or of the list or object around it, which is `depth` steps down.
 */
function mendOf(name: string, path: readonly PropertyKey[], example: string | undefined, depth: number): string {
    const at = pathText(name, path);
    const set = (value: string) => `pulumi config set --path ${shellWord(at)} ${shellWord(value)}`;
    const right = example === undefined ? undefined : parseJson(example);
    if (example === undefined || right === undefined) {
        return removeCommand(at, true);
    }
    if (depth === path.length) {
        return typeof right === "object" ? `write ${example} at ${at} in Pulumi.<stack>.yaml` : set(example);
    }
    return Array.isArray(right) && depth === path.length - 1 && typeof right[0] !== "object"
        ? set(String(right[0]))
        : removeCommand(at, true);
}

/**
 * What is wrong with a list setting, each problem at the field that it is about.
 *
 * @param name The setting, without the project's name.
 * @param masked Values come from encrypted configuration and must not be shown.
 */
export function listProblems(
    project: string,
    name: string,
    element: z.ZodType,
    list: unknown,
    issues: readonly z.core.$ZodIssue[],
    masked: boolean,
): SettingProblem[] {
    const problem = (path: readonly PropertyKey[], wrong: string): SettingProblem => {
        const along = schemasAlong(z.array(element), list, path).map(documentationOf);
        const documentation = along.findLast(Boolean);
        const value = valueAt(list, path);
        const at = pathText(name, path);
        return {
            key: `${project}:${at}`,
            value: value === undefined ? undefined : masked ? "[secret]" : shown(value),
            wrong,
            right: documentation?.expected ?? "an entry as docs/settings.md shows it",
            mend: mendOf(name, path, documentation?.example, along.findLastIndex(Boolean)),
        };
    };
    const unknown = (path: readonly PropertyKey[], key: string): SettingProblem => {
        const entry = valueAt(list, path);
        const schema = schemasAlong(z.array(element), list, path).at(-1) as z.ZodType;
        const known = Object.keys(objectSchema(schema, entry)?.shape ?? {});
        const candidate = nearest(key, known);
        return {
            key: `${project}:${pathText(name, [...path, key])}`,
            wrong: `is no field of ${kindOf(entry)}`,
            right: candidate === undefined ? `one of ${known.join(", ")}` : `perhaps ${candidate}`,
            mend: removeCommand(pathText(name, [...path, key]), true),
        };
    };
    return issues.flatMap((issue) =>
        issue.code === "unrecognized_keys"
            ? issue.keys.map((key) => unknown(issue.path, key))
            : [problem(issue.path, issue.code === "invalid_key" ? issue.issues[0].message : issue.message)],
    );
}

function kindOf(entry: unknown): string {
    const kind = valueAt(entry, ["kind"]);
    return typeof kind === "string" ? `a ${kind} entry` : "such an entry";
}
