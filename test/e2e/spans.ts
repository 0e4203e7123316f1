import type { OutputLine } from "./command";

/** From the first line that says that a resource is at work to the one that says that it is done, in seconds. */
export interface Span {
    from: number;
    to: number;
}

/** When the resources of a type were at work in a `pulumi up`, by their names, read from its output without colours. */
export function spansOf(lines: readonly OutputLine[], type: string): Map<string, Span> {
    const spans = new Map<string, Span>();
    for (const { at, text } of lines) {
        const [, found = "", name = "", verb = ""] = /(\S+:\S+:\S+) (\S+) (\w+)/.exec(text) ?? [];
        if (found.startsWith(type) && /^(creat|updat|replac)(ing|ed)$/.test(verb)) {
            spans.set(name, { from: spans.get(name)?.from ?? at / 1000, to: at / 1000 });
        }
    }
    return spans;
}

/** From the first one's begin to the last one's end. */
export function wholeSpan(spans: Iterable<Span>): string {
    const all = [...spans];
    const from = Math.min(...all.map((span) => span.from));
    const to = Math.max(...all.map((span) => span.to));
    return `${from.toFixed(0)}–${to.toFixed(0)} s`;
}

/** The most of them at one moment. */
export function mostAtOnce(spans: Iterable<Span>): number {
    const all = [...spans];
    return Math.max(0, ...all.map(({ from }) => all.filter((other) => other.from <= from && from < other.to).length));
}
