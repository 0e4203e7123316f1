/** Digests of what things are made from. */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative, sep } from "node:path";

/**
 * SHA-256 over the files at `paths`, and below those that are folders: names relative to `base`, whether they are
 * executable, and contents. Times, owners and the umask at checkout do not count.
 */
export function digestOfFiles(base: string, paths: string[] = ["."]): string {
    const hash = createHash("sha256");
    const visit = (path: string): void => {
        const stat = statSync(path);
        if (stat.isDirectory()) {
            for (const name of readdirSync(path).sort()) {
                visit(join(path, name));
            }
            return;
        }
        const content = createHash("sha256").update(readFileSync(path)).digest("hex");
        const name = relative(base, path).split(sep).join("/");
        hash.update(`${name} ${(stat.mode & 0o100) !== 0 ? "x" : "-"} ${content}\n`);
    };
    for (const path of paths) {
        visit(join(base, path));
    }
    return hash.digest("hex");
}
