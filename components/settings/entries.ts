import { z } from "zod";

/** What the documentation and error messages say about one field of a list's entries, beside its type. */
export interface EntryFieldDocumentation {
    /** One or two sentences for the user. */
    description: string;
    /** What a right value is, as the end of a sentence that begins with "expected". */
    expected: string;
    /** A right value, shown in the command that mends a wrong one. */
    example: string;
}

const fields = z.registry<EntryFieldDocumentation>();

/** The documentation of a field's schema, if it has one. */
export function documentationOf(schema: z.ZodType): EntryFieldDocumentation | undefined {
    return fields.get(schema);
}

/** Gives a field of a list's entries its documentation; what is optional or has a default is said by its schema. */
export function field<S extends z.ZodType>(schema: S, documentation: EntryFieldDocumentation): S {
    fields.add(schema, documentation);
    return schema;
}

/** A custom check's words become the message; undefined means that the value is right. */
function checkedText(check: (value: string) => string | undefined) {
    return (value: string, context: z.RefinementCtx) => {
        const wrong = value === "" ? "is empty" : check(value);
        if (wrong !== undefined) {
            context.addIssue({ code: "custom", message: wrong });
        }
    };
}

/** "is missing" for absent values, `otherwise` for those of a wrong type. */
function typeError(otherwise: string) {
    return ({ input }: { input?: unknown }) => (input === undefined ? "is missing" : otherwise);
}

/** One line of text. Pulumi's `--path` turns what looks like a number or a truth value into one: that is taken as typed. */
export function entryText(check: (value: string) => string | undefined = () => undefined) {
    return z
        .union([z.string(), z.number().transform(String), z.boolean().transform(String)], {
            error: typeError("is not text"),
        })
        .superRefine(checkedText(check));
}

export function entryInteger(minimum: number, maximum: number) {
    return z
        .number({ error: typeError("is not a whole number") })
        .int("is not a whole number")
        .min(minimum, `is less than ${minimum}`)
        .max(maximum, `is more than ${maximum}`);
}

export function entryBoolean() {
    return z.boolean({ error: typeError("is neither true nor false") });
}

export function entryChoice<const C extends readonly [string, ...string[]]>(choices: C) {
    return z.enum(choices, { error: typeError("is not one of the choices") });
}

/** A list of texts, such as a command with its arguments. */
export function entryTexts() {
    return z
        .array(entryText(), { error: typeError("is not a list of texts") })
        .min(1, { error: "is an empty list", abort: true });
}

/** An object with exactly these fields. */
export function entryObject<S extends z.ZodRawShape>(shape: S) {
    return z.strictObject(shape, {
        // Unknown fields are told one by one (see list-problems.ts).
        error: (issue) => (issue.code === "invalid_type" ? typeError("is not an object")(issue) : undefined),
    });
}

/** A DNS label: what Kubernetes' names and this program's resource names can both be. */
export function labelProblem(value: string): string | undefined {
    return value.length <= 40 && /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(value) ? undefined : "is no name";
}

/** Name of an entry, which becomes part of the names of Kubernetes objects. */
export function entryName() {
    return field(entryText(labelProblem), {
        description: "Its name, and the first part of the names of what it makes in Kubernetes.",
        expected: "a lower-case letter, then lower-case letters, digits and hyphens, at most 40 in all",
        example: "nightly-report",
    });
}
