import { overlaps, parsePool, parseRange, sizeOf } from "../../machine/address-range";
import type { Setting } from "./fields";
import type { Report } from "./problems";

/** Addresses of each node's part of the pods' range, as kubeadm deals them out. */
const addressesOfANode = 256;

export function rangeProblem(value: string): string | undefined {
    const range = parseRange(value);
    if (range === undefined) {
        return "is no range that begins with its first address";
    }
    return range.prefix < 8 || range.prefix > 24 ? "is not of a size from /8 to /24" : undefined;
}

export function poolProblem(value: string): string | undefined {
    return parsePool(value) === undefined ? "is no range from one IPv4 address to a higher one" : undefined;
}

/** Checks that the ranges inside the cluster are apart and large enough. */
export function checkRanges(
    values: ReadonlyMap<string, unknown>,
    setting: (name: string) => Setting,
    report: Report,
): void {
    const rangeOf = (name: string) => {
        const value = values.get(name);
        return typeof value === "string" ? parseRange(value) : undefined;
    };
    const [pods, services] = [rangeOf("podRange"), rangeOf("serviceRange")];
    if (pods !== undefined && services !== undefined && overlaps(pods, services)) {
        report(setting("serviceRange"), "overlaps with podRange", { right: "a range of its own for each" });
    }
    const nodes = values.get("nodes");
    if (pods !== undefined && typeof nodes === "number" && nodes * addressesOfANode > sizeOf(pods)) {
        const fitting = sizeOf(pods) / addressesOfANode;
        report(setting("nodes"), `is more than the ${fitting} for which podRange has addresses`, {
            right: `a whole number up to ${fitting}`,
            suggestion: String(fitting),
        });
    }
}
