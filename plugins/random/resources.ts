/**
 * The resource types of Pulumi's random provider: values that are made once and kept in the state.
 *
 * Every changed input makes a new value (a replacement); the state has the shape of the official provider's, so that a
 * stack can go on with that one. Passwords and bytes are secrets in the state.
 */
import { randomBytes, randomUUID } from "node:crypto";

import { hash } from "bcryptjs";

import { Secret, UNKNOWN, containsUnknown, plain, structuralDiff } from "../protocol";
import type { CheckFailure, CheckResult, PlainMap, PropertyMap, ResourceHandler } from "../protocol";
import { checkRules, randomInteger, randomString, shuffled, uuid7 } from "./generators";
import type { CharacterRules } from "./generators";

interface RandomType {
    /** What is wrong with known inputs. */
    check?: (inputs: PlainMap) => CheckFailure[];
    /** Inputs with their defaults, as the state has them. */
    defaults?: (inputs: PlainMap) => PropertyMap;
    make: (inputs: PlainMap) => Promise<{ id: string; outputs: PropertyMap }> | { id: string; outputs: PropertyMap };
    /** Names of the outputs, which are unknown in a preview. */
    outputs: string[];
}

function number(value: unknown, otherwise: number): number {
    return typeof value === "number" ? value : otherwise;
}

function flag(value: unknown, otherwise: boolean): boolean {
    return typeof value === "boolean" ? value : otherwise;
}

function text(value: unknown): string {
    return typeof value === "string" ? value : "";
}

function rulesOf(inputs: PlainMap): CharacterRules {
    return {
        length: number(inputs.length, NaN),
        lower: flag(inputs.lower, true),
        upper: flag(inputs.upper, true),
        numeric: flag(inputs.numeric ?? inputs.number, true),
        special: flag(inputs.special, true),
        minLower: number(inputs.minLower, 0),
        minUpper: number(inputs.minUpper, 0),
        minNumeric: number(inputs.minNumeric, 0),
        minSpecial: number(inputs.minSpecial, 0),
        overrideSpecial: text(inputs.overrideSpecial),
    };
}

/** The rules as properties; `number` is the old name of `numeric`, and an unset overrideSpecial stays unset. */
function rulesState(inputs: PlainMap): PropertyMap {
    const { overrideSpecial: _overrideSpecial, ...rules } = rulesOf(inputs);
    return { ...rules, number: rules.numeric };
}

/** A whole number input of at least `least`. */
function checkCount(inputs: PlainMap, property: string, least: number): CheckFailure[] {
    const value = inputs[property];
    return typeof value === "number" && Number.isInteger(value) && value >= least
        ? []
        : [{ property, reason: `${property} must be a whole number of at least ${least}` }];
}

const password: RandomType = {
    check: (inputs) => checkRules(rulesOf(inputs)),
    // What the official provider reads to know how old the state's form is.
    defaults: (inputs) => ({ ...rulesState(inputs), __meta: JSON.stringify({ schema_version: "3" }) }),
    async make(inputs) {
        const result = randomString(rulesOf(inputs));
        return {
            id: "none", // an id is no secret
            outputs: { result: new Secret(result), bcryptHash: new Secret(await hash(result, 10)) },
        };
    },
    outputs: ["result", "bcryptHash"],
};

const string: RandomType = {
    check: (inputs) => checkRules(rulesOf(inputs)),
    defaults: (inputs) => ({ ...rulesState(inputs), __meta: JSON.stringify({ schema_version: "3" }) }),
    make(inputs) {
        const result = randomString(rulesOf(inputs));
        return { id: result, outputs: { result } };
    },
    outputs: ["result"],
};

const bytes: RandomType = {
    check: (inputs) => checkCount(inputs, "length", 1),
    make(inputs) {
        const value = randomBytes(number(inputs.length, 1));
        // The official provider's id is the value itself, in plain text; this one tells nothing.
        const outputs = { base64: new Secret(value.toString("base64")), hex: new Secret(value.toString("hex")) };
        return { id: randomUUID(), outputs };
    },
    outputs: ["base64", "hex"],
};

const identifier: RandomType = {
    check: (inputs) => checkCount(inputs, "byteLength", 1),
    make(inputs) {
        const value = randomBytes(number(inputs.byteLength, 1));
        const prefix = text(inputs.prefix);
        const b64Url = value.toString("base64url");
        return {
            id: b64Url,
            outputs: {
                b64Url: prefix + b64Url,
                b64Std: prefix + value.toString("base64"),
                hex: prefix + value.toString("hex"),
                dec: prefix + BigInt(`0x${value.toString("hex")}`).toString(),
            },
        };
    },
    outputs: ["b64Url", "b64Std", "hex", "dec"],
};

const SEED: CheckFailure = {
    property: "seed",
    reason: "the stand-in random plugin does not cover seeds; Pulumi's own plugin does",
};

const integer: RandomType = {
    check(inputs) {
        const { min, max, seed } = inputs;
        if (typeof min !== "number" || typeof max !== "number" || !Number.isInteger(min) || !Number.isInteger(max)) {
            return [{ property: "min", reason: "min and max must be whole numbers" }];
        }
        if (min > max) {
            return [{ property: "min", reason: `min (${min}) is greater than max (${max})` }];
        }
        return text(seed) === "" ? [] : [SEED];
    },
    make(inputs) {
        const result = randomInteger(number(inputs.min, 0), number(inputs.max, 0));
        return { id: String(result), outputs: { result } };
    },
    outputs: ["result"],
};

const shuffle: RandomType = {
    check: (inputs) => {
        if (!Array.isArray(inputs.inputs)) {
            return [{ property: "inputs", reason: "inputs must be a list of strings" }];
        }
        return text(inputs.seed) === "" ? [] : [SEED];
    },
    make(inputs) {
        const items = inputs.inputs as string[];
        const count = number(inputs.resultCount, items.length);
        const results: string[] = [];
        while (items.length > 0 && results.length < count) {
            results.push(...shuffled(items)); // a result longer than the inputs goes through them again
        }
        return { id: "-", outputs: { results: results.slice(0, count) } };
    },
    outputs: ["results"],
};

const uuid = (make: () => string): RandomType => ({
    make() {
        const result = make();
        return { id: result, outputs: { result } };
    },
    outputs: ["result"],
});

const TYPES: Record<string, RandomType> = {
    RandomBytes: bytes,
    RandomId: identifier,
    RandomInteger: integer,
    RandomPassword: password,
    RandomShuffle: shuffle,
    RandomString: string,
    RandomUuid: uuid(randomUUID),
    RandomUuid4: uuid(randomUUID),
    RandomUuid7: uuid(uuid7),
};

/** The type tokens that are covered. RandomPet is not: it needs the official provider's lists of words. */
export const RANDOM_TYPES = Object.keys(TYPES).map(tokenOf);

function tokenOf(name: string): string {
    return `random:index/${name.charAt(0).toLowerCase()}${name.slice(1)}:${name}`;
}

/** The handler of a type token; undefined for types that are not covered. */
export function randomResource(token: string): ResourceHandler | undefined {
    const name = token.split(":")[2] ?? "";
    const type = TYPES[name];
    return type === undefined || token !== tokenOf(name) ? undefined : handlerOf(type);
}

function handlerOf(type: RandomType): ResourceHandler {
    return {
        check: (_context, { news }): CheckResult => ({
            inputs: news,
            failures: containsUnknown(news) ? [] : type.check?.(plain(news)),
        }),
        diff: (_context, { oldInputs, newInputs }) =>
            structuralDiff(oldInputs, newInputs, {
                replaceOn: [...new Set([...Object.keys(oldInputs), ...Object.keys(newInputs)])],
            }),
        async create(context, inputs) {
            if (context.preview) {
                const unknown = Object.fromEntries(type.outputs.map((name) => [name, UNKNOWN]));
                const defaults = containsUnknown(inputs) ? {} : type.defaults?.(plain(inputs));
                return { id: "", state: { ...defaults, ...inputs, ...unknown } };
            }
            const values = plain(inputs);
            const { id, outputs } = await type.make(values);
            return { id, state: { ...type.defaults?.(values), ...inputs, ...outputs } };
        },
        // A state that an import or another program made may differ in inputs only by defaults.
        update: (_context, { oldState, newInputs }) => Promise.resolve({ ...oldState, ...newInputs }),
    };
}
