import * as fs from "node:fs";

/** A range of IPv4 addresses, `<address>/<prefix length>`. */
export interface AddressRange {
    /** First address as a number. */
    first: number;
    /** Prefix length, 0 to 32. */
    prefix: number;
}

/** Reads `10.244.0.0/16`; undefined for anything else, and for an address that is not the first of its range. */
export function parseRange(text: string): AddressRange | undefined {
    const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
    const [a, b, c, d, prefix] = (match?.slice(1) ?? []).map(Number);
    if (match === null || Math.max(a, b, c, d) > 255 || prefix > 32) {
        return undefined;
    }
    const first = ((a * 256 + b) * 256 + c) * 256 + d;
    return first % 2 ** (32 - prefix) === 0 ? { first, prefix } : undefined;
}

/** The number of addresses in a range. */
export function sizeOf({ prefix }: AddressRange): number {
    return 2 ** (32 - prefix);
}

export function overlaps(one: AddressRange, other: AddressRange): boolean {
    return one.first < other.first + sizeOf(other) && other.first < one.first + sizeOf(one);
}

/** A range that this machine's routes lead to, and the device behind it. */
export interface Route {
    /** `<address>/<prefix length>` */
    text: string;
    device: string;
}

/** Reads /proc/net/route, whose numbers are little-endian; the default route is left out. */
export function parseRoutes(text: string): Route[] {
    const number = (hex: string) =>
        (hex.match(/../g) ?? []).reverse().reduce((sum, byte) => sum * 256 + parseInt(byte, 16), 0);
    return text
        .trim()
        .split("\n")
        .slice(1)
        .flatMap((line) => {
            const [device, destination, , , , , , mask] = line.split(/\s+/);
            const prefix = number(mask).toString(2).replaceAll("0", "").length;
            const first = number(destination);
            const address = [24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join(".");
            return prefix === 0 ? [] : [{ device, text: `${address}/${prefix}` }];
        });
}

/** This machine's routes; none where there is no /proc. */
export function hostRoutes(): Route[] {
    const file = "/proc/net/route";
    return fs.existsSync(file) ? parseRoutes(fs.readFileSync(file, "utf8")) : [];
}
