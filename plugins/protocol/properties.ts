/**
 * Property values as a resource provider sees them, and their form on the wire.
 *
 * The wire form is Pulumi's own (pulumi/pulumi, "sdk/go/common/resource/plugin/rpc.go"): a google.protobuf.Struct in
 * which maps that carry a signature key stand for secrets, assets, archives, resource references and output values, and
 * seven fixed strings stand for values that are not known yet.
 */
import { Struct } from "google-protobuf/google/protobuf/struct_pb";
import type { JavaScriptValue } from "google-protobuf/google/protobuf/struct_pb";

/** A value that is not known yet: only seen while previewing. */
export class Unknown {
    private readonly kind = "unknown";
    toString(): string {
        return `<${this.kind}>`;
    }
}

/** The one value of {@link Unknown}. */
export const UNKNOWN = new Unknown();

/** A value that the engine encrypts in the state and masks in every display. */
export class Secret {
    constructor(readonly value: PropertyValue) {}
    /** Never shows the value, so that a careless message can't leak it. */
    toString(): string {
        return "[secret]";
    }
    toJSON(): string {
        return "[secret]";
    }
}

/** One file: its text, a path or an address. `hash` is what the engine computed. */
export class Asset {
    constructor(readonly source: { text?: string; path?: string; uri?: string; hash?: string }) {}
}

/** A folder, an archive file, or named assets. `hash` is what the engine computed. */
export class Archive {
    constructor(
        readonly source: { assets?: Record<string, Asset | Archive>; path?: string; uri?: string; hash?: string },
    ) {}
}

/** A reference to another resource. `id` is undefined for components, {@link Unknown} in a preview. */
export class ResourceReference {
    constructor(
        readonly urn: string,
        readonly id?: string | Unknown,
        readonly packageVersion?: string,
    ) {}
}

export type PropertyValue =
    | undefined
    | null
    | boolean
    | number
    | string
    | PropertyValue[]
    | PropertyMap
    | Unknown
    | Secret
    | Asset
    | Archive
    | ResourceReference;

export interface PropertyMap {
    [key: string]: PropertyValue;
}

/** A value without secrets' wrappers and with nothing unknown in it: plain JSON, assets and archives. */
export type PlainValue = undefined | null | boolean | number | string | PlainValue[] | PlainMap | Asset | Archive;

export interface PlainMap {
    [key: string]: PlainValue;
}

// Signatures and sentinels of the wire form; they are constants of the protocol.
const SIGNATURE = "4dabf18193072939515e22adb298388d";
const ASSET_SIGNATURE = "c44067f5952c0a294b673a41bacd8c17";
const ARCHIVE_SIGNATURE = "0def7320c3a5731c473e5ecbe6d01bc7";
const SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270";
const RESOURCE_SIGNATURE = "5cf8f73096256a8f31e491e813e4eb8e";
const OUTPUT_SIGNATURE = "d0e6a833031e9bbcd3f4e8bde6ca49a4";
const UNKNOWN_STRING = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";
const UNKNOWN_STRINGS = new Set([
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7", // boolean
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421", // number
    UNKNOWN_STRING,
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2", // array
    "030794c1-ac77-496b-92df-f27374a8bd58", // asset
    "e48ece36-62e2-4504-bad9-02848725956a", // archive
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff", // object
]);

/** Whether `value` is a plain map (not a secret, asset, archive, reference, array or unknown). */
export function isPropertyMap(value: PropertyValue): value is PropertyMap {
    return (
        typeof value === "object" &&
        value !== null &&
        !Array.isArray(value) &&
        !(value instanceof Unknown) &&
        !(value instanceof Secret) &&
        !(value instanceof Asset) &&
        !(value instanceof Archive) &&
        !(value instanceof ResourceReference)
    );
}

/** Reads a Struct off the wire. A missing Struct is an empty map. */
export function decodeProperties(struct: Struct | undefined): PropertyMap {
    if (struct === undefined) {
        return {};
    }
    return decodeMap(struct.toJavaScript());
}

function decodeMap(raw: { [key: string]: JavaScriptValue }): PropertyMap {
    const result: PropertyMap = {};
    for (const [key, value] of Object.entries(raw)) {
        result[key] = decodeValue(value);
    }
    return result;
}

function decodeValue(raw: JavaScriptValue): PropertyValue {
    if (raw === null || typeof raw === "boolean" || typeof raw === "number") {
        return raw;
    }
    if (typeof raw === "string") {
        return UNKNOWN_STRINGS.has(raw) ? UNKNOWN : raw;
    }
    if (Array.isArray(raw)) {
        return raw.map(decodeValue);
    }
    const map = raw as { [key: string]: JavaScriptValue };
    switch (map[SIGNATURE]) {
        case undefined:
            return decodeMap(map);
        case SECRET_SIGNATURE:
            return new Secret(decodeValue(map.value));
        case ASSET_SIGNATURE:
            return new Asset({
                text: optionalString(map.text),
                path: optionalString(map.path),
                uri: optionalString(map.uri),
                hash: optionalString(map.hash),
            });
        case ARCHIVE_SIGNATURE:
            return new Archive({
                assets:
                    map.assets === undefined || map.assets === null
                        ? undefined
                        : (decodeMap(map.assets as { [key: string]: JavaScriptValue }) as Record<
                              string,
                              Asset | Archive
                          >),
                path: optionalString(map.path),
                uri: optionalString(map.uri),
                hash: optionalString(map.hash),
            });
        case RESOURCE_SIGNATURE: {
            const id = map.id === undefined || map.id === null ? undefined : decodeValue(map.id);
            return new ResourceReference(
                String(map.urn),
                // An empty id is how a preview says "not known yet".
                id === "" || id instanceof Unknown ? UNKNOWN : (id as string | undefined),
                optionalString(map.packageVersion),
            );
        }
        case OUTPUT_SIGNATURE: {
            const value = map.value === undefined ? UNKNOWN : decodeValue(map.value);
            return map.secret === true ? new Secret(value) : value;
        }
        default:
            throw new Error(`The engine sent a value with the unknown signature ${String(map[SIGNATURE])}.`);
    }
}

function optionalString(raw: JavaScriptValue | undefined): string | undefined {
    return typeof raw === "string" && raw !== "" ? raw : undefined;
}

/** Writes a map for the wire; properties that are `undefined` are left out. */
export function encodeProperties(map: PropertyMap): Struct {
    return Struct.fromJavaScript(encodeMap(map));
}

function encodeMap(map: PropertyMap): { [key: string]: JavaScriptValue } {
    const result: { [key: string]: JavaScriptValue } = {};
    for (const [key, value] of Object.entries(map)) {
        if (value !== undefined) {
            result[key] = encodeValue(value);
        }
    }
    return result;
}

function encodeValue(value: PropertyValue): JavaScriptValue {
    if (value === undefined || value === null) {
        return null;
    }
    if (typeof value === "boolean" || typeof value === "number" || typeof value === "string") {
        return value;
    }
    if (Array.isArray(value)) {
        return value.map(encodeValue);
    }
    if (value instanceof Unknown) {
        return UNKNOWN_STRING;
    }
    if (value instanceof Secret) {
        return { [SIGNATURE]: SECRET_SIGNATURE, value: encodeValue(value.value) };
    }
    if (value instanceof Asset) {
        return { [SIGNATURE]: ASSET_SIGNATURE, ...encodeMap({ ...value.source }) };
    }
    if (value instanceof Archive) {
        return { [SIGNATURE]: ARCHIVE_SIGNATURE, ...encodeMap({ ...value.source }) };
    }
    if (value instanceof ResourceReference) {
        return {
            [SIGNATURE]: RESOURCE_SIGNATURE,
            ...encodeMap({ urn: value.urn, id: value.id, packageVersion: value.packageVersion }),
        };
    }
    return encodeMap(value);
}

/** Whether anything in `value` is not known yet. */
export function containsUnknown(value: PropertyValue): boolean {
    return some(value, (inner) => inner instanceof Unknown);
}

/** Whether anything in `value` is a secret. */
export function containsSecret(value: PropertyValue): boolean {
    return some(value, (inner) => inner instanceof Secret);
}

function some(value: PropertyValue, matches: (inner: PropertyValue) => boolean): boolean {
    if (matches(value)) {
        return true;
    }
    if (value instanceof Secret) {
        return some(value.value, matches);
    }
    if (Array.isArray(value)) {
        return value.some((inner) => some(inner, matches));
    }
    if (value instanceof Archive) {
        return Object.values(value.source.assets ?? {}).some((inner) => some(inner, matches));
    }
    return isPropertyMap(value) && Object.values(value).some((inner) => some(inner, matches));
}

/** A copy of `value` with every secret's wrapper taken off, at any depth. Unknown values stay. */
export function withoutSecrets<T extends PropertyValue>(value: T): T;
export function withoutSecrets(value: PropertyValue): PropertyValue {
    if (value instanceof Secret) {
        return withoutSecrets(value.value);
    }
    if (Array.isArray(value)) {
        return value.map((inner) => withoutSecrets(inner));
    }
    if (isPropertyMap(value)) {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecrets(inner)]));
    }
    return value;
}

/**
 * `value` as plain data: no secrets' wrappers, references replaced by ids.
 * @throws Error when something in it is unknown; use it only where {@link containsUnknown} was asked before.
 */
export function plain(value: PropertyMap): PlainMap;
export function plain(value: PropertyValue): PlainValue;
export function plain(value: PropertyValue): PlainValue {
    if (value instanceof Unknown) {
        throw new Error("A value is needed that is not known yet.");
    }
    if (value instanceof Secret) {
        return plain(value.value);
    }
    if (value instanceof ResourceReference) {
        return plain(value.id ?? value.urn);
    }
    if (Array.isArray(value)) {
        return value.map((inner) => plain(inner));
    }
    if (isPropertyMap(value)) {
        return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
    }
    return value;
}

/** Whether two values are the same, secrets compared by what they hold; an absent property equals `undefined`. */
export function sameValue(left: PropertyValue, right: PropertyValue): boolean {
    if (left instanceof Secret) {
        return sameValue(left.value, right);
    }
    if (right instanceof Secret) {
        return sameValue(left, right.value);
    }
    if (left instanceof Unknown || right instanceof Unknown) {
        return false; // two unknown values may turn out different
    }
    if (left === right) {
        return true;
    }
    if (Array.isArray(left) && Array.isArray(right)) {
        return left.length === right.length && left.every((inner, index) => sameValue(inner, right[index]));
    }
    if (left instanceof Asset && right instanceof Asset) {
        return sameSource(left.source, right.source);
    }
    if (left instanceof Archive && right instanceof Archive) {
        return sameSource(left.source, right.source);
    }
    if (left instanceof ResourceReference && right instanceof ResourceReference) {
        return left.urn === right.urn && sameValue(left.id, right.id);
    }
    if (isPropertyMap(left) && isPropertyMap(right)) {
        const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
        return [...keys].every((key) => sameValue(left[key], right[key]));
    }
    return false;
}

function sameSource(left: Asset["source"] | Archive["source"], right: Asset["source"] | Archive["source"]): boolean {
    if (left.hash !== undefined && right.hash !== undefined) {
        return left.hash === right.hash;
    }
    return sameValue({ ...left }, { ...right });
}
