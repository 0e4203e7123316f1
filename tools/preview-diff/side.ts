import { fork } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { isAbsolute, join, resolve } from "node:path";

import { type Bundle, bundle } from "../bundle.cjs";
import { type Configuration, readConfiguration } from "./configuration";
import type { Surroundings } from "./surroundings";
import type { Declaration, RecorderAnswer, RecorderTask } from "./declaration";
import { type Packages, packPackages } from "./packed-packages";

/** How long a program may take, in milliseconds. */
const timeout = 600_000;

/** One of the two sides that are compared. */
export interface Side {
    /** Folder of the project. */
    root: string;
    /** Folder for what is made on the way; removed by whoever made it. */
    work: string;
    packages: Packages;
    stack: string;
    /** Text of Pulumi.<stack>.yaml. */
    stackFile: string | undefined;
}

/** What one side declares, as far as it could be told. */
export interface SideResult {
    configuration?: Configuration;
    declaration?: Declaration;
    /** What it depends on beside the program and its settings. */
    surroundings?: Surroundings;
    /** Why there is no declaration, in words. */
    error?: string;
    /** What was done differently from a real run. */
    notes: string[];
}

/** The entry file of a program, found as Pulumi's language host finds it. */
function entryPoint(root: string, main: string | undefined): string {
    const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { main?: string };
    const entry = resolve(root, main ?? manifest.main ?? ".");
    const candidates = [entry, `${entry}.ts`, `${entry}.js`, join(entry, "index.ts"), join(entry, "index.js")];
    const found = candidates.find((file) => /\.[cm]?[jt]s$/.test(file) && existsSync(file));
    if (found === undefined) {
        throw new Error(`there is no program: no ${entry.slice(root.length + 1) || "index.ts"}`);
    }
    return found;
}

/**
 * Comparing needs a source tree, and must fetch none. A local one is taken as it is; for anything else the sample that
 * comes with the program stands in, so that the images' own files are still compared.
 */
function withLocalSource(
    configuration: Configuration,
    projectRoot: string,
): { values: Record<string, string>; notes: string[] } {
    const key = `${configuration.project}:source`;
    const source = configuration.values[key];
    if (source === undefined || source === "sample") {
        return { values: configuration.values, notes: [] };
    }
    if (/^[./]/.test(source)) {
        const path = isAbsolute(source) ? source : resolve(projectRoot, source);
        if (existsSync(path)) {
            return { values: { ...configuration.values, [key]: path }, notes: [] };
        }
    }
    const note = `The source is \`${source}\`, which is not fetched here: images are compared with the sample application in its place.`;
    return { values: { ...configuration.values, [key]: "sample" }, notes: [note] };
}

/** Bundles the recorder; it takes Pulumi's SDK from wherever its file stands, and nothing else. */
export function bundleRecorder(): Promise<Bundle> {
    return bundle(join(__dirname, "recorder.ts"), resolve(__dirname, "../.."), ["@pulumi/*"]);
}

type Recorded = Exclude<RecorderAnswer, { error: string }>;

function runRecorder(
    recorder: string,
    packed: string | undefined,
    task: RecorderTask,
    cwd: string,
    work: string,
): Promise<Recorded> {
    return new Promise((settle, reject) => {
        const child = fork(recorder, packed === undefined ? [] : [packed], {
            cwd,
            execArgv: [],
            silent: true,
            env: { ...process.env, NTA_CACHE: join(work, "cache"), NTA_STATE: join(work, "state"), NODE_OPTIONS: "" },
        });
        let output = "";
        const keep = (data: Buffer) => (output = (output + data.toString()).slice(-4000));
        child.stdout?.on("data", keep);
        child.stderr?.on("data", keep);
        const timer = setTimeout(() => {
            child.kill("SIGKILL");
            reject(new Error(`the program did not end within ${timeout / 1000} s`));
        }, timeout);
        child.once("message", (answer: RecorderAnswer) => {
            clearTimeout(timer);
            if ("declaration" in answer) {
                settle(answer);
            } else {
                reject(new Error(answer.error));
            }
        });
        child.once("error", reject);
        child.once("exit", (code, signal) => {
            clearTimeout(timer);
            reject(
                new Error(
                    `the program ended with ${signal ?? `code ${code}`}${output === "" ? "" : `:\n${output.trim()}`}`,
                ),
            );
        });
        child.send(task);
    });
}

/**
 * Runs a side's program against a mock of the engine. Never throws for what is wrong with the program: that is a result.
 *
 * @param recorder from {@link bundleRecorder}
 * @param projectRoot the working tree, for paths in settings
 */
export async function declare(side: Side, recorder: Promise<Bundle>, projectRoot: string): Promise<SideResult> {
    const { root, work, stack } = side;
    const result: SideResult = { notes: [] };
    const places: [string, string][] = [
        [join(work, "cache"), "<cache>"],
        [join(work, "state"), "<state>"],
        [root, "<project>"],
        [projectRoot, "<project>"],
        [work, "<work>"],
    ];
    const readable = (text: string) => places.reduce((rest, [path, name]) => rest.replaceAll(path, name), text);
    try {
        const configuration = readConfiguration(readFileSync(join(root, "Pulumi.yaml"), "utf8"), side.stackFile);
        result.configuration = configuration;
        mkdirSync(work, { recursive: true });
        if (!existsSync(join(work, "node_modules"))) {
            symlinkSync(side.packages.folder, join(work, "node_modules"));
        }
        const program = join(work, "program.js");
        const recorderFile = join(work, "recorder.js");
        const [ofProgram, ofRecorder] = await Promise.all([
            bundle(entryPoint(root, configuration.main), root),
            recorder,
        ]);
        writeFileSync(program, ofProgram.text);
        writeFileSync(recorderFile, ofRecorder.text);
        const packed = await packPackages([...ofProgram.packages, ...ofRecorder.packages], side.packages);
        const { values, notes } = withLocalSource(configuration, projectRoot);
        result.notes.push(...notes);
        const folders = places.map(([path, placeholder]) => ({ path, placeholder }));
        const { project, secretKeys } = configuration;
        const known = [root, work, realpathSync(side.packages.folder)];
        const task = { program, project, stack, config: values, secretKeys, folders, known };
        const recorded = await runRecorder(recorderFile, packed, task, root, work);
        result.declaration = recorded.declaration;
        result.surroundings = recorded.surroundings;
    } catch (error) {
        result.error = readable(error instanceof Error ? error.message : String(error));
    }
    return result;
}
