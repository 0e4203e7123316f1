import { createHash } from "node:crypto";

import { parse } from "yaml";

/** A stack's configuration as the engine would hand it to the program. */
export interface Configuration {
    project: string;
    /** Entry file or folder of the program, relative to the project; from Pulumi.yaml's `main`. */
    main: string | undefined;
    /** Values by `<namespace>:<name>`; lists and objects as JSON. */
    values: Record<string, string>;
    secretKeys: string[];
    /** Every value that is set or has a default, for people: `taurus.replicas` → `1`. */
    settings: Record<string, SettingValue>;
}

export interface SettingValue {
    text: string;
    secret: boolean;
}

interface ProjectFile {
    name?: string;
    main?: string;
    config?: Record<string, unknown>;
}

type Tree = Record<string, unknown>;

/** Encrypted values can't be read without the stack's key: this stands for one, and changes with it. */
function encryptedPlaceholder(cipher: string): string {
    return `encrypted-${createHash("sha256").update(cipher).digest("hex").slice(0, 16)}`;
}

class Encrypted {
    readonly placeholder: string;
    constructor(cipher: string) {
        this.placeholder = encryptedPlaceholder(cipher);
    }
}

function isTree(value: unknown): value is Tree {
    return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Encrypted);
}

/** Replaces every `secure: <cipher text>` in a value. */
function withoutCiphers(value: unknown): unknown {
    if (Array.isArray(value)) {
        return value.map(withoutCiphers);
    }
    if (!isTree(value)) {
        return value;
    }
    const { secure } = value;
    if (typeof secure === "string" && Object.keys(value).length === 1) {
        return new Encrypted(secure);
    }
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, withoutCiphers(child)]));
}

function holdsSecret(value: unknown): boolean {
    return (
        value instanceof Encrypted ||
        (typeof value === "object" && value !== null && Object.values(value).some(holdsSecret))
    );
}

function plain(value: unknown): unknown {
    if (value instanceof Encrypted) {
        return value.placeholder;
    }
    if (Array.isArray(value)) {
        return value.map(plain);
    }
    return isTree(value) ? Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child)])) : value;
}

function textOf(value: unknown): string {
    const known = plain(value);
    return typeof known === "object" ? JSON.stringify(known) : String(known);
}

/** Sets a default by its path, as the engine does, unless the stack sets the value in either way. */
function applyDefault(values: Tree, project: string, name: string, value: unknown): void {
    if (`${project}:${name}` in values) {
        return;
    }
    const [first = "", ...rest] = name.split(".");
    let parent = values;
    let key = `${project}:${first}`;
    for (const step of rest) {
        parent[key] ??= {};
        const next = parent[key];
        if (!isTree(next)) {
            return;
        }
        parent = next;
        key = step;
    }
    parent[key] ??= value;
}

function settingsOf(values: Tree, project: string): Record<string, SettingValue> {
    const settings: Record<string, SettingValue> = {};
    const add = (name: string, value: unknown): void => {
        if (isTree(value)) {
            Object.entries(value).forEach(([key, child]) => add(`${name}.${key}`, child));
        } else {
            settings[name] = { text: textOf(value), secret: holdsSecret(value) };
        }
    };
    for (const [key, value] of Object.entries(values)) {
        add(key.startsWith(`${project}:`) ? key.slice(project.length + 1) : key, value);
    }
    return settings;
}

/**
 * Reads a stack's configuration from the texts of Pulumi.yaml and Pulumi.<stack>.yaml.
 *
 * @param stackFile undefined for a stack without a file: all settings have their defaults
 * @throws Error if one of them is no YAML of that kind
 */
export function readConfiguration(projectFile: string, stackFile: string | undefined): Configuration {
    const projectDeclaration = (parse(projectFile) ?? {}) as ProjectFile;
    const project = projectDeclaration.name;
    if (typeof project !== "string") {
        throw new Error("Pulumi.yaml does not name the project");
    }
    const stack = ((stackFile === undefined ? undefined : parse(stackFile)) ?? {}) as { config?: Tree };
    const values: Tree = {};
    for (const [key, value] of Object.entries(stack.config ?? {})) {
        values[key.includes(":") ? key : `${project}:${key}`] = withoutCiphers(value);
    }
    for (const [name, declared] of Object.entries(projectDeclaration.config ?? {})) {
        const value = isTree(declared) ? (declared["default"] ?? declared["value"]) : declared;
        if (name.includes(":")) {
            values[name] ??= value;
        } else if (value !== undefined) {
            applyDefault(values, project, name, value);
        }
    }
    return {
        project,
        main: projectDeclaration.main,
        values: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, textOf(value)])),
        secretKeys: Object.keys(values).filter((key) => holdsSecret(values[key])),
        settings: settingsOf(values, project),
    };
}
