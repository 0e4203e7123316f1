import { findProgram, tryCommand } from "../tools/command";
import { cacheDirectory, root } from "../tools/directories";
import { presentHome } from "../tools/present-stack";
import { pulumiEnvironment } from "../tools/pulumi-home";

/** Runs Pulumi, whichever is this checkout's, on a stack; its answer, or why there is none. */
export async function askPulumi(stack: string, args: readonly string[]): Promise<{ answer: string } | { why: string }> {
    const program = findProgram("pulumi", `${cacheDirectory()}/bin:${process.env.PATH ?? ""}`);
    if (program === undefined) {
        return { why: "there is no pulumi here: `npm run up` puts it into place" };
    }
    const line = [program, ...args, "--stack", stack, "--non-interactive"] as const;
    const env = pulumiEnvironment(presentHome(), stack);
    const result = await tryCommand(line, { cwd: root, env, timeout: 60_000 });
    return result.code === 0 ? { answer: result.stdout } : { why: result.stderr.trim() || `exit code ${result.code}` };
}
