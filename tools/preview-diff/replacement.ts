import { compareInputs, isIgnored, parsePath } from "../../plugins/kubernetes/diff";
import { diffConfig } from "../../plugins/kubernetes/diff-config";
import { parseType } from "../../plugins/kubernetes/kinds";
import type { JsonObject } from "../../plugins/kubernetes/object";
import { replacementPaths } from "../../plugins/kubernetes/replacement-rules";
import type { DeclaredResource } from "./declaration";

/** Why a resource is made anew instead of being changed. */
export interface ReplacementReason {
    kind: "provider" | "immutable" | "replaceOnChanges" | "triggers" | "value" | "cluster" | "parent";
    /** The property that makes it so, where it is one. */
    path?: string;
    /** For people. */
    text: string;
}

/** The last step of a `replaceOnChanges` path may be above or below the changed place: both touch it. */
function touches(changed: string[], pattern: string[]): boolean {
    const length = Math.min(changed.length, pattern.length);
    return pattern.slice(0, length).every((step, index) => step === "*" || step === changed[index]);
}

/** Paths of what changed and is not ignored; of a secret the path to it, not into its mask. */
function changedPaths(before: DeclaredResource, after: DeclaredResource, rules: string[][] = []) {
    const found = compareInputs({
        olds: before.inputs as JsonObject,
        news: after.inputs as JsonObject,
        replacementPaths: rules,
    });
    return found
        .map(({ path, kind }) => ({
            path: path.replace(/\["\[secret\]"\]$/, ""),
            replaces: kind.endsWith("-replace"),
        }))
        .filter(({ path }) => !after.options.ignoreChanges.some((ignored) => isIgnored(path, ignored)));
}

function asked(before: DeclaredResource, after: DeclaredResource): ReplacementReason[] {
    const patterns = after.options.replaceOnChanges;
    if (patterns.length === 0) {
        return [];
    }
    const changed = changedPaths(before, after).map(({ path }) => parsePath(path));
    return patterns
        .filter((pattern) => changed.some((path) => touches(path, parsePath(pattern))))
        .map((path) => ({
            kind: "replaceOnChanges",
            path,
            text: `the program asks for it when \`${path}\` changes`,
        }));
}

function immutableFields(before: DeclaredResource, after: DeclaredResource, provider: JsonObject): ReplacementReason[] {
    let type;
    try {
        type = parseType(after.type);
    } catch {
        return []; // Helm releases and the like are no objects of the API.
    }
    const isOn = (name: string) => String(provider[name]) === "true";
    const paths = replacementPaths(type, {
        configMapMutable: isOn("enableConfigMapMutable"),
        secretMutable: isOn("enableSecretMutable"),
        immutable: before.inputs["immutable"] === true,
    });
    const fields = changedPaths(before, after, paths).filter(({ replaces }) => replaces);
    return fields.map(({ path }) => ({
        kind: "immutable",
        path,
        text: /^metadata\.(name|namespace)$/.test(path)
            ? `\`${path}\` is part of what the object is`
            : `\`${path}\` of a ${type.kind} can't be changed in place`,
    }));
}

/** What the providers of this program replace by themselves. */
function byProvider(before: DeclaredResource, after: DeclaredResource, provider: JsonObject): ReplacementReason[] {
    if (after.type === "pulumi:providers:kubernetes") {
        return diffConfig(before.inputs as JsonObject, after.inputs as JsonObject).replaces.map((path) => ({
            kind: "cluster",
            path,
            text: `\`${path}\` says that it is another cluster`,
        }));
    }
    const [packageName] = after.type.split(":");
    switch (packageName) {
        case "kubernetes":
            return immutableFields(before, after, provider);
        case "command":
            return changedPaths(before, after).some(({ path }) => parsePath(path)[0] === "triggers")
                ? [{ kind: "triggers", path: "triggers", text: "its `triggers` changed" }]
                : [];
        case "random":
            return changedPaths(before, after).map(({ path }) => ({
                kind: "value",
                path,
                text: `a new value is made when \`${path}\` changes`,
            }));
        default:
            return [];
    }
}

/**
 * Why a resource whose inputs or provider changed would be replaced; none if it is changed in place.
 *
 * @param provider the new inputs of its explicit provider
 * @param isReplaced whether another resource is replaced; asked of the provider
 */
export function replacementReasons(
    before: DeclaredResource,
    after: DeclaredResource,
    provider: JsonObject,
    isReplaced: (urn: string) => boolean,
): ReplacementReason[] {
    const reasons: ReplacementReason[] = [];
    if (after.provider !== "" && isReplaced(after.provider)) {
        reasons.push({
            kind: "provider",
            text: `its provider \`${after.provider.split("::").at(-1)}\` is replaced`,
        });
    }
    return [...reasons, ...byProvider(before, after, provider), ...asked(before, after)];
}
