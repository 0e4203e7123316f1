// Writes docs/settings.md and the `config:` of Pulumi.yaml from the settings' schema: `npm run docs:settings`.
import * as fs from "node:fs";
import * as path from "node:path";

import { parseDocument } from "yaml";

import { projectConfig, settingsDocument } from "../components/settings/documentation";

const root = path.join(__dirname, "..");

fs.writeFileSync(path.join(root, "docs", "settings.md"), settingsDocument());

const projectFile = path.join(root, "Pulumi.yaml");
const project = parseDocument(fs.readFileSync(projectFile, "utf8"));
project.set("config", project.createNode(projectConfig()));
fs.writeFileSync(projectFile, project.toString({ lineWidth: 118 }));
