import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parse } from "yaml";
import { root } from "../../tools/directories";
import { project } from "../../tools/stack";
import { askPulumi } from "../pulumi";

/** Keys of Kubernetes Secrets of which the values are none. */
const open =
    /^(user(name)?|host(name)?|port|database|namespace|ca\.crt|tls\.crt|token-id|expiration|description|auth-extra-groups|usage-.*)$/i;

/** A Kubernetes Secret, as the API gives it. */
export interface SecretObject {
    data?: Record<string, string>;
}

/** The values in Kubernetes Secrets that must not be shown. */
export function secretsOfObjects(objects: readonly SecretObject[]): string[] {
    return objects.flatMap(({ data = {} }) =>
        Object.entries(data)
            .filter(([key]) => !open.test(key))
            .map(([, value]) => Buffer.from(value, "base64").toString("utf8")),
    );
}

function texts(value: unknown): string[] {
    if (typeof value === "string") {
        return [value];
    }
    return typeof value === "object" && value !== null ? Object.values(value).flatMap(texts) : [];
}

/** How Pulumi marks a secret in its state (sdk/go/common/resource/sig). */
const signature = { key: "4dabf18193072939515e22adb298388d", secret: "1b47061264138c4ac30d75fd1eb44270" };

/** The secrets in a stack's state, from `pulumi stack export --show-secrets`. */
export function secretsOfState(state: unknown): string[] {
    if (typeof state !== "object" || state === null) {
        return [];
    }
    const object = state as Record<string, unknown>;
    if (object[signature.key] === signature.secret) {
        return typeof object.plaintext === "string" ? texts(JSON.parse(object.plaintext)) : [];
    }
    // Providers repeat all inputs of a resource as one secret: the real secrets among them are there by themselves.
    return Object.entries(object).flatMap(([key, value]) => (key === "__inputs" ? [] : secretsOfState(value)));
}

/** The values in a stack's configuration that its settings file has encrypted. */
export function secretsOfConfiguration(settings: unknown, values: unknown): string[] {
    if (typeof settings !== "object" || settings === null) {
        return [];
    }
    if ("secure" in settings) {
        return texts(values);
    }
    return Object.entries(settings).flatMap(([key, inner]) =>
        secretsOfConfiguration(inner, (values as Record<string, unknown> | undefined)?.[key]),
    );
}

/** All secrets that Pulumi knows of a stack, or why they can't be had. */
export async function secretsOfStack(stack: string): Promise<string[] | string> {
    const state = await askPulumi(stack, ["stack", "export", "--show-secrets"]);
    const config = await askPulumi(stack, ["config", "--show-secrets", "--json"]);
    if ("why" in state || "why" in config) {
        return "why" in state ? state.why : "why" in config ? config.why : "";
    }
    const answers = JSON.parse(config.answer) as Record<string, { value?: string; objectValue?: unknown }>;
    const values = Object.fromEntries(
        Object.entries(answers).map(([key, { value, objectValue }]) => [key, objectValue ?? value]),
    );
    const file = await readFile(join(root, `Pulumi.${stack}.yaml`), "utf8").catch(() => "");
    const { config: given = {} } = (parse(file) ?? {}) as { config?: Record<string, unknown> };
    const qualified = Object.fromEntries(
        Object.entries(given).map(([key, value]) => [key.includes(":") ? key : `${project}:${key}`, value]),
    );
    return [...secretsOfState(JSON.parse(state.answer)), ...secretsOfConfiguration(qualified, values)];
}
