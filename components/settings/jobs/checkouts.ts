import { isLoopback } from "../../../plugins/docker/registry-http";
import { imageRecipes } from "../../images/catalog";
import { shortCommit } from "../../workloads/ci-build/git";
import type { SettingsContext } from "../context";
import { listProblems } from "../list-problems";
import { nearest } from "../nearest";
import { type SettingProblem, setCommand } from "../problems";
import { settingsByName } from "../schema";
import { job, type Job } from "./jobs";

type CiBuild = Extract<Job, { kind: "ci-build" }>;

/** Whether the program itself pushes images under that name. */
function isTaken(image: string): boolean {
    return (
        image === "debian" ||
        imageRecipes.some(({ name }) => name === image) ||
        /^(static-files|ci-build)\./.test(image)
    );
}

/**
 * Looks up the commits that CI builds are about, and puts them into the jobs.
 *
 * @param values The settings that are right by themselves, by name.
 * @returns what is wrong with checkouts, refs and Dockerfiles, and with the names of images.
 */
export function readCheckouts(
    values: ReadonlyMap<string, unknown>,
    context: SettingsContext,
    secretKeys: readonly string[],
): SettingProblem[] {
    const jobs = (values.get("jobs") ?? []) as Job[];
    const masked = secretKeys.includes(`${context.project}:jobs`);
    const asGiven = jobs.map((one) => (one.kind === "ci-build" ? { ...one, checkout: one.checkout.folder } : one));
    const imageOf = (one: Job | undefined) => (one?.kind === "ci-build" ? (one.image ?? one.name) : undefined);

    const problemsOf = (entry: CiBuild, index: number): SettingProblem[] => {
        const problem = (field: string, message: string, meant?: string): SettingProblem[] => {
            const issue = { code: "custom" as const, path: [index, field], message, input: undefined };
            const found = listProblems(context.project, "jobs", job, asGiven, [issue], masked);
            return meant === undefined ? found : found.map((one) => ({ ...one, right: `perhaps ${meant}` }));
        };
        const problems: SettingProblem[] = [];

        const image = imageOf(entry) ?? "";
        const imageField = entry.image === undefined ? "name" : "image";
        const owner = jobs.findIndex((one) => imageOf(one) === image);
        if (isTaken(image)) {
            problems.push(...problem(imageField, "is the name of an image of this program"));
        } else if (owner < index && jobs[owner].name !== entry.name) {
            problems.push(...problem(imageField, `is the image of entry ${owner}, ${jobs[owner].name}, too`));
        }

        const found = context.findCommit?.(entry.checkout.folder, entry.ref);
        if (found === undefined) {
            return problems;
        }
        if ("wrong" in found) {
            const meant = found.known && nearest(entry.ref, found.known);
            return [...problems, ...problem(found.field, found.wrong, meant)];
        }
        const { commit, files } = found;
        if (!files.includes(entry.dockerfile)) {
            const wrong = `is no file of the commit ${shortCommit(commit.id)}`;
            problems.push(...problem("dockerfile", wrong, nearest(entry.dockerfile, files)));
        }
        entry.checkout.commit = commit;
        return problems;
    };

    const builds = jobs.flatMap((one, index) => (one.kind === "ci-build" ? [[one, index] as const] : []));
    return [
        ...(builds.length > 0 ? registryProblems(values, context) : []),
        ...builds.flatMap(([one, index]) => problemsOf(one, index)),
    ];
}

/** Builds run in pods, which have to reach the registry as well. The cluster's own is no such problem. */
function registryProblems(values: ReadonlyMap<string, unknown>, { project }: SettingsContext): SettingProblem[] {
    const registry = values.get("registry") as string | undefined;
    const setting = settingsByName.get("registry");
    if (
        setting === undefined ||
        registry === undefined ||
        values.get("cluster") !== "existing" ||
        !isLoopback(registry.split("/")[0])
    ) {
        return [];
    }
    return [
        {
            key: `${project}:registry`,
            value: JSON.stringify(registry),
            wrong: "is a loopback address, at which the pods of ci-build jobs find themselves",
            right: "a name or an address that leads to the registry from this machine, from the nodes and from pods",
            mend: setCommand(setting, setting.example ?? "", false),
        },
    ];
}
