import pinned from "./versions.json";

export { pinned };

/** The numbers of the first dotted version in a text, such as `Vagrant 2.3.4` or `go version go1.26.8 linux/amd64`. */
export function parseVersion(text: string): [number, number, number] | undefined {
    const match = /(\d+)\.(\d+)(?:\.(\d+))?/.exec(text);
    return match === null ? undefined : [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
}

/** Whether the version in `text` is `minimum` or newer; false when there is no version in it. */
export function atLeast(text: string, minimum: string): boolean {
    const version = parseVersion(text);
    const wanted = parseVersion(minimum);
    if (version === undefined || wanted === undefined) {
        return false;
    }
    for (let index = 0; index < 3; index++) {
        const difference = (version[index] ?? 0) - (wanted[index] ?? 0);
        if (difference !== 0) {
            return difference > 0;
        }
    }
    return true;
}

/** `template` with `{name}` replaced by the value of that name. */
export function expand(template: string, values: Record<string, string>): string {
    return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
}
