import type { SettingValue } from "./configuration";

/** A setting or a dependency that differs between the two sides. */
export interface NamedChange {
    name: string;
    /** Absent: it was not there. */
    before?: string;
    /** Absent: it is not there any more. */
    after?: string;
}

type Values = Record<string, string>;

function compareNamed(before: Values, after: Values, shown: (name: string, value: string) => string): NamedChange[] {
    return [...new Set([...Object.keys(before), ...Object.keys(after)])]
        .sort()
        .filter((name) => before[name] !== after[name])
        .map((name) => ({
            name,
            ...(before[name] === undefined ? {} : { before: shown(name, before[name]) }),
            ...(after[name] === undefined ? {} : { after: shown(name, after[name]) }),
        }));
}

/** Settings with other values, defaults included; secret ones masked. */
export function compareSettings(
    before: Record<string, SettingValue>,
    after: Record<string, SettingValue>,
): NamedChange[] {
    const texts = (settings: Record<string, SettingValue>) =>
        Object.fromEntries(Object.entries(settings).map(([name, { text }]) => [name, text]));
    const isSecret = (name: string) => before[name]?.secret === true || after[name]?.secret === true;
    return compareNamed(texts(before), texts(after), (name, value) => (isSecret(name) ? "[secret]" : value));
}

interface Manifest {
    dependencies?: Values;
    devDependencies?: Values;
}

/** Packages of package.json that came, went or have another version; tools of development are marked. */
export function compareDependencies(before: string, after: string): NamedChange[] {
    const packages = (text: string): Values => {
        const { dependencies = {}, devDependencies = {} } = JSON.parse(text) as Manifest;
        const tools = Object.entries(devDependencies).map(([name, version]) => [`${name} (development)`, version]);
        return { ...dependencies, ...(Object.fromEntries(tools) as Values) };
    };
    return compareNamed(packages(before), packages(after), (_name, version) => version);
}
