import type { SettingsContext } from "./context";
import { defaultText, isSecret, parseJson, type Setting } from "./fields";
import { collectGiven } from "./given";
import { readCheckouts } from "./jobs/checkouts";
import { readTaskFiles } from "./jobs/task-files";
import { listProblems } from "./list-problems";
import { nodePoolProblems } from "./node-pools";
import { setCommand, SettingProblem, SettingsError, shown } from "./problems";
import { allSettings, type Settings } from "./schema";
import { checkTogether } from "./together";

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
        const suggestion = options.suggestion ?? setting.example ?? defaultText(setting);
        problems.push({
            key: options.key ?? `${context.project}:${setting.name}`,
            value:
                options.value ??
                (from === undefined || (setting.secret && from.value === "")
                    ? undefined
                    : isSecret(setting, from.value)
                      ? "[secret]"
                      : shown(from.value)),
            wrong,
            right: options.right ?? setting.expected,
            mend: options.mend ?? setCommand(setting, suggestion, from?.flat ?? false),
        });
    };

    for (const setting of allSettings) {
        const from = given.get(setting.name);
        if (from && from.value !== "" && isSecret(setting, from.value)) {
            const topKey = `${context.project}:${from.flat ? setting.name : setting.path[0]}`;
            if (!secretKeys.includes(topKey)) {
                const mend =
                    setting.secret === true
                        ? undefined
                        : `${setCommand(setting, String(from.value), from.flat)} < <file>`;
                report(setting, "is stored in plain text", { right: "the same value, encrypted", mend });
                continue;
            }
        }
        const result = setting.schema.safeParse(from === undefined ? setting.default : from.value);
        if (result.success) {
            values.set(setting.name, result.data);
            continue;
        }
        if (setting.element !== undefined && !result.error.issues.some(({ path }) => path.length === 0)) {
            const list = typeof from?.value === "string" ? parseJson(from.value) : from?.value;
            const masked = secretKeys.includes(`${context.project}:${setting.path[0]}`);
            problems.push(
                ...listProblems(context.project, setting.name, setting.element, list, result.error.issues, masked),
            );
            continue;
        }
        const wrong = [...new Set(result.error.issues.map((issue) => issue.message))].join(" and ");
        const suggestion = setting.suggest?.(typeof from?.value === "string" ? from.value : String(from?.value));
        report(setting, wrong, { suggestion });
    }

    checkTogether(values, given, context, report);
    for (const further of [nodePoolProblems, readTaskFiles, readCheckouts]) {
        problems.push(...further(values, context, secretKeys));
    }
    if (problems.length > 0) {
        throw new SettingsError(problems);
    }
    return assemble(values);
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
