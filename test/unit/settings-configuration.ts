import * as fs from "node:fs";
import * as path from "node:path";

import { parseSettings, type SettingsContext, type SettingsError } from "../../components/settings";
import { defaultText } from "../../components/settings/fields";
import { allSettings } from "../../components/settings/schema";
import { settingsErrorOf } from "./settings-error";

// Self-signed, CN=registry-ca, made for this test with: openssl req -x509 -newkey ed25519 -nodes -days 36500
export const certificate = fs.readFileSync(path.join(__dirname, "registry-ca.pem"), "utf8");

/** A machine with these files. */
export const context: SettingsContext = {
    project: "nta",
    hostMemory: 16384,
    readFile: (file) => {
        if (file === "./ca.pem") {
            return certificate;
        }
        if (file === "./not-a-certificate.pem") {
            return "hello";
        }
        throw Object.assign(new Error("no such file"), { code: "ENOENT" });
    },
};

/** The configuration as the engine hands it over: the defaults of Pulumi.yaml, with `given` on top. */
export function configuration(given: Record<string, string> = {}): Record<string, string> {
    const raw: Record<string, string> = {};
    const groups: Record<string, Record<string, unknown>> = {};
    for (const setting of allSettings) {
        if (setting.path.length === 1) {
            raw[`nta:${setting.name}`] = defaultText(setting);
            continue;
        }
        let group = (groups[setting.path[0]] ??= {});
        for (const key of setting.path.slice(1, -1)) {
            group = (group[key] ??= {}) as Record<string, unknown>;
        }
        group[setting.path.at(-1) as string] = setting.default;
    }
    for (const [name, group] of Object.entries(groups)) {
        raw[`nta:${name}`] = JSON.stringify(group);
    }
    return { ...raw, ...given };
}

/** What an existing cluster needs. */
export const onExisting = { "nta:cluster": "existing", "nta:kubeContext": "lab", "nta:registry": "r.io" };

/** The error by which that configuration is refused. */
export function refusal(given: Record<string, string>, secretKeys: string[] = []): SettingsError {
    return settingsErrorOf(() => parseSettings(given, secretKeys, context));
}
