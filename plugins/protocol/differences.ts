/** What changed between two property maps, as the engine's detailed diffs name it. */
import { Secret, Unknown, isPropertyMap, sameValue } from "./properties";
import type { PropertyMap, PropertyValue } from "./properties";
import type { DetailedChange, DiffResult } from "./provider";

export type ChangeKind = "add" | "delete" | "update";

/** One changed place. `path` is a property path: `data`, `spec.ports[0].port`, `metadata.labels["a.b/c"]`. */
export interface Difference {
    path: string;
    kind: ChangeKind;
    /** The first part of the path: the resource's property. */
    property: string;
}

/** Every place in which `news` differs from `olds`, deepest first found; secrets are compared by what they hold. */
export function differences(olds: PropertyMap, news: PropertyMap): Difference[] {
    const result: Difference[] = [];
    for (const key of new Set([...Object.keys(olds), ...Object.keys(news)])) {
        collect(result, appendKey("", key), key, olds[key], news[key]);
    }
    return result;
}

function collect(
    into: Difference[],
    path: string,
    property: string,
    oldValue: PropertyValue,
    newValue: PropertyValue,
): void {
    const before = oldValue instanceof Secret ? oldValue.value : oldValue;
    const after = newValue instanceof Secret ? newValue.value : newValue;
    if (before === undefined && after === undefined) {
        return;
    }
    if (before === undefined) {
        into.push({ path, kind: "add", property });
    } else if (after === undefined) {
        into.push({ path, kind: "delete", property });
    } else if (after instanceof Unknown || before instanceof Unknown) {
        into.push({ path, kind: "update", property });
    } else if (Array.isArray(before) && Array.isArray(after)) {
        for (let index = 0; index < Math.max(before.length, after.length); index++) {
            collect(into, `${path}[${index}]`, property, before[index], after[index]);
        }
    } else if (isPropertyMap(before) && isPropertyMap(after)) {
        for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
            collect(into, appendKey(path, key), property, before[key], after[key]);
        }
    } else if (!sameValue(before, after)) {
        into.push({ path, kind: "update", property });
    }
}

/** `path` extended by a map's key, quoted where it isn't a plain name. */
export function appendKey(path: string, key: string): string {
    if (/^[A-Za-z_$][\w$]*$/.test(key)) {
        return path === "" ? key : `${path}.${key}`;
    }
    return `${path}[${JSON.stringify(key)}]`;
}

/**
 * The diff of a type whose inputs can all change in place, except those whose names are in `replaceOn`.
 */
export function structuralDiff(
    oldInputs: PropertyMap,
    newInputs: PropertyMap,
    options: { replaceOn?: readonly string[]; deleteBeforeReplace?: boolean } = {},
): DiffResult {
    const replaceOn = new Set(options.replaceOn ?? []);
    const detailed: NonNullable<DiffResult["detailed"]> = {};
    const replaces = new Set<string>();
    for (const difference of differences(oldInputs, newInputs)) {
        const replace = replaceOn.has(difference.property);
        if (replace) {
            replaces.add(difference.property);
        }
        detailed[difference.path] = {
            kind: (replace ? `${difference.kind}-replace` : difference.kind) as DetailedChange,
            inputDiff: true,
        };
    }
    return {
        changes: Object.keys(detailed).length > 0,
        replaces: [...replaces],
        deleteBeforeReplace: options.deleteBeforeReplace,
        detailed,
    };
}
