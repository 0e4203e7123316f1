import { rename, rm, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { exportedName, imagesOf } from "../operations/image/applications";
import { readOptions } from "../operations/options";
import { askPulumi } from "../operations/pulumi";
import { command, tryCommand } from "./command";
import { presentStack } from "./present-stack";
import { Problem, runMain } from "./problem";
import { Progress } from "./progress";

const usage = "npm run image -- [NAME] [--output FILE]     taurus, with the services that it needs, by default";

/** Saves images into one file, which appears whole or not at all. */
async function save(names: string[], file: string): Promise<void> {
    const partial = `${file}.${process.pid}.partial`;
    try {
        await command(["docker", "save", "--output", partial, ...names]);
        await rename(partial, file);
    } finally {
        await rm(partial, { force: true });
    }
}

runMain(async () => {
    const { values, positionals } = readOptions(usage, { output: { type: "string", short: "o" } });
    if (positionals.length > 1) {
        throw new Problem(`One application at a time.\n\nUsage: ${usage}`, 2);
    }
    const [application = "taurus"] = positionals;
    const wanted = imagesOf(application);
    const file = resolve(process.env.NTA_WORKING_DIRECTORY ?? "", values.output ?? `${application}.tar`);
    const stack = presentStack();
    const output = await askPulumi(stack, ["stack", "output", "images", "--json"]);
    if ("why" in output) {
        throw new Problem(`The stack ${stack} has no images to export: ${output.why}`);
    }
    const references = JSON.parse(output.answer) as Record<string, string>;
    const progress = new Progress(2);
    const names = await progress.step("Images", async (report) => {
        const exported: string[] = [];
        for (const image of wanted) {
            report(`pulling ${image}`);
            const reference = references[image] ?? "";
            const name = exportedName(image, reference);
            await command(["docker", "pull", "--quiet", reference]);
            await command(["docker", "tag", reference, name]);
            exported.push(name);
        }
        return exported;
    });
    try {
        await progress.step("File", (report) => {
            report(`docker save, ${names.length} images`);
            return save(names, file);
        });
    } finally {
        await tryCommand(["docker", "rmi", "--no-prune", ...names]);
    }
    console.log(
        [
            "",
            `${file} (${Math.round((await stat(file)).size / 1e6)} MB) holds:`,
            ...names.map((name) => `  ${name}`),
            "",
            `Load it:  docker load --input ${file}`,
            `     or:  ctr images import ${file}`,
            "How to run it: docs/machine-image.md",
        ].join("\n"),
    );
    return 0;
});
