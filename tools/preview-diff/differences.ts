import { parse } from "yaml";

import { isMaskedSecret, type Json } from "./declaration";

/** One changed place of a resource's inputs. */
export interface PropertyChange {
    /** Property path: `spec.replicas`, `spec.containers["mysql"].image`, `stdin: nodes["nta-dev-1"].userData`. */
    path: string;
    /** Absent: it was not there before. */
    before?: Json;
    /** Absent: it is not there any more. */
    after?: Json;
}

type Entries = { [key: string]: Json };

function isEntries(value: Json | undefined): value is Entries {
    return typeof value === "object" && value !== null && !Array.isArray(value) && !isMaskedSecret(value);
}

export function sameJson(left: Json | undefined, right: Json | undefined): boolean {
    if (left === right) {
        return true;
    }
    if (Array.isArray(left) && Array.isArray(right)) {
        return left.length === right.length && left.every((item, index) => sameJson(item, right[index]));
    }
    if (typeof left !== "object" || left === null || typeof right !== "object" || right === null) {
        return false;
    }
    if (Array.isArray(left) || Array.isArray(right)) {
        return false;
    }
    const keys = Object.keys(left);
    return (
        keys.length === Object.keys(right).length &&
        keys.every((key) => key in right && sameJson(left[key], right[key]))
    );
}

/** A path extended by a map's key, quoted where it is no plain name. */
function keyPath(path: string, key: string): string {
    if (/^[A-Za-z_$][\w$-]*$/.test(key)) {
        return path === "" || path.endsWith(" ") ? path + key : `${path}.${key}`;
    }
    return `${path}[${JSON.stringify(key)}]`;
}

/** The items of a list by their names, if each has one of its own: containers, variables, volumes, ports. */
function byName(list: Json[]): Map<string, Json> | undefined {
    const named = new Map<string, Json>();
    for (const item of list) {
        const name = isEntries(item) ? item["name"] : undefined;
        if (typeof name !== "string" || named.has(name)) {
            return undefined;
        }
        named.set(name, item);
    }
    return named;
}

function collectLists(into: PropertyChange[], path: string, before: Json[], after: Json[]): void {
    const [olds, news] = [byName(before), byName(after)];
    if (olds !== undefined && news !== undefined && olds.size > 0 && news.size > 0) {
        for (const name of new Set([...olds.keys(), ...news.keys()])) {
            collect(into, `${path}[${JSON.stringify(name)}]`, olds.get(name), news.get(name));
        }
        const order = (from: Map<string, Json>, other: Map<string, Json>) =>
            [...from.keys()].filter((name) => other.has(name));
        const [oldOrder, newOrder] = [order(olds, news), order(news, olds)];
        if (!sameJson(oldOrder, newOrder)) {
            into.push({ path: `${path} (order)`, before: oldOrder, after: newOrder });
        }
    } else if ([...before, ...after].every(isEntries)) {
        for (let index = 0; index < Math.max(before.length, after.length); index++) {
            collect(into, `${path}[${index}]`, before[index], after[index]);
        }
    } else {
        into.push({ path, before, after });
    }
}

function collect(into: PropertyChange[], path: string, before: Json | undefined, after: Json | undefined): void {
    if (sameJson(before, after)) {
        return;
    }
    if (isEntries(before) && isEntries(after)) {
        for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
            collect(into, keyPath(path, key), before[key], after[key]);
        }
    } else if (Array.isArray(before) && Array.isArray(after)) {
        collectLists(into, path, before, after);
    } else {
        into.push({
            path,
            ...(before === undefined ? {} : { before }),
            ...(after === undefined ? {} : { after }),
        });
    }
}

/** Every place in which `after` differs from `before`, in the order in which they stand. */
export function differences(before: Json | undefined, after: Json | undefined, path = ""): PropertyChange[] {
    const changes: PropertyChange[] = [];
    collect(changes, path, before, after);
    return changes;
}

function yamlEntries(value: Json | undefined): Entries | undefined {
    if (typeof value !== "string" || !value.includes("\n")) {
        return undefined;
    }
    try {
        const content = parse(value) as Json;
        return isEntries(content) ? content : undefined;
    } catch {
        return undefined;
    }
}

/**
 * Takes apart a changed text that is a YAML document on both sides, so that what it holds is compared: a machine's
 * specification and, in it, each cloud-init document as a text of its own.
 */
export function openDocument(change: PropertyChange): PropertyChange[] {
    const [before, after] = [yamlEntries(change.before), yamlEntries(change.after)];
    if (before === undefined || after === undefined) {
        return [change];
    }
    const inside = differences(before, after, `${change.path}: `);
    // Only layout or comments differ.
    return inside.length === 0 ? [change] : inside;
}
