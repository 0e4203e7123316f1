/** What the annotation `pulumi.com/waitFor` asks for. */
import { asArray, asNumber, asObject, asString, isObject, type KubernetesObject, metadataOf, pluck } from "../object";
import type { Readiness } from "./readiness";

export const waitForAnnotation = "pulumi.com/waitFor";

/**
 * Reads `pulumi.com/waitFor`: `condition=<type>[=<status>]`, `jsonpath={.a.b}[=<value>]`, or a JSON list of these,
 * all of which must hold.
 *
 * @throws Error for anything else.
 */
export function parseWaitFor(text: string): Readiness {
    let expressions: string[] = [text];
    if (text.trim().startsWith("[")) {
        const list: unknown = JSON.parse(text);
        if (!Array.isArray(list) || list.length === 0 || !list.every((item) => typeof item === "string")) {
            throw new Error(`${waitForAnnotation}: ${text} is not a list of texts with at least one of them`);
        }
        expressions = list;
    }
    const tests = expressions.map(parseWaitExpression);
    return {
        evaluate: ({ live }) => {
            const missing = expressions.filter((_, index) => !tests[index]?.(live));
            return {
                ready: missing.length === 0,
                status: `Waiting for ${missing.join(", ")}`,
                problems: missing.map((expression) => `not yet: ${expression}`),
            };
        },
    };
}

function parseWaitExpression(expression: string): (live: KubernetesObject) => boolean {
    const condition = /^condition=([^=]+)(?:=(.*))?$/.exec(expression);
    if (condition !== null) {
        const [, type = "", status = "True"] = condition;
        return (live) => {
            const found = asArray(asObject(live.status).conditions)
                .map(asObject)
                .find((item) => asString(item.type).toLowerCase() === type.toLowerCase());
            const generation = asNumber(metadataOf(live).generation);
            const seen = asNumber(found?.observedGeneration ?? pluck(live, "status", "observedGeneration"), generation);
            return seen >= generation && asString(found?.status).toLowerCase() === status.toLowerCase();
        };
    }
    const path = /^jsonpath=\{?\$?((?:\.[\w-]+|\[\d+\])+)\}?(?:=(.*))?$/.exec(expression);
    if (path !== null) {
        const steps = [...(path[1] ?? "").matchAll(/\.([\w-]+)|\[(\d+)\]/g)].map((match) =>
            match[1] !== undefined ? match[1] : Number(match[2]),
        );
        const wanted = path[2];
        return (live) => {
            const value = pluck(live, ...steps);
            if (value === undefined || value === null) {
                return false;
            }
            return wanted === undefined || (isObject(value) ? JSON.stringify(value) : String(value)) === wanted;
        };
    }
    throw new Error(
        `${waitForAnnotation}: ${JSON.stringify(expression)} is neither condition=<type>[=<status>] nor ` +
            "jsonpath={.path.to.member}[=<value>]",
    );
}
