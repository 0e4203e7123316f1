import { defaultText, parseJson, type Setting } from "./fields";
import { nearest } from "./nearest";
import { removeCommand, setCommand, SettingProblem, shown } from "./problems";
import { allSettings, settingsByName } from "./schema";

/** A value as it was given, and how: nested (`--path`) or under its whole name. */
export interface GivenValue {
    value: unknown;
    flat: boolean;
}

const groupNames = new Set(
    allSettings.flatMap((setting) =>
        setting.path.slice(1).map((_, index) => setting.path.slice(0, index + 1).join(".")),
    ),
);

/** Finds every given value's setting, whichever way it was written; reports the names that are no setting's. */
export function collectGiven(
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
                mend: `${removeCommand(`${project}:${name}`, false)} && ${setCommand(example, defaultText(example), false)}`,
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
        const isDefault = nestedValue === undefined || String(nestedValue) === defaultText(setting);
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
