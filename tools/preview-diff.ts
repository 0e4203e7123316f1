/**
 * `npm run preview:diff -- --base REF`: what would change between a commit and the working tree, told from what the
 * program declares on both sides. Needs no engine, no cluster and no network.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import type { Bundle } from "./bundle.cjs";
import { root } from "./directories";
import { type BaseCommit, extractBase, findBase, lockedPackages, packagesFor } from "./preview-diff/base";
import type { ComparedSide } from "./preview-diff/difference";
import { KeptDeclaration } from "./preview-diff/kept-declarations";
import { bundleRecorder, declare, type SideResult } from "./preview-diff/side";
import { Problem, runMain } from "./problem";

const usage =
    "Usage: npm run preview:diff -- --base REF [--stack NAME] [--json] [--limit CHARACTERS] [--output FILE]\n" +
    "REF is a commit, branch or tag; the stack's settings are those of Pulumi.<NAME>.yaml, dev unless given.";

interface Options {
    base: string;
    stack: string;
    json: boolean;
    /** undefined: what a comment can have. */
    limit: number | undefined;
    output?: string;
}

function readOptions(args: string[]): Options {
    let values;
    try {
        ({ values } = parseArgs({
            args,
            options: {
                base: { type: "string" },
                stack: { type: "string", default: "dev" },
                json: { type: "boolean", default: false },
                limit: { type: "string" },
                output: { type: "string" },
            },
        }));
    } catch (error) {
        throw new Problem(`${(error as Error).message}\n${usage}`, 2);
    }
    const { base, stack, json, limit, output } = values;
    if (base === undefined || base === "") {
        throw new Problem(`--base is missing: the commit to compare with.\n${usage}`, 2);
    }
    if (limit !== undefined && (!/^\d+$/.test(limit) || (Number(limit) > 0 && Number(limit) < 2000))) {
        throw new Problem(
            `--limit is "${limit}", but it is a number of characters: 2000 or more, or 0 for no limit.`,
            2,
        );
    }
    return { base, stack, json, limit: limit === undefined ? undefined : Number(limit), output };
}

function stackFileIn(folder: string, stack: string): string | undefined {
    const file = join(folder, `Pulumi.${stack}.yaml`);
    return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

async function declareBase(
    commit: BaseCommit,
    work: string,
    recorder: Promise<Bundle>,
    options: { stack: string; headStackFile: string },
): Promise<ComparedSide> {
    const tree = join(work, "tree");
    const { stack, headStackFile } = options;
    try {
        const decides = [(await recorder).text, commit.commit, commit.prefix, stack, headStackFile];
        const kept = new KeptDeclaration<ComparedSide>(decides);
        const known = kept.read();
        if (known !== undefined) {
            return known;
        }
        await extractBase(root, commit, tree);
        const packages = await packagesFor(tree, root);
        const own = stackFileIn(tree, stack);
        const stackFile = own ?? headStackFile;
        const result = await declare({ root: tree, work, packages, stack, stackFile }, recorder, root);
        if (own === undefined) {
            result.notes.push(`Pulumi.${stack}.yaml is not in the base: the working tree's is used for both sides.`);
        }
        const side = { ...result, manifest: readFileSync(join(tree, "package.json"), "utf8") };
        kept.write(side);
        return side;
    } catch (error) {
        return { error: error instanceof Error ? error.message.replaceAll(work, "<base>") : String(error), notes: [] };
    }
}

runMain(async () => {
    const options = readOptions(process.argv.slice(2));
    const { stack } = options;
    const headStackFile = stackFileIn(root, stack);
    if (headStackFile === undefined) {
        throw new Problem(`There is no Pulumi.${stack}.yaml: name a stack that has one with --stack.`);
    }
    const commit = await findBase(root, options.base);
    const folder = mkdtempSync(join(tmpdir(), "nta-preview-diff-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
        process.once(signal, () => process.exit(130));
    }
    const recorder = bundleRecorder();
    const headSide = {
        root,
        work: join(folder, "head"),
        packages: { folder: join(root, "node_modules"), locked: lockedPackages(root) },
        stack,
        stackFile: headStackFile,
    };
    const declared: Promise<[ComparedSide, SideResult]> = Promise.all([
        declareBase(commit, join(folder, "base"), recorder, { stack, headStackFile }),
        declare(headSide, recorder, root),
    ]);
    // Loaded while the programs run, and not before they are bundled, which this process takes part in.
    await recorder;
    /* eslint-disable @typescript-eslint/no-require-imports -- at this moment */
    const { compareSides, jsonReport } =
        require("./preview-diff/difference") as typeof import("./preview-diff/difference");
    const { markdownReport } = require("./preview-diff/report") as typeof import("./preview-diff/report");
    /* eslint-enable @typescript-eslint/no-require-imports */
    const [base, head] = await declared;
    const manifest = readFileSync(join(root, "package.json"), "utf8");
    const difference = compareSides(stack, commit, base, { ...head, manifest });
    const report = options.json ? jsonReport(difference) : markdownReport(difference, options.limit);
    if (options.output === undefined) {
        process.stdout.write(report);
    } else {
        writeFileSync(options.output, report);
    }
    return head.error === undefined ? 0 : 1;
});
