import { equal, isObject, Json, JsonObject } from "./object";

/** What happens to a property; the `-replace` kinds replace the object. */
export type DifferenceKind = "add" | "add-replace" | "delete" | "delete-replace" | "update" | "update-replace";

/** One changed property. */
export interface Difference {
    /** Property path in Pulumi's notation: `spec.ports[0].port`, `metadata.labels["a.b/c"]`. */
    path: string;
    kind: DifferenceKind;
}

/** Properties that only matter to the comparison of two sets of inputs. */
export interface ComparedInputs {
    olds: JsonObject;
    news: JsonObject;
    /** Paths (steps; `*` is any index) whose change replaces the object. */
    replacementPaths: string[][];
}

/**
 * Compares two sets of inputs, without secret marks, property by property.
 *
 * @returns the changed properties, as deep as both sides have objects and arrays of them.
 */
export function compareInputs({ olds, news, replacementPaths }: ComparedInputs): Difference[] {
    const differences: Difference[] = [];
    const visit = (path: (string | number)[], left: Json | undefined, right: Json | undefined): void => {
        if (equal(left, right)) {
            return;
        }
        if (isObject(left) && isObject(right)) {
            for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
                visit([...path, key], left[key], right[key]);
            }
            return;
        }
        if (Array.isArray(left) && Array.isArray(right)) {
            for (let index = 0; index < Math.max(left.length, right.length); index++) {
                visit([...path, index], left[index], right[index]);
            }
            return;
        }
        const missing = (value: Json | undefined): boolean => value === undefined || value === null;
        const kind = missing(left) ? "add" : missing(right) ? "delete" : "update";
        const value = missing(right) ? left : right;
        const replace = replacementPaths.some((rule) => touches(rule, path, value));
        differences.push({ path: formatPath(path), kind: replace ? `${kind}-replace` : kind });
    };
    visit([], olds, news);
    return differences;
}

// A change at `path` touches what `rule` names when the rule's path leads to it, or when the changed value holds it.
function touches(rule: string[], path: (string | number)[], value: Json | undefined): boolean {
    let current: Json | undefined = value;
    for (const [depth, step] of rule.entries()) {
        if (depth < path.length) {
            const actual = path[depth];
            if (step === "*" ? typeof actual !== "number" : actual !== step) {
                return false;
            }
        } else if (step === "*") {
            const rest = rule.slice(depth + 1);
            return Array.isArray(current) && current.some((item) => touches(rest, [], item));
        } else {
            if (!isObject(current) || current[step] === undefined) {
                return false;
            }
            current = current[step];
        }
    }
    return true;
}

/** A property path in Pulumi's notation. */
export function formatPath(path: (string | number)[]): string {
    let text = "";
    for (const step of path) {
        if (typeof step === "number") {
            text += `[${step}]`;
        } else if (/[."[\]]/.test(step)) {
            text += `["${step.replace(/"/g, '\\"')}"]`;
        } else {
            text += text === "" ? step : `.${step}`;
        }
    }
    return text;
}

/** True when one of the differences replaces the object. */
export function replaces(differences: Difference[]): boolean {
    return differences.some((difference) => difference.kind.endsWith("-replace"));
}

/**
 * True when a path of `ignoreChanges` covers a changed path: they are equal, or the changed one is below it.
 * `*` in an ignored path stands for any key or index.
 */
export function isIgnored(path: string, ignored: string): boolean {
    const steps = parsePath(path);
    const pattern = parsePath(ignored);
    return pattern.length <= steps.length && pattern.every((step, index) => step === "*" || step === steps[index]);
}

/** The steps of a property path in Pulumi's notation; indexes are given as text. */
export function parsePath(path: string): string[] {
    const steps: string[] = [];
    const pattern = /\["((?:[^"\\]|\\.)*)"\]|\[(\d+|\*)\]|([^.[\]]+)/g;
    for (let match = pattern.exec(path); match !== null; match = pattern.exec(path)) {
        steps.push(match[1] !== undefined ? match[1].replace(/\\"/g, '"') : (match[2] ?? match[3] ?? ""));
    }
    return steps;
}
