import { isIgnored } from "../../plugins/kubernetes/diff";
import type { Declaration, DeclaredResource, Json } from "./declaration";
import { differences, openDocument, type PropertyChange } from "./differences";
import { type ReplacementReason, replacementReasons } from "./replacement";

export type Operation = "replace" | "remove" | "change" | "add" | "same";

/** What becomes of one resource. */
export interface ResourceChange {
    operation: Operation;
    urn: string;
    type: string;
    name: string;
    /** Another name or type that it had before, found by its aliases. */
    formerly?: string;
    /** Why it is replaced. */
    reasons: ReplacementReason[];
    properties: PropertyChange[];
    /** It is protected: the engine refuses to remove or replace it. */
    protected: boolean;
}

/** Pairs what is the same resource on both sides; a renamed one by its own or its component's aliases. */
function pairs(base: readonly DeclaredResource[], head: readonly DeclaredResource[]): Map<string, DeclaredResource> {
    const olds = new Map(base.map((one) => [one.urn, one]));
    const found = new Map<string, DeclaredResource>();
    const taken = new Set<string>();
    const pair = (urn: string, old: DeclaredResource): void => {
        found.set(urn, old);
        taken.add(old.urn);
    };
    for (const { urn } of head) {
        const old = olds.get(urn);
        if (old !== undefined) {
            pair(urn, old);
        }
    }
    const byKey = new Map<string, DeclaredResource>();
    for (const old of base) {
        if (!taken.has(old.urn)) {
            byKey.set(`${old.type}::${old.name}`, old);
        }
    }
    const byUrn = new Map(head.map((one) => [one.urn, one]));
    const visited = new Set<string>();
    const search = (one: DeclaredResource): void => {
        if (visited.has(one.urn)) {
            return;
        }
        visited.add(one.urn);
        const parent = byUrn.get(one.parent);
        if (parent !== undefined) {
            search(parent);
        }
        if (found.has(one.urn)) {
            return;
        }
        const candidates = one.aliases.map((alias) => `${alias.type ?? one.type}::${alias.name ?? one.name}`);
        // Children of a renamed component bear its name.
        const oldParent = parent === undefined ? undefined : found.get(parent.urn);
        if (parent !== undefined && oldParent !== undefined && one.name.startsWith(parent.name)) {
            candidates.push(`${one.type}::${oldParent.name}${one.name.slice(parent.name.length)}`);
        }
        const old = candidates
            .map((key) => byKey.get(key))
            .find((match) => match !== undefined && !taken.has(match.urn));
        if (old !== undefined) {
            pair(one.urn, old);
        }
    };
    head.forEach(search);
    return found;
}

function propertyChanges(before: DeclaredResource, after: DeclaredResource): PropertyChange[] {
    const changes = differences(before.inputs, after.inputs).flatMap((change) =>
        after.type === "command:local:Command" && change.path === "stdin" ? openDocument(change) : [change],
    );
    const ignored = after.options.ignoreChanges;
    return changes.filter(({ path }) => !ignored.some((pattern) => isIgnored(path, pattern)));
}

/** What an image is built from changes without any input of it: the folder's name stays. */
function contextChanges(before: DeclaredResource, after: DeclaredResource): PropertyChange[] {
    return differences(before.image?.files ?? {}, after.image?.files ?? {}, "build context: ");
}

function optionChanges(before: DeclaredResource, after: DeclaredResource): PropertyChange[] {
    const json = (one: DeclaredResource) => ({ ...one.options, provider: one.provider }) as unknown as Json;
    return differences(json(before), json(after), "option ");
}

/**
 * What an update from one declaration to the other would do, by URN. Resources of which nothing changed are in it too.
 *
 * @param base undefined where it could not be told: then everything counts as declared anew
 */
export function compareResources(base: Declaration | undefined, head: Declaration): ResourceChange[] {
    const olds = base?.resources ?? [];
    const paired = pairs(olds, head.resources);
    const byUrn = new Map(head.resources.map((one) => [one.urn, one]));
    const results = new Map<string, ResourceChange>();
    const compare = (after: DeclaredResource): ResourceChange => {
        const known = results.get(after.urn);
        if (known !== undefined) {
            return known;
        }
        const { urn, type, name } = after;
        const before = paired.get(urn);
        const common = { urn, type, name, protected: after.options.protect };
        let result: ResourceChange;
        if (before === undefined) {
            result = { ...common, operation: "add", reasons: [], properties: differences({}, after.inputs) };
        } else {
            const provider = byUrn.get(after.provider);
            const isReplaced = (which: string): boolean => {
                const other = byUrn.get(which);
                return other !== undefined && compare(other).operation === "replace";
            };
            const properties = propertyChanges(before, after);
            const reasons =
                properties.length > 0 || provider !== undefined
                    ? replacementReasons(before, after, provider?.inputs ?? {}, isReplaced)
                    : [];
            properties.push(...contextChanges(before, after), ...optionChanges(before, after));
            const formerly = before.urn === urn ? {} : { formerly: `${before.type} ${before.name}` };
            const operation = reasons.length > 0 ? "replace" : properties.length > 0 ? "change" : "same";
            result = { ...common, ...formerly, operation, reasons, properties };
        }
        results.set(urn, result);
        return result;
    };
    head.resources.forEach(compare);
    return [...movedOrRemoved(olds, paired, results), ...results.values()].sort((a, b) =>
        a.urn < b.urn ? -1 : a.urn > b.urn ? 1 : 0,
    );
}

/**
 * The resources that are there no more. One of the same type and name at another place is the same thing for people,
 * and its URN another one for the engine: replaced.
 */
function movedOrRemoved(
    olds: readonly DeclaredResource[],
    paired: Map<string, DeclaredResource>,
    results: Map<string, ResourceChange>,
): ResourceChange[] {
    const kept = new Set([...paired.values()].map(({ urn }) => urn));
    const added = new Map(
        [...results.values()]
            .filter(({ operation }) => operation === "add")
            .map((one) => [`${one.type}::${one.name}`, one]),
    );
    return olds.flatMap((old): ResourceChange[] => {
        if (kept.has(old.urn)) {
            return [];
        }
        const moved = added.get(`${old.type}::${old.name}`);
        if (moved !== undefined) {
            moved.operation = "replace";
            moved.reasons = [{ kind: "parent", text: "it became part of another component, without an alias" }];
            moved.properties = moved.properties.filter(({ path }) => !(path in old.inputs));
            return [];
        }
        const { urn, type, name, inputs } = old;
        const properties = differences(inputs, {});
        return [{ operation: "remove", urn, type, name, reasons: [], properties, protected: old.options.protect }];
    });
}
