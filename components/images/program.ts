import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

import { type ProgramSet, setFolder } from "../../node-image/program-set";
import { cacheDirectory } from "../../tools/directories";
import { imageRecipes } from "./catalog";

const imagesFolder = path.resolve(__dirname, "../../images");

/** As the images' platform. */
export const programArchitecture = "amd64";

/** Where the programs of images are kept. */
export const programsDirectory = (): string => path.join(cacheDirectory(), "images");

/** The programs of the Go module `images/<name>`. */
export function imagePrograms(name: string): ProgramSet {
    return {
        name,
        title: `Programs of the image ${name}`,
        module: path.join(imagesFolder, name),
        packages: { ...imageRecipes.find((recipe) => recipe.name === name)?.programs },
        variables: {},
        releases: {},
    };
}

/**
 * The folder with the static programs of the Go module `images/<name>`, which is built if it is not in the cache. It is
 * built on this machine because there is no image with Go that could be had everywhere.
 *
 * @throws Error when Go is missing or the build fails; its output has been shown.
 */
export function builtProgram(name: string): string {
    const folder = setFolder(imagePrograms(name), programArchitecture, programsDirectory());
    if (!fs.existsSync(folder)) {
        // Resources are declared without waiting, and the program must be there for the context's digest.
        const main = path.join(imagesFolder, "programs", "main.ts");
        execFileSync(process.execPath, ["--require", "ts-node/register/transpile-only", main, name], {
            cwd: path.dirname(imagesFolder),
            stdio: ["ignore", "ignore", "inherit"],
        });
    }
    return folder;
}
