import type { Operation, ResourceChange } from "./comparison";
import type { PreviewDifference } from "./difference";
import type { ImageChange } from "./images";
import type { NamedChange } from "./named-values";
import { propertyLines } from "./property-text";

/** GitHub takes comments of at most 65,536 characters; the rest is for what a workflow adds. */
export const commentLimit = 64_000;

/** Lines, and characters in them, that are shown of one resource. */
const mostLines = 200;
const mostCharacters = 16_000;
const longestLine = 1000;
/** Names and files that are listed in one place. */
const mostNames = 10;
/** Rows of a table, and images. */
const mostRows = 40;
/** Characters of a value in a table. */
const longestValue = 120;
/** Room for what is said when resources are left out. */
const reserve = 600;

/** In the order of the report: what can hurt comes first. */
const operations = ["replace", "remove", "change", "add"] as const;
const words: Record<(typeof operations)[number], string> = {
    replace: "to replace",
    remove: "to remove",
    change: "to change",
    add: "to add",
};

/** Text as inline code, whatever backticks are in it; a table's bars are escaped. */
function code(text: string): string {
    const oneLine = text.replace(/\s+/g, " ").trim();
    const shown = oneLine.length > longestValue ? `${oneLine.slice(0, longestValue)}…` : oneLine;
    const fence = "`".repeat(Math.max(0, ...[...shown.matchAll(/`+/g)].map(([run]) => run.length)) + 1);
    const space = shown.startsWith("`") || shown.endsWith("`") || shown === "" ? " " : "";
    return `${fence}${space}${shown}${space}${fence}`.replaceAll("|", "\\|");
}

function html(text: string): string {
    return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function fenced(language: string, body: string[]): string {
    const longest = Math.max(2, ...body.flatMap((line) => [...line.matchAll(/`{3,}/g)].map(([run]) => run.length)));
    const fence = "`".repeat(longest + 1);
    return [`${fence}${language}`, ...body, fence].join("\n");
}

/** As many lines as there is room for, fenced, and the count of the others. */
function diffBlock(lines: readonly string[]): string[] {
    let room = mostCharacters;
    const shown: string[] = [];
    for (const whole of lines.slice(0, mostLines)) {
        const more = whole.length - longestLine;
        const line = more > 0 ? `${whole.slice(0, longestLine)}… (${counted(more, "more character")})` : whole;
        room -= line.length + 1;
        if (room < 0) {
            break;
        }
        shown.push(line);
    }
    const rest = lines.length - shown.length;
    return [
        ...(shown.length > 0 ? [fenced("diff", shown)] : []),
        ...(rest > 0 ? [`and ${counted(rest, "more line")}`] : []),
    ];
}

function counted(count: number, one: string, many = `${one}s`): string {
    return `${count} ${count === 1 ? one : many}`;
}

function listed(names: readonly string[], separator = ", "): string {
    const rest = names.length - mostNames;
    return names.slice(0, mostNames).join(separator) + (rest > 0 ? ` and ${rest} more` : "");
}

export function countOf(resources: readonly ResourceChange[], operation: Operation): number {
    return resources.filter((one) => one.operation === operation).length;
}

function summaryLine({ stack, resources, head, base }: PreviewDifference): string {
    if (head.error !== undefined) {
        return `**Preview of stack ${code(stack)}: the program does not run**`;
    }
    const same = countOf(resources, "same");
    if (base.error !== undefined) {
        return `**Preview of stack ${code(stack)}: ${counted(resources.length, "resource")} declared**, not compared`;
    }
    const counts = operations.map((operation) => `${countOf(resources, operation)} ${words[operation]}`).join(", ");
    return resources.length === same
        ? `**Preview of stack ${code(stack)}: no resource changes**, ${same} unchanged`
        : `**Preview of stack ${code(stack)}: ${counts}**, ${same} unchanged`;
}

function table(title: string, columns: [string, string, string], changes: readonly NamedChange[]): string[] {
    if (changes.length === 0) {
        return [];
    }
    const cell = (value: string | undefined) => (value === undefined ? "–" : value === "" ? "(empty)" : code(value));
    const shown = changes.slice(0, mostRows);
    const rows = shown.map(({ name, before, after }) => `| ${code(name)} | ${cell(before)} | ${cell(after)} |`);
    const rest = changes.length - shown.length;
    return [
        `### ${title}`,
        [`| ${columns.join(" | ")} |`, "| --- | --- | --- |", ...rows].join("\n"),
        ...(rest > 0 ? [`and ${rest} more`] : []),
    ];
}

function imageLine({ name, operation, reasons, files }: ImageChange): string {
    const changed = files.map(({ path, change }) => `${code(path)}${change === "changed" ? "" : ` (${change})`}`);
    const why = [...reasons, ...(files.length === 0 ? [] : [`${counted(files.length, "file")}: ${listed(changed)}`])];
    return `- ${code(name)} ${operation}${why.length === 0 ? "" : `: ${why.join("; ")}`}`;
}

function images({ images: changes }: PreviewDifference): string[] {
    return changes.length === 0
        ? []
        : [
              "### Images",
              changes.slice(0, mostRows).map(imageLine).join("\n"),
              ...(changes.length > mostRows ? [`and ${changes.length - mostRows} more`] : []),
              "Digests below are made from what an image is built from; the registry's will be others.",
          ];
}

function resourceBlock(change: ResourceChange): string {
    const { operation, type, name, formerly, reasons, properties } = change;
    const title = `<b>${operation}</b> ${html(name)} <code>${html(type)}</code>`;
    const details = [
        ...(formerly === undefined ? [] : [`It was ${code(formerly)} before.`]),
        ...(change.protected && operation !== "add" && operation !== "change"
            ? ["It is protected: the engine will refuse this."]
            : []),
        ...(reasons.length === 0 ? [] : [`Replaced: ${listed([...new Set(reasons.map(({ text }) => text))], "; ")}.`]),
    ];
    details.push(...diffBlock(properties.flatMap(propertyLines)));
    return details.length === 0
        ? `<details><summary>${title}</summary></details>`
        : [`<details><summary>${title}</summary>`, ...details, "</details>"].join("\n\n");
}

function cutNote(left: readonly ResourceChange[]): string {
    const counts = operations
        .map((operation): [string, number] => [words[operation], countOf(left, operation)])
        .filter(([, count]) => count > 0)
        .map(([word, count]) => `${count} ${word}`);
    return (
        `**${counted(left.length, "more resource is", "more resources are")} left out here** (${counts.join(", ")}): ` +
        "the report is at its limit. `npm run preview:diff -- --limit 0` shows all."
    );
}

function errors({ base, head }: PreviewDifference): string[] {
    const told = (who: string, error: string) => {
        const all = error.split("\n");
        return [
            `**${who}**`,
            fenced(
                "",
                all.slice(0, 40).map((line) => line.slice(0, 500)),
            ),
        ];
    };
    return [
        ...(head.error === undefined ? [] : told("The program of the working tree fails:", head.error)),
        ...(base.error === undefined
            ? []
            : told(
                  `The program at ${code(base.ref)} fails, so that nothing could be compared; all that the working tree declares is shown:`,
                  base.error,
              )),
    ];
}

/**
 * The report for people, in GitHub's Markdown; a summary is its first line. The same bytes for the same difference.
 *
 * @param limit the most characters that it may have; 0 for any number
 */
export function markdownReport(difference: PreviewDifference, limit = commentLimit): string {
    const { base, notes, settings, dependencies, outputs } = difference;
    const commit = base.commit.slice(0, 7);
    const parts = [
        summaryLine(difference),
        `What the program declares in the working tree, against ${code(base.ref)} (${commit}). No cluster was asked.`,
        ...errors(difference),
        ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join("\n")]),
        ...table("Settings", ["setting", "before", "after"], settings),
        ...table("Dependencies", ["package", "before", "after"], dependencies),
        ...images(difference),
        ...(outputs.length === 0 ? [] : ["### Outputs", ...diffBlock(outputs.flatMap(propertyLines))]),
    ];
    const blocks = operations.flatMap((operation) => difference.resources.filter((one) => one.operation === operation));
    if (blocks.length > 0) {
        parts.push("### Resources");
    }
    let text = parts.join("\n\n");
    const most = limit === 0 ? Infinity : limit;
    // Settings, images and errors have limits of their own; this is for what goes beyond all of them.
    if (text.length > most - reserve) {
        text = `${text.slice(0, Math.max(0, most - reserve))}\n\n…`;
    }
    for (const [index, change] of blocks.entries()) {
        const block = `\n\n${resourceBlock(change)}`;
        if (text.length + block.length > most - reserve) {
            text += `\n\n${cutNote(blocks.slice(index))}`;
            break;
        }
        text += block;
    }
    return `${text}\n`;
}
