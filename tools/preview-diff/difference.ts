import { compareImages, type ImageChange } from "./images";
import { compareResources, type Operation, type ResourceChange } from "./comparison";
import type { Json } from "./declaration";
import { differences, type PropertyChange } from "./differences";
import { compareDependencies, compareSettings, type NamedChange } from "./named-values";
import { visible } from "./property-text";
import type { SideResult } from "./side";

/** Everything that differs between what the program declares at a commit and in the working tree. */
export interface PreviewDifference {
    stack: string;
    base: { ref: string; commit: string; error?: string };
    head: { error?: string };
    /** What was done differently from a real run. */
    notes: string[];
    settings: NamedChange[];
    dependencies: NamedChange[];
    images: ImageChange[];
    /** By URN; those of which nothing changed are in it too. */
    resources: ResourceChange[];
    /** Of the stack's outputs. */
    outputs: PropertyChange[];
}

export interface ComparedSide extends SideResult {
    /** Text of package.json. */
    manifest?: string;
}

export function compareSides(
    stack: string,
    commit: { ref: string; commit: string },
    base: ComparedSide,
    head: ComparedSide,
): PreviewDifference {
    const [before, after] = [base.declaration, head.declaration];
    const both = before !== undefined && after !== undefined;
    return {
        stack,
        base: { ref: commit.ref, commit: commit.commit, ...(base.error === undefined ? {} : { error: base.error }) },
        head: head.error === undefined ? {} : { error: head.error },
        notes: [...new Set([...head.notes, ...base.notes])],
        settings: compareSettings(base.configuration?.settings ?? {}, head.configuration?.settings ?? {}),
        dependencies:
            base.manifest === undefined || head.manifest === undefined
                ? []
                : compareDependencies(base.manifest, head.manifest),
        images: both ? compareImages(before, after) : [],
        resources: after === undefined ? [] : compareResources(before, after),
        outputs: both ? differences(before.outputs, after.outputs) : [],
    };
}

/** The difference for machines: JSON with a summary, without what did not change, secrets masked. */
export function jsonReport(difference: PreviewDifference): string {
    const count = (operation: Operation) => difference.resources.filter((one) => one.operation === operation).length;
    const shown = ({ path, before, after }: PropertyChange): { path: string; before?: Json; after?: Json } => ({
        path,
        ...(before === undefined ? {} : { before: visible(before) }),
        ...(after === undefined ? {} : { after: visible(after) }),
    });
    const { resources, outputs, ...rest } = difference;
    const report = {
        version: 1,
        summary: {
            add: count("add"),
            change: count("change"),
            replace: count("replace"),
            remove: count("remove"),
            same: count("same"),
        },
        ...rest,
        resources: resources
            .filter(({ operation }) => operation !== "same")
            .map((one) => ({ ...one, properties: one.properties.map(shown) })),
        outputs: outputs.map(shown),
    };
    return `${JSON.stringify(report, undefined, 2)}\n`;
}
