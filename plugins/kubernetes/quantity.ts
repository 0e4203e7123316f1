// Suffixes of Kubernetes quantities as fractions of the base unit; see the API reference, "Quantity".
const suffixes: Record<string, [bigint, bigint]> = {
    n: [1n, 1_000_000_000n],
    u: [1n, 1_000_000n],
    m: [1n, 1000n],
    "": [1n, 1n],
    k: [10n ** 3n, 1n],
    M: [10n ** 6n, 1n],
    G: [10n ** 9n, 1n],
    T: [10n ** 12n, 1n],
    P: [10n ** 15n, 1n],
    E: [10n ** 18n, 1n],
    Ki: [2n ** 10n, 1n],
    Mi: [2n ** 20n, 1n],
    Gi: [2n ** 30n, 1n],
    Ti: [2n ** 40n, 1n],
    Pi: [2n ** 50n, 1n],
    Ei: [2n ** 60n, 1n],
};

/**
 * A Kubernetes quantity (`500m`, `0.5`, `1Gi`, `1e3`) in billionths of its unit, rounded up as the API does.
 *
 * @returns undefined for text that is no quantity.
 */
export function parseQuantity(text: string): bigint | undefined {
    const match = /^([+-]?)(\d{1,20})?(?:\.(\d{0,20}))?(?:[eE]([+-]?\d{1,2})|([numkMGTPE]|[KMGTPE]i)?)$/.exec(text);
    if (match === null || (match[2] === undefined && !match[3])) {
        return undefined;
    }
    const fraction = match[3] ?? "";
    const exponent = Number(match[4] ?? "0");
    const [factor, divisor] = suffixes[match[5] ?? ""] ?? [1n, 1n];
    let numerator = BigInt((match[2] ?? "") + fraction) * factor * 1_000_000_000n;
    let denominator = divisor * 10n ** BigInt(fraction.length);
    if (exponent >= 0) {
        numerator *= 10n ** BigInt(exponent);
    } else {
        denominator *= 10n ** BigInt(-exponent);
    }
    const rounded = (numerator + denominator - 1n) / denominator;
    return match[1] === "-" ? -rounded : rounded;
}
