import { z } from "zod";

import { nearest } from "./nearest";

/** What the documentation, Pulumi.yaml and error messages say about one setting, beside its type. */
export interface SettingDocumentation {
    /** One or two sentences for the user. */
    description: string;
    /** What a right value is, as the end of a sentence that begins with "expected". */
    expected: string;
    /** A value to show in the command that mends a wrong one. Required settings' defaults serve where this is absent. */
    example?: string;
    /** A right value near to a wrong one, where there is an obvious one. */
    suggest?: (wrong: string) => string | undefined;
    /** The value, or such a value, must be stored encrypted (`pulumi config set --secret`) and is never shown. */
    secret?: true | ((value: unknown) => boolean);
}

/** Type names that Pulumi.yaml's `config:` knows (workspace.ProjectConfigType of the engine) and this program uses. */
export type SettingType = "string" | "integer" | "boolean" | "array";

/** A default as Pulumi.yaml declares it. */
export type SettingDefault = string | number | boolean | readonly never[];

/** One setting: a leaf of the schema. */
export interface Setting extends SettingDocumentation {
    /** Path below the project's namespace, for example `["taurus", "httpsPort"]`. */
    path: readonly string[];
    /** `taurus.httpsPort` */
    name: string;
    type: SettingType;
    /** Optional settings have the empty string, which means "not set". */
    default: SettingDefault;
    schema: z.ZodType;
    /** Schema of a list's entries. */
    element?: z.ZodType;
}

interface LeafRegistration extends SettingDocumentation {
    type: SettingType;
    default: SettingDefault;
}

/** Whether this value of a setting must be stored encrypted and is never shown. */
export function isSecret({ secret }: Pick<Setting, "secret">, value: unknown): boolean {
    return typeof secret === "function" ? secret(value) : secret === true;
}

/** A default as `pulumi config set` takes it. */
export function defaultText({ default: value }: Pick<Setting, "default">): string {
    return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** A secret setting's value. It does not turn into text by accident: not in JSON, not in a template, not in a log. */
export class SecretText {
    readonly #value: string;

    constructor(value: string) {
        this.#value = value;
    }

    /** The plain value. Wrap it in `pulumi.secret` before it goes into a resource. */
    reveal(): string {
        return this.#value;
    }

    toString(): string {
        return "[secret]";
    }

    toJSON(): string {
        return "[secret]";
    }

    [Symbol.for("nodejs.util.inspect.custom")](): string {
        return "[secret]";
    }
}

export const leaves = z.registry<LeafRegistration>();

/** Schemas of lists' entries: a registry takes no schemas. */
export const elements = new Map<z.ZodType, z.ZodType>();

/** A leaf that has a default value of its own type. */
export function setting<S extends z.ZodType>(
    schema: S,
    type: SettingType,
    defaultValue: SettingDefault,
    documentation: SettingDocumentation,
): S {
    leaves.add(schema, { type, default: defaultValue, ...documentation });
    return schema;
}

export function integer(defaultValue: number, minimum: number, maximum: number, documentation: SettingDocumentation) {
    const schema = z
        .union([z.number(), z.string()], "is not a whole number")
        .transform((value, context) => {
            // Pulumi hands over top-level values as text and nested ones as JSON.
            if (typeof value === "number" ? Number.isSafeInteger(value) : /^-?\d{1,15}$/.test(value)) {
                return Number(value);
            }
            context.addIssue({ code: "custom", message: "is not a whole number" });
            return z.NEVER;
        })
        .pipe(z.number().min(minimum, `is less than ${minimum}`).max(maximum, `is more than ${maximum}`));
    const suggest = (wrong: string) => {
        const number = Math.round(Number(wrong));
        return wrong.trim() === "" || Number.isNaN(number)
            ? undefined
            : String(Math.min(maximum, Math.max(minimum, number)));
    };
    return setting(schema, "integer", defaultValue, { suggest, ...documentation });
}

export function port(defaultValue: number, description: string) {
    return integer(defaultValue, 1, 65535, { description, expected: "a port number from 1 to 65535" });
}

export function boolean(defaultValue: boolean, description: string) {
    const schema = z.union([z.boolean(), z.string()], "is neither true nor false").transform((value, context) => {
        if (value === true || value === "true") {
            return true;
        }
        if (value === false || value === "false") {
            return false;
        }
        context.addIssue({ code: "custom", message: "is neither true nor false" });
        return z.NEVER;
    });
    const suggest = (wrong: string) =>
        /^(y|yes|t|true|on|1)$/i.test(wrong.trim())
            ? "true"
            : /^(n|no|f|false|off|0)$/i.test(wrong.trim())
              ? "false"
              : undefined;
    return setting(schema, "boolean", defaultValue, { description, expected: "true or false", suggest });
}

/** Text, where numbers given by `--path` (which Pulumi turns into JSON numbers) are taken as what was typed. */
export const text = z
    .union([z.string(), z.number().transform(String)], "is not text")
    .refine((value) => value === value.trim(), { message: "begins or ends with white space", abort: true })
    .refine((value) => !/\p{Cc}/u.test(value), { message: "has control characters", abort: true });

export function choice<const C extends readonly [string, ...string[]]>(
    choices: C,
    defaultValue: C[number],
    description: string,
) {
    const schema = z.unknown().transform((value, context): C[number] => {
        if (typeof value === "string" && choices.includes(value)) {
            return value;
        }
        context.addIssue({ code: "custom", message: "is not one of the choices" });
        return z.NEVER;
    });
    const expected = choices.length === 1 ? choices[0] : `one of ${choices.join(", ")}`;
    return setting(schema, "string", defaultValue, {
        description,
        expected,
        suggest: (wrong) => nearest(wrong, choices),
    });
}

/** Names out of a given list, separated by commas; none by default. */
export function names<const N extends string>(known: readonly N[], documentation: SettingDocumentation) {
    const split = (value: string) => value.split(",").map((name) => name.trim());
    const schema = text.transform((value, context): N[] => {
        const given = value === "" ? [] : split(value);
        for (const name of given.filter((candidate) => !(known as readonly string[]).includes(candidate))) {
            context.addIssue({
                code: "custom",
                message: name === "" ? "has an empty name" : `has "${name}", which is none`,
            });
        }
        return known.filter((name) => given.includes(name));
    });
    const suggest = (wrong: string) => {
        const right = split(wrong).map((name) => nearest(name, known));
        return right.some((name) => name === undefined) ? undefined : [...new Set(right)].join(",");
    };
    return setting(schema, "string", "", { suggest, ...documentation });
}

/** Optional text: the empty string, which is its default in Pulumi.yaml, means "not set". */
export function optionalText(check: (value: string) => string | undefined, documentation: SettingDocumentation) {
    const schema = text.transform((value, context) => {
        if (value === "") {
            return undefined;
        }
        const problem = check(value);
        if (problem !== undefined) {
            context.addIssue({ code: "custom", message: problem });
            return z.NEVER;
        }
        return value;
    });
    return setting(schema, "string", "", documentation);
}

export function requiredText(
    defaultValue: string,
    check: (value: string) => string | undefined,
    documentation: SettingDocumentation,
) {
    const schema = text.transform((value, context) => {
        const problem = value === "" ? "is empty" : check(value);
        if (problem !== undefined) {
            context.addIssue({ code: "custom", message: problem });
            return z.NEVER;
        }
        return value;
    });
    return setting(schema, "string", defaultValue, documentation);
}

export function secretText(description: string) {
    const schema = z
        .union([z.string(), z.number().transform(String)], "is not text")
        .refine((value) => !/[\r\n\0]/.test(value), { message: "has more than one line" })
        .transform((value) => (value === "" ? undefined : new SecretText(value)));
    return setting(schema, "string", "", { description, expected: "one line of text, encrypted", secret: true });
}

/** PEM text or a path to it: what is in it is checked where the file can be read. */
export function certificate(description: string) {
    const schema = z.string("is not text").transform((value) => value.trim() || undefined);
    const expected = "PEM text or the path of a PEM file";
    return setting(schema, "string", "", { description, expected, example: "./registry-ca.pem" });
}

/** A path, or a kubeconfig's contents, which have more than one line or are JSON. */
export function kubeconfig(documentation: SettingDocumentation) {
    const isContent = (value: unknown) => typeof value === "string" && /[\n{]/.test(value.trim());
    const schema = z.string("is not text").transform((value): SecretText | { path: string } | undefined => {
        if (isContent(value)) {
            return new SecretText(value);
        }
        return value.trim() === "" ? undefined : { path: value.trim() };
    });
    return setting(schema, "string", "", { ...documentation, secret: isContent });
}

/** The value that a JSON text stands for; any other text stands for itself. */
export function parseJson(value: string): unknown {
    try {
        return JSON.parse(value);
    } catch {
        return value;
    }
}

/**
 * A list of entries with names of their own, empty by default. Pulumi hands it over as JSON.
 *
 * @param check Reports what is wrong between entries, each of which may be wrong itself.
 */
export function list<E extends z.ZodType>(
    element: E,
    documentation: SettingDocumentation,
    check: (entries: readonly object[], context: z.RefinementCtx) => void = () => undefined,
) {
    const schema = z.preprocess(
        (value) => (typeof value === "string" ? parseJson(value) : value),
        z.array(element, "is not a list").superRefine((entries, context) => {
            const names = entries.map((entry) => (entry as { name?: unknown }).name);
            for (const [index, name] of names.entries()) {
                const first = names.indexOf(name);
                if (name !== undefined && first < index) {
                    const path = [index, "name"];
                    context.addIssue({ code: "custom", path, message: `is the name of entry ${first} too` });
                }
            }
            check(entries as readonly object[], context);
        }),
    );
    elements.set(schema, element);
    return setting(schema, "array", [], documentation);
}
