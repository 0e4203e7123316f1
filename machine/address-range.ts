import * as fs from "node:fs";

/** A range of IPv4 addresses, `<address>/<prefix length>`. */
export interface AddressRange {
    /** First address as a number. */
    first: number;
    /** Prefix length, 0 to 32. */
    prefix: number;
}

/** An IPv4 address as a number; undefined for anything else. */
export function parseAddress(text: string): number | undefined {
    const parts = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
    return parts === undefined || Math.max(...parts) > 255
        ? undefined
        : parts.reduce((sum, part) => sum * 256 + part, 0);
}

/** A number as an IPv4 address. */
export function addressText(address: number): string {
    return [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");
}

/** Reads `10.244.0.0/16`; undefined for anything else, and for an address that is not the first of its range. */
export function parseRange(text: string): AddressRange | undefined {
    const [, address, length] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? [];
    const first = parseAddress(address ?? "");
    const prefix = Number(length);
    if (first === undefined || prefix > 32) {
        return undefined;
    }
    return first % 2 ** (32 - prefix) === 0 ? { first, prefix } : undefined;
}

/** The number of addresses in a range. */
export function sizeOf({ prefix }: AddressRange): number {
    return 2 ** (32 - prefix);
}

export function overlaps(one: AddressRange, other: AddressRange): boolean {
    return poolsMeet(poolOf(one), poolOf(other));
}

/** Addresses from one to another, both included: `172.18.255.205-172.18.255.254`. */
export interface AddressPool {
    first: number;
    last: number;
}

/** Reads `<address>-<address>`; undefined for anything else, and where the end is before the beginning. */
export function parsePool(text: string): AddressPool | undefined {
    const [first, last, ...more] = text.split("-").map((end) => parseAddress(end.trim()));
    return first === undefined || last === undefined || more.length > 0 || last < first ? undefined : { first, last };
}

export function poolText({ first, last }: AddressPool): string {
    return `${addressText(first)}-${addressText(last)}`;
}

/** The addresses of a range, its first and last included. */
export function poolOf(range: AddressRange): AddressPool {
    return { first: range.first, last: range.first + sizeOf(range) - 1 };
}

/** Whether all addresses of one are the other's too. */
export function contains(pool: AddressPool, { first, last }: AddressPool): boolean {
    return pool.first <= first && last <= pool.last;
}

/** Whether one address is in both. */
export function poolsMeet(one: AddressPool, other: AddressPool): boolean {
    return one.first <= other.last && other.first <= one.last;
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
            return prefix === 0 ? [] : [{ device, text: `${addressText(number(destination))}/${prefix}` }];
        });
}

/** This machine's routes; none where there is no /proc. */
export function hostRoutes(): Route[] {
    const file = "/proc/net/route";
    return fs.existsSync(file) ? parseRoutes(fs.readFileSync(file, "utf8")) : [];
}
