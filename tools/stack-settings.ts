import { existsSync, readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir, totalmem } from "node:os";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import type { SettingProblem, SettingsError } from "../components/settings/problems";
import type { Settings } from "../components/settings/schema";
import { cacheDirectory, root } from "./directories";
import { project } from "./stack";

/** What stands for an encrypted value, which can't be read without the engine. */
export const encryptedText = "(encrypted)";

/**
 * A stack's configuration as the engine would hand it to the program, from the text of Pulumi.<stack>.yaml. Encrypted
 * values can't be read without the engine: each is `encryptedText`.
 */
export function rawConfiguration(text: string): { raw: Record<string, string>; secretKeys: string[] } {
    const { config } = (parse(text) ?? {}) as { config?: Record<string, unknown> };
    const raw: Record<string, string> = {};
    const secretKeys: string[] = [];
    for (const [key, value] of Object.entries(config ?? {})) {
        const name = key.includes(":") ? key : `${project}:${key}`;
        let secret = false;
        const open = (part: unknown): unknown => {
            if (Array.isArray(part)) {
                return part.map(open);
            }
            if (typeof part !== "object" || part === null) {
                return part;
            }
            if ("secure" in part && Object.keys(part).length === 1) {
                secret = true;
                return encryptedText;
            }
            return Object.fromEntries(Object.entries(part).map(([child, inner]) => [child, open(inner)]));
        };
        const opened = open(value);
        raw[name] = typeof opened === "string" ? opened : JSON.stringify(opened);
        if (secret) {
            secretKeys.push(name);
        }
    }
    return { raw, secretKeys };
}

/** Something that is wrong with a stack's settings, and the command that mends it. */
export interface SettingsFinding {
    wrong: string;
    mend: string;
}

/** The settings of a stack, or what is wrong with them. */
export async function readSettings(stack: string): Promise<{ settings: Settings } | { problems: SettingsFinding[] }> {
    const file = `Pulumi.${stack}.yaml`;
    const text = existsSync(join(root, file)) ? await readFile(join(root, file), "utf8") : "";
    let configuration;
    try {
        configuration = rawConfiguration(text);
    } catch (error) {
        const wrong = `${file} is no valid YAML: ${(error as Error).message}`;
        return { problems: [{ wrong, mend: `edit ${file}` }] };
    }
    // It brings the Pulumi SDK with it, which takes a second to load.
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- loaded only when it is needed
    const { parseSettings } = require("../components/settings/parse") as typeof import("../components/settings/parse");
    try {
        const settings = parseSettings(configuration.raw, configuration.secretKeys, {
            project,
            hostMemory: Math.floor(totalmem() / 2 ** 20),
            readFile: (path) => readFileSync(resolve(root, path.replace(/^~(?=\/)/, homedir())), "utf8"),
        });
        return { settings };
    } catch (error) {
        const { problems } = error as SettingsError;
        if (problems === undefined) {
            throw error;
        }
        return { problems: problems.map(settingsFinding) };
    }
}

function settingsFinding({ key, value, wrong, right, mend }: SettingProblem): SettingsFinding {
    return { wrong: `${key}${value === undefined ? "" : ` = ${value}`} ${wrong}; right: ${right}`, mend };
}

/** Whether there is an engine that can change settings. */
export function hasEngine(): boolean {
    return existsSync(join(cacheDirectory(), "bin", "pulumi"));
}

/** How to change a setting: by the engine once it is there, and by hand before. */
export function mend(setting: string, value: number, stack: string, hasEngine: boolean): string {
    const path = setting.includes(".") ? "--path " : "";
    return hasEngine
        ? `source env && pulumi config set ${path}${setting} ${value}`
        : `a line \`  ${project}:${setting}: ${value}\` under \`config:\` in Pulumi.${stack}.yaml`;
}
