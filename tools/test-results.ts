/** How many checks or tests passed and failed. */
export interface TestCount {
    passed: number;
    failed: number;
}

/** Reads mocha's own summary out of its output; undefined when it never came to one. */
export function countMocha(output: string): TestCount | undefined {
    const number = (word: string) => {
        const matches = [...output.matchAll(new RegExp(`^\\s*(\\d+) ${word}\\b`, "gm"))];
        return matches.length === 0 ? undefined : Number(matches.at(-1)?.[1]);
    };
    const passed = number("passing");
    return passed === undefined ? undefined : { passed, failed: number("failing") ?? 0 };
}

/** What a suite's outcome counts as; one that ended badly without saying why counts as one failure. */
export function countSuite(code: number, output: string, isMocha: boolean): TestCount {
    const counted = isMocha ? countMocha(output) : undefined;
    if (counted === undefined) {
        // Mocha without a summary did not get to its tests, whatever its exit code says.
        return code === 0 && !isMocha ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 };
    }
    return code !== 0 && counted.failed === 0 ? { passed: counted.passed, failed: 1 } : counted;
}

/** The line that a run ends with. */
export function countLine({ passed, failed }: TestCount): string {
    return `${passed} passed, ${failed} failed`;
}
