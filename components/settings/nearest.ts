/** Number of single-character edits, swaps of neighbours among them, that turn `from` into `to`. */
function editDistance(from: string, to: string): number {
    const rows: number[][] = [Array.from({ length: to.length + 1 }, (_, column) => column)];
    for (let row = 1; row <= from.length; row++) {
        const current = [row];
        for (let column = 1; column <= to.length; column++) {
            const cost = from[row - 1] === to[column - 1] ? 0 : 1;
            let best = Math.min(rows[row - 1][column] + 1, current[column - 1] + 1, rows[row - 1][column - 1] + cost);
            if (row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1]) {
                best = Math.min(best, rows[row - 2][column - 2] + 1);
            }
            current.push(best);
        }
        rows.push(current);
    }
    return rows[from.length][to.length];
}

/** The candidate that `wrong` was probably meant to be (letter case aside), or undefined if none is near. */
export function nearest(wrong: string, candidates: readonly string[]): string | undefined {
    const word = wrong.trim().toLowerCase().slice(0, 80);
    let best: string | undefined;
    let bestDistance = Infinity;
    for (const candidate of candidates) {
        const distance = editDistance(word, candidate.toLowerCase());
        if (distance < bestDistance) {
            best = candidate;
            bestDistance = distance;
        }
    }
    return best !== undefined && bestDistance <= Math.max(1, Math.floor(best.length / 3)) ? best : undefined;
}
