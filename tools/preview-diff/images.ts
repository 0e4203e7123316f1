import type { Declaration, DeclaredResource, Json } from "./declaration";
import { sameJson } from "./differences";

/** What becomes of one image, in words. */
export interface ImageChange {
    name: string;
    operation: "added" | "removed" | "rebuilt" | "renamed";
    /** Why: a changed base, arguments, names; and the files of its build context. */
    reasons: string[];
    files: { path: string; change: "added" | "removed" | "changed" }[];
}

interface BuildInputs {
    imageName?: Json;
    build?: { args?: Record<string, Json>; platform?: Json; target?: Json };
}

function imagesOf(declaration: Declaration): Map<string, DeclaredResource> {
    return new Map(declaration.resources.filter(({ image }) => image !== undefined).map((one) => [one.urn, one]));
}

function fileChanges(before: DeclaredResource, after: DeclaredResource): ImageChange["files"] {
    const [olds, news] = [before.image?.files ?? {}, after.image?.files ?? {}];
    return [...new Set([...Object.keys(olds), ...Object.keys(news)])]
        .sort()
        .filter((path) => olds[path] !== news[path])
        .map((path) => ({
            path,
            change: !(path in olds) ? "added" : !(path in news) ? "removed" : "changed",
        }));
}

function rebuilt(
    before: DeclaredResource,
    after: DeclaredResource,
    nameOf: (reference: Json | undefined) => string | undefined,
): ImageChange | undefined {
    if (before.image?.reference === after.image?.reference) {
        return undefined;
    }
    const [olds, news] = [before.inputs as BuildInputs, after.inputs as BuildInputs];
    const reasons: string[] = [];
    const [oldArgs, newArgs] = [olds.build?.args ?? {}, news.build?.args ?? {}];
    for (const name of new Set([...Object.keys(oldArgs), ...Object.keys(newArgs)])) {
        if (!sameJson(oldArgs[name], newArgs[name])) {
            const base = nameOf(newArgs[name]);
            reasons.push(base === undefined ? `build argument \`${name}\` changed` : `stands on \`${base}\``);
        }
    }
    for (const setting of ["platform", "target"] as const) {
        if (!sameJson(olds.build?.[setting], news.build?.[setting])) {
            reasons.push(`${setting} changed`);
        }
    }
    const files = fileChanges(before, after);
    const built = reasons.length > 0 || files.length > 0;
    if (!sameJson(olds.imageName, news.imageName)) {
        reasons.push(`is now \`${String(news.imageName)}\``);
    }
    return { name: after.name, operation: built ? "rebuilt" : "renamed", reasons, files };
}

/** The images that are built anew, and why: what they are built from changed, or the image that they stand on. */
export function compareImages(base: Declaration, head: Declaration): ImageChange[] {
    const [olds, news] = [imagesOf(base), imagesOf(head)];
    const names = new Map([...news.values()].map((one) => [one.image?.reference, one.name]));
    const nameOf = (reference: Json | undefined) => (typeof reference === "string" ? names.get(reference) : undefined);
    const changes = [...news].flatMap(([urn, after]): ImageChange[] => {
        const before = olds.get(urn);
        const change =
            before === undefined
                ? { name: after.name, operation: "added" as const, reasons: [], files: [] }
                : rebuilt(before, after, nameOf);
        return change === undefined ? [] : [change];
    });
    const removed = [...olds]
        .filter(([urn]) => !news.has(urn))
        .map(([, { name }]) => ({ name, operation: "removed" as const, reasons: [], files: [] }));
    return [...changes, ...removed].sort((a, b) => (a.name < b.name ? -1 : 1));
}
