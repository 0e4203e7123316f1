import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { parse } from "yaml";

import { projectConfig, settingsDocument } from "../../components/settings/documentation";

const root = path.join(__dirname, "..", "..");

describe("settings: documentation", () => {
    it("of Pulumi.yaml is the schema's (else run `npm run docs:settings`)", () => {
        const project = parse(fs.readFileSync(path.join(root, "Pulumi.yaml"), "utf8")) as { config: unknown };
        assert.deepEqual(project.config, projectConfig());
    });

    it("of docs/settings.md is the schema's (else run `npm run docs:settings`)", () => {
        const squeeze = (text: string) => text.replace(/ +/g, " ").replace(/-+/g, "-").replaceAll("| - ", "|-").trim();
        const written = fs.readFileSync(path.join(root, "docs", "settings.md"), "utf8");
        assert.equal(squeeze(written).replaceAll("- |", "-|"), squeeze(settingsDocument()));
    });

    it("tells every setting's type as the engine knows it, and a default of that type", () => {
        for (const [name, entry] of Object.entries(projectConfig())) {
            const expected = { string: "string", integer: "number", boolean: "boolean", array: "object" }[entry.type];
            assert.equal(typeof entry.default, expected, name);
            assert.equal(Array.isArray(entry.default), entry.type === "array", name);
            assert.ok(entry.description.endsWith("."), name);
        }
    });
});
