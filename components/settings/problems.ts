import * as pulumi from "@pulumi/pulumi";

import { isSecret, type Setting } from "./fields";

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
    /** The command that mends it, or where no command does it, what to do by hand. */
    mend: string;
}

/** Says what is wrong with a setting; the rest of a {@link SettingProblem} follows from the setting. */
export type Report = (
    setting: Setting,
    wrong: string,
    options?: Partial<SettingProblem> & { suggestion?: string },
) => void;

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

/** A value as it may be shown in a message. */
export function shown(value: unknown): string {
    const text = typeof value === "string" ? JSON.stringify(value) : (JSON.stringify(value) ?? "nothing");
    return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

export function shellWord(value: string): string {
    return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

/** The command that gives a setting a value; secrets are asked for at the prompt instead of standing in the shell's history. */
export function setCommand(setting: Setting, value: string, flat: boolean): string {
    const secret = isSecret(setting, value);
    const options = [...(secret ? ["--secret"] : []), ...(setting.path.length > 1 && !flat ? ["--path"] : [])];
    const words = [...options, setting.name, ...(secret ? [] : [shellWord(value)])];
    return `pulumi config set ${words.join(" ")}`;
}

export function removeCommand(key: string, path: boolean): string {
    return `pulumi config rm ${path ? "--path " : ""}${shellWord(key)}`;
}
