import { asArray, asObject, asString, type JsonObject } from "../object";

/** A label selector (`matchLabels`, `matchExpressions`, or a plain map of labels) as the API's query parameter. */
export function selectorText(selector: JsonObject): string {
    const plain = selector.matchLabels === undefined && selector.matchExpressions === undefined;
    const labels = Object.entries(asObject(plain ? selector : selector.matchLabels)).map(
        ([key, value]) => `${key}=${asString(value)}`,
    );
    const expressions = asArray(selector.matchExpressions)
        .map(asObject)
        .map(({ key, operator, values }) => {
            const list = asArray(values).map(asString).join(",");
            switch (operator) {
                case "In":
                    return `${asString(key)} in (${list})`;
                case "NotIn":
                    return `${asString(key)} notin (${list})`;
                case "Exists":
                    return asString(key);
                default:
                    return `!${asString(key)}`;
            }
        });
    return [...labels, ...expressions].join(",");
}
