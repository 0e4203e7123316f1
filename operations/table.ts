/** Rows of text under headings, each column as wide as its widest cell, two spaces apart. No rows: no lines. */
export function table(headings: readonly string[], rows: readonly (readonly string[])[]): string[] {
    if (rows.length === 0) {
        return [];
    }
    const all = [headings, ...rows];
    const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
    return all.map((row) =>
        row
            .map((cell, column) => cell.padEnd(widths[column]))
            .join("  ")
            .trimEnd(),
    );
}

/** An age as kubectl has it: `42s`, `5m`, `3h`, `12d`. */
export function age(milliseconds: number): string {
    const seconds = Math.max(0, Math.floor(milliseconds / 1000));
    const units: [size: number, letter: string, from: number][] = [
        [86400, "d", 172800],
        [3600, "h", 7200],
        [60, "m", 120],
    ];
    for (const [size, letter, from] of units) {
        if (seconds >= from) {
            return `${Math.floor(seconds / size)}${letter}`;
        }
    }
    return `${seconds}s`;
}
