/** Random values from the operating system's generator. */
import { randomBytes, randomInt } from "node:crypto";

/** What a password or string is made of; the names are those of the resource's properties. */
export interface CharacterRules {
    length: number;
    lower: boolean;
    upper: boolean;
    numeric: boolean;
    special: boolean;
    minLower: number;
    minUpper: number;
    minNumeric: number;
    minSpecial: number;
    /** In place of the usual special characters; "" for those. */
    overrideSpecial: string;
}

const LOWER = "abcdefghijklmnopqrstuvwxyz";
const NUMERIC = "0123456789";
const SPECIAL = "!@#$%&*()-_=+[]{}<>:?";

/** What is wrong with the rules, by property; nothing if they can be met. */
export function checkRules(rules: CharacterRules): { property: string; reason: string }[] {
    const failures: { property: string; reason: string }[] = [];
    if (!Number.isInteger(rules.length) || rules.length < 1) {
        failures.push({ property: "length", reason: "length must be a whole number of at least 1" });
    }
    for (const property of ["minLower", "minUpper", "minNumeric", "minSpecial"] as const) {
        if (!Number.isInteger(rules[property]) || rules[property] < 0) {
            failures.push({ property, reason: `${property} must be a whole number of at least 0` });
        }
    }
    const sum = rules.minLower + rules.minUpper + rules.minNumeric + rules.minSpecial;
    if (failures.length === 0 && sum > rules.length) {
        failures.push({
            property: "length",
            reason: `length (${rules.length}) is less than minLower + minUpper + minNumeric + minSpecial (${sum})`,
        });
    }
    if (!rules.lower && !rules.upper && !rules.numeric && !rules.special) {
        failures.push({ property: "lower", reason: "one of lower, upper, numeric and special must be true" });
    }
    return failures;
}

/** A string that keeps the rules, each character drawn evenly. */
export function randomString(rules: CharacterRules): string {
    const special = rules.overrideSpecial === "" ? SPECIAL : rules.overrideSpecial;
    const all = [
        rules.upper ? LOWER.toUpperCase() : "",
        rules.lower ? LOWER : "",
        rules.numeric ? NUMERIC : "",
        rules.special ? special : "",
    ].join("");
    const characters: string[] = [];
    const draw = (from: string, count: number): void => {
        const choices = [...from];
        for (let index = 0; index < count; index++) {
            characters.push(choices[randomInt(choices.length)] ?? "");
        }
    };
    draw(special, rules.minSpecial);
    draw(NUMERIC, rules.minNumeric);
    draw(LOWER, rules.minLower);
    draw(LOWER.toUpperCase(), rules.minUpper);
    draw(all, rules.length - characters.length);
    return shuffled(characters).join("");
}

/** A copy in random order (Fisher-Yates). */
export function shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let index = result.length - 1; index > 0; index--) {
        const other = randomInt(index + 1);
        [result[index], result[other]] = [result[other] as T, result[index] as T];
    }
    return result;
}

/** A whole number between `min` and `max`, both included. */
export function randomInteger(min: number, max: number): number {
    const range = max - min + 1;
    if (range < 2 ** 48) {
        return min + randomInt(range);
    }
    // Beyond what randomInt draws: enough more bits make the remainder's bias negligible.
    return min + Number(BigInt(`0x${randomBytes(24).toString("hex")}`) % BigInt(range));
}

/** A UUID of version 7 (RFC 9562): milliseconds since 1970, then random bits. */
export function uuid7(now = Date.now()): string {
    const bytes = randomBytes(16);
    bytes.writeUIntBE(now, 0, 6);
    bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
    bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
    return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
