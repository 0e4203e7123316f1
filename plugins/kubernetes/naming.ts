import { createHmac, randomBytes } from "node:crypto";

import { asObject, asString, isObject, JsonObject, KubernetesObject, metadataOf } from "./object";
import { Unknown } from "../protocol/properties";

/** On objects whose name was made by the provider; tells Diff that a replacement can be made under another name. */
export const autonamedAnnotation = "pulumi.com/autonamed";

/** What the stack's autonaming settings ask for. */
export interface Autonaming {
    proposedName: string;
    mode: "propose" | "enforce" | "disable";
}

/** True when the inputs have a name, known or not. */
export function isNamed(inputs: KubernetesObject): boolean {
    const name = metadataOf(inputs).name;
    return name instanceof Unknown || asString(name) !== "";
}

/** True when the provider made the object's name. */
export function isAutonamed(object: KubernetesObject): boolean {
    return asObject(metadataOf(object).annotations)[autonamedAnnotation] === "true";
}

/**
 * Gives unnamed inputs a name, in place: that of the object they update, else `<resource name>-<8 hex digits>`.
 * Nothing can be set while `metadata` as a whole is unknown.
 *
 * @throws Error when the stack disables autonaming, and for `generateName`, which server-side apply doesn't know.
 */
export function assignName(
    inputs: KubernetesObject,
    from: {
        resourceName: string;
        olds?: KubernetesObject;
        randomSeed?: Uint8Array;
        autonaming?: Autonaming;
    },
): void {
    if (inputs.metadata instanceof Unknown || isNamed(inputs)) {
        return;
    }
    const metadata = isObject(inputs.metadata) ? inputs.metadata : {};
    inputs.metadata = metadata;
    if (metadata.generateName !== undefined && metadata.generateName !== "") {
        throw new Error("`metadata.generateName` is not supported with server-side apply; leave the name out instead");
    }
    const oldName = from.olds === undefined ? "" : asString(metadataOf(from.olds).name);
    if (from.olds !== undefined && oldName !== "") {
        if (isAutonamed(from.olds)) {
            setName(metadata, oldName);
        }
        return;
    }
    if (from.autonaming?.mode === "disable") {
        throw new Error("autonaming is disabled for this stack: set `metadata.name`");
    }
    setName(metadata, from.autonaming?.proposedName || uniqueName(`${from.resourceName}-`, from.randomSeed));
}

function setName(metadata: JsonObject, name: string): void {
    metadata.name = name;
    if (!(metadata.annotations instanceof Unknown)) {
        metadata.annotations = { ...asObject(metadata.annotations), [autonamedAnnotation]: "true" };
    }
}

/** `prefix` and 8 hex digits; the same ones for the same seed. */
export function uniqueName(prefix: string, seed?: Uint8Array): string {
    const bytes =
        seed === undefined || seed.length === 0
            ? randomBytes(4)
            : createHmac("sha256", seed).update(prefix).digest().subarray(0, 4);
    return prefix + bytes.toString("hex");
}
