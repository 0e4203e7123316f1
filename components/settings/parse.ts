import { X509Certificate } from "node:crypto";

import * as pulumi from "@pulumi/pulumi";

import { nearest } from "./nearest";
import { allSettings, isGitAddress, pinnedSourceRef, Setting, Settings } from "./schema";

/** What parsing needs to know beside the configuration itself. */
export interface SettingsContext {
    /** The project's name: the namespace of its settings, `nta`. */
    project: string;
    /** Memory of this machine in MiB, if known: a node can't have more. */
    hostMemory?: number;
    /** Reads a text file, for settings that may name one; relative paths are the project folder's. Throws if it can't. */
    readFile: (path: string) => string;
}

/** One thing that is wrong with one setting. */
export interface SettingProblem {
    /** `nta:taurus.httpsPort` */
    key: string;
    /** The value as it may be shown: secrets are masked, long ones cut. Absent if there is none. */
    value?: string;
    /** What is wrong, as the rest of a sentence that begins with the setting. */
    wrong: string;
    /** What would be right. */
    right: string;
    /** The command that mends it. */
    mend: string;
}

/** All problems of a configuration at once. Pulumi shows a RunError's text without a stack trace. */
export class SettingsError extends pulumi.RunError {
    constructor(readonly problems: readonly SettingProblem[]) {
        const many = problems.length > 1;
        const blocks = problems.map(
            (problem) =>
                `  ${problem.key}${problem.value === undefined ? "" : ` = ${problem.value}`} ${problem.wrong}\n` +
                `      right: ${problem.right}\n` +
                `      mend:  ${problem.mend}`,
        );
        super(`${many ? `${problems.length} settings are` : "A setting is"} wrong:\n\n${blocks.join("\n")}\n`);
        this.name = "SettingsError";
    }
}

/** A value as it was given, and how: nested (`--path`) or under its whole name. */
interface GivenValue {
    value: unknown;
    flat: boolean;
}

const settingsByName = new Map(allSettings.map((setting) => [setting.name, setting]));
const groupNames = new Set(
    allSettings.flatMap((setting) =>
        setting.path.slice(1).map((_, index) => setting.path.slice(0, index + 1).join(".")),
    ),
);

/** A value as it may be shown in a message. */
function shown(value: unknown): string {
    const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? "nothing");
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function shellWord(value: string): string {
    return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/** The command that gives a setting a value; secrets are asked for at the prompt instead of standing in the shell's history. */
function setCommand(setting: Setting, value: string, flat: boolean): string {
    const options = [...(setting.secret ? ["--secret"] : []), ...(setting.path.length > 1 && !flat ? ["--path"] : [])];
    const words = [...options, setting.name, ...(setting.secret ? [] : [shellWord(value)])];
    return `pulumi config set ${words.join(" ")}`;
}

function removeCommand(key: string, path: boolean): string {
    return `pulumi config rm ${path ? "--path " : ""}${shellWord(key)}`;
}

/**
 * Turns a stack's configuration into settings.
 *
 * @param raw Every key of the configuration with its namespace, and its value as the engine hands it to programs:
 *   plain text, or JSON for objects. Keys of other namespaces are left alone.
 * @param secretKeys The keys whose values are stored encrypted.
 * @throws SettingsError with every problem there is.
 */
export function parseSettings(
    raw: Readonly<Record<string, string>>,
    secretKeys: readonly string[],
    context: SettingsContext,
): Settings {
    const problems: SettingProblem[] = [];
    const given = collectGiven(raw, context.project, problems);
    const values = new Map<string, unknown>();

    const report = (
        setting: Setting,
        wrong: string,
        options: Partial<SettingProblem> & { suggestion?: string } = {},
    ) => {
        const from = given.get(setting.name);
        const suggestion = options.suggestion ?? setting.example ?? String(setting.default);
        problems.push({
            key: `${context.project}:${setting.name}`,
            value:
                from === undefined || (setting.secret && from.value === "")
                    ? undefined
                    : setting.secret
                      ? "[secret]"
                      : shown(from.value),
            wrong,
            right: options.right ?? setting.expected,
            mend: options.mend ?? setCommand(setting, suggestion, from?.flat ?? false),
        });
    };

    for (const setting of allSettings) {
        const from = given.get(setting.name);
        if (setting.secret && from && from.value !== "") {
            const topKey = `${context.project}:${from.flat ? setting.name : setting.path[0]}`;
            if (!secretKeys.includes(topKey)) {
                report(setting, "is stored in plain text", { right: "the same value, encrypted" });
                continue;
            }
        }
        const result = setting.schema.safeParse(from === undefined ? setting.default : from.value);
        if (result.success) {
            values.set(setting.name, result.data);
            continue;
        }
        const wrong = [...new Set(result.error.issues.map((issue) => issue.message))].join(" and ");
        const suggestion = setting.suggest?.(typeof from?.value === "string" ? from.value : String(from?.value));
        report(setting, wrong, { suggestion });
    }

    checkTogether(values, given, context, report);
    if (problems.length > 0) {
        throw new SettingsError(problems);
    }
    return assemble(values);
}

/** Finds every given value's setting, whichever way it was written; reports the names that are no setting's. */
function collectGiven(
    raw: Readonly<Record<string, string>>,
    project: string,
    problems: SettingProblem[],
): Map<string, GivenValue> {
    const nested = new Map<string, unknown>();
    const flat = new Map<string, string>();

    const unknownSetting = (name: string, wasNested: boolean) => {
        const candidate = nearest(name, [...settingsByName.keys()]);
        const setting = candidate === undefined ? undefined : settingsByName.get(candidate);
        const remove = removeCommand(wasNested ? name : `${project}:${name}`, wasNested);
        problems.push({
            key: `${project}:${name}`,
            wrong: "is no setting",
            right: setting ? `perhaps ${project}:${setting.name}` : "a name from docs/settings.md",
            mend: setting
                ? `${remove} && ${setCommand(setting, "<value>", false).replace("'<value>'", "<value>")}`
                : remove,
        });
    };

    const walk = (name: string, value: unknown) => {
        if (settingsByName.has(name)) {
            nested.set(name, value);
        } else if (!groupNames.has(name)) {
            unknownSetting(name, true);
        } else if (typeof value === "object" && value !== null && !Array.isArray(value)) {
            for (const [key, child] of Object.entries(value)) {
                walk(`${name}.${key}`, child);
            }
        } else {
            const children = [...settingsByName.keys()].filter((child) => child.startsWith(`${name}.`));
            const example = settingsByName.get(children[0]) as Setting;
            problems.push({
                key: `${project}:${name}`,
                wrong: "is a group of settings and has no value of its own",
                right: `one of ${children.join(", ")}`,
                mend: `${removeCommand(`${project}:${name}`, false)} && ${setCommand(example, String(example.default), false)}`,
            });
        }
    };

    for (const [key, value] of Object.entries(raw)) {
        if (!key.startsWith(`${project}:`)) {
            continue;
        }
        const name = key.slice(project.length + 1);
        if (groupNames.has(name)) {
            walk(name, parseJson(value));
        } else if (settingsByName.has(name)) {
            flat.set(name, value);
        } else {
            unknownSetting(name, false);
        }
    }

    const given = new Map<string, GivenValue>();
    for (const [name, setting] of settingsByName) {
        const nestedValue = nested.get(name);
        const flatValue = flat.get(name);
        if (flatValue === undefined) {
            if (nestedValue !== undefined) {
                given.set(name, { value: nestedValue, flat: false });
            }
            continue;
        }
        given.set(name, { value: flatValue, flat: true });
        // The engine fills in the defaults of Pulumi.yaml by path, beside a value that was set under the whole name.
        const isDefault = nestedValue === undefined || String(nestedValue) === String(setting.default);
        if (setting.path.length > 1 && !isDefault && String(nestedValue) !== flatValue) {
            problems.push({
                key: `${project}:${name}`,
                value: setting.secret ? "[secret]" : shown(flatValue),
                wrong: `is given twice: with --path ${setting.secret ? "another value" : shown(nestedValue)} was set`,
                right: "one of the two",
                mend: removeCommand(`${project}:${name}`, false),
            });
        }
    }
    return given;
}

function parseJson(value: string): unknown {
    try {
        return JSON.parse(value);
    } catch {
        return value;
    }
}

type Report = (setting: Setting, wrong: string, options?: Partial<SettingProblem> & { suggestion?: string }) => void;

/** Checks that concern more than one setting. Each runs on the values that are right by themselves. */
function checkTogether(
    values: Map<string, unknown>,
    given: ReadonlyMap<string, GivenValue>,
    context: SettingsContext,
    report: Report,
): void {
    const setting = (name: string) => settingsByName.get(name) as Setting;
    const isSet = (name: string) => values.get(name) !== undefined;
    const wasGiven = (name: string) => values.has(name) && given.get(name) !== undefined;

    checkPorts(values, report);

    if (values.has("registry") && !isSet("registry")) {
        for (const name of ["registryUsername", "registryPassword", "registryCa"]) {
            if (isSet(name)) {
                report(setting(name), "is set, but the cluster's own registry has no use for it", {
                    right: "a registry of yours in nta:registry, or this setting removed",
                    mend: removeCommand(name, false),
                });
            }
        }
        if (values.get("registryInsecure") === true) {
            report(setting("registryInsecure"), "is set, but the cluster's own registry needs no such setting", {
                right: "a registry of yours in nta:registry, or false",
                suggestion: "false",
            });
        }
    }
    if (isSet("registry") && values.has("registryUsername") && values.has("registryPassword")) {
        if (isSet("registryUsername") && !isSet("registryPassword")) {
            report(setting("registryPassword"), "is not set, but registryUsername is", {
                right: "both of them or none",
            });
        }
        if (isSet("registryPassword") && !isSet("registryUsername")) {
            report(setting("registryUsername"), "is not set, but registryPassword is", {
                right: "both of them or none",
            });
        }
    }
    if (isSet("registryCa")) {
        if (values.get("registryInsecure") === true) {
            report(setting("registryCa"), "is set together with registryInsecure: plain HTTP has no certificate", {
                right: "one of the two",
                mend: setCommand(setting("registryInsecure"), "false", false),
            });
        }
        readCertificate(values, context, (wrong) => report(setting("registryCa"), wrong));
    }

    const source = values.get("source") as string | undefined;
    if (source !== undefined && wasGiven("sourceRef") && values.get("sourceRef") !== pinnedSourceRef) {
        if (source !== "auto" && source !== "public" && !isGitAddress(source)) {
            report(setting("sourceRef"), `is set, but source is ${source === "sample" ? "sample" : "a path"}`, {
                right: "a git address in nta:source, or this setting removed",
                mend: removeCommand("sourceRef", false),
            });
        }
    }

    const memory = values.get("memory") as number | undefined;
    if (memory !== undefined && context.hostMemory !== undefined && memory > context.hostMemory) {
        report(setting("memory"), `is more than the ${context.hostMemory} MiB that this machine has`, {
            suggestion: String(Math.max(2048, Math.floor((context.hostMemory * 0.75) / 256) * 256)),
        });
    }

    checkStorage(values, report);

    const twitterKeys = allSettings.filter((candidate) => candidate.path[2]?.startsWith("twitter"));
    if (twitterKeys.some(({ name }) => isSet(name)) && twitterKeys.every(({ name }) => values.has(name))) {
        for (const missing of twitterKeys.filter(({ name }) => !isSet(name))) {
            report(missing, "is not set, but others of Twitter's four keys are", { right: "all four keys or none" });
        }
    }
}

/** Ports of this machine that the settings take, in the order in which a later one has to give way. */
function checkPorts(values: ReadonlyMap<string, unknown>, report: Report): void {
    const inUse: [name: string, condition: boolean][] = [
        ["apiPort", true],
        ["registryPort", values.get("registry") === undefined],
        ["taurus.httpsPort", values.get("taurus.expose") === true],
        ["taurus.supervisorPort", values.get("taurus.expose") === true],
        ["taurus.metricsPort", values.get("taurus.expose") === true],
        ["support.mysql.port", values.get("support.mysql.expose") === true],
        ["support.rabbitmq.managementPort", values.get("support.rabbitmq.expose") === true],
        ["support.dynamodb.port", values.get("support.dynamodb.expose") === true],
    ];
    const taken = new Map<number, string>();
    const all = new Set(inUse.map(([name]) => values.get(name)));
    for (const [name, condition] of inUse) {
        const port = values.get(name);
        if (!condition || typeof port !== "number") {
            continue;
        }
        const other = taken.get(port);
        if (other === undefined) {
            taken.set(port, name);
            continue;
        }
        let free = port < 1024 ? port + 8000 : port + 1;
        while (all.has(free)) {
            free++;
        }
        all.add(free);
        report(settingsByName.get(name) as Setting, `is the port of ${other} too`, {
            right: "a port of its own for each",
            suggestion: String(free > 65535 ? (settingsByName.get(name) as Setting).default : free),
        });
    }
}

function checkStorage(values: ReadonlyMap<string, unknown>, report: Report): void {
    const factors: Record<string, number> = { Mi: 1 / 1024, Gi: 1, Ti: 1024 };
    const sizes = allSettings
        .filter((setting) => setting.path.at(-1) === "storage")
        .map((setting) => values.get(setting.name))
        .filter((size): size is string => typeof size === "string")
        .map((size) => Number.parseInt(size, 10) * factors[size.slice(-2)]);
    const total = Math.ceil(sizes.reduce((sum, size) => sum + size, 0));
    const disk = values.get("disk");
    if (typeof disk === "number" && total > disk) {
        report(settingsByName.get("disk") as Setting, `GiB can't hold the volumes of ${total} GiB in all`, {
            right: "more than the sum of the storage settings",
            suggestion: String(total + 6),
        });
    }
}

/** Replaces a path in registryCa by the certificate in that file. */
function readCertificate(
    values: Map<string, unknown>,
    context: SettingsContext,
    report: (wrong: string) => void,
): void {
    let pem = values.get("registryCa") as string;
    if (!pem.includes("-----BEGIN")) {
        try {
            pem = context.readFile(pem);
        } catch (error) {
            return report(`can't be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
        }
    }
    try {
        void new X509Certificate(pem);
        values.set("registryCa", pem);
    } catch {
        report("is no certificate in PEM form");
    }
}

/** Puts values back into the schema's shape. */
function assemble(values: ReadonlyMap<string, unknown>): Settings {
    const result: Record<string, unknown> = {};
    for (const setting of allSettings) {
        let group = result;
        for (const key of setting.path.slice(0, -1)) {
            group = (group[key] ??= {}) as Record<string, unknown>;
        }
        group[setting.path.at(-1) as string] = values.get(setting.name);
    }
    // Each leaf came out of its own schema, and the shape is the schema's.
    return result as Settings;
}
