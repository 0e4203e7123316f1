import type { SettingsContext } from "../context";
import { listProblems } from "../list-problems";
import type { SettingProblem } from "../problems";
import { job, type Job } from "./jobs";

/** Bytes of tasks that one ConfigMap takes (a MiB), with room for what else is in it. */
const limit = 1_000_000;

/**
 * Reads the files that parallel jobs have their tasks in, and puts the tasks into the jobs.
 *
 * @param values The settings that are right by themselves, by name.
 * @returns what is wrong with the files, and with lists that are too long.
 */
export function readTaskFiles(
    values: ReadonlyMap<string, unknown>,
    context: SettingsContext,
    secretKeys: readonly string[],
): SettingProblem[] {
    const jobs = (values.get("jobs") ?? []) as Job[];
    return jobs.flatMap((entry, index) => {
        if (entry.kind !== "parallel" || !("list" in entry.tasks)) {
            return [];
        }
        const { tasks } = entry;
        const problem = (path: string[], message: string): SettingProblem[] => {
            const given = tasks.file === undefined ? tasks.list : { file: tasks.file };
            const shown = jobs.map((one) => ({ ...one, tasks: given }));
            const issue = { code: "custom" as const, path: [index, "tasks", ...path], message, input: undefined };
            const masked = secretKeys.includes(`${context.project}:jobs`);
            return listProblems(context.project, "jobs", job, shown, [issue], masked);
        };
        if (tasks.file !== undefined) {
            let text: string;
            try {
                text = context.readFile(tasks.file);
            } catch (error) {
                return problem(["file"], `can't be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
            }
            tasks.list = text.split(/\r?\n/).filter((line) => line.trim() !== "");
            if (tasks.list.length === 0) {
                return problem(["file"], "has no tasks");
            }
        }
        const bytes = tasks.list.reduce((sum, task) => sum + Buffer.byteLength(task) + 1, 0);
        return bytes > limit
            ? problem(
                  [],
                  `has ${bytes} bytes of tasks, and Kubernetes takes ${limit}: let a command print them, with { command }`,
              )
            : [];
    });
}
