import { trueCondition, type ContainerState, type ContainerStatus, type Job, type Pod } from "../objects";
import { table } from "../table";

/** How a step of a CI build is. */
interface Step {
    name: string;
    outcome: string;
    seconds?: number;
}

function secondsOf({ terminated, running }: ContainerState, now: number): number | undefined {
    const began = terminated?.startedAt ?? running?.startedAt;
    const end = terminated?.finishedAt === undefined ? now : Date.parse(terminated.finishedAt);
    return began === undefined ? undefined : Math.round((end - Date.parse(began)) / 1000);
}

function stepOf({ name, state = {} }: ContainerStatus, ended: boolean, now: number): Step {
    const { waiting, terminated } = state;
    if (terminated !== undefined) {
        const { exitCode, reason } = terminated;
        const why = reason === undefined || reason === "Error" ? "" : ` (${reason})`;
        const outcome = exitCode === 0 ? "passed" : `failed with exit code ${exitCode}${why}`;
        return { name, outcome, seconds: secondsOf(state, now) };
    }
    if (state.running !== undefined) {
        return { name, outcome: "running", seconds: secondsOf(state, now) };
    }
    const reason = waiting?.reason === undefined || waiting.reason === "PodInitializing" ? "" : `: ${waiting.reason}`;
    return { name, outcome: ended ? "not begun" : `waiting${reason}` };
}

/** The containers of a build's pod in the order in which they run. */
function stepStatuses(pod: Pod): ContainerStatus[] {
    return [...(pod.status.initContainerStatuses ?? []), ...(pod.status.containerStatuses ?? [])];
}

/** The step that failed, if one did. */
export function failedStep(pod: Pod): string | undefined {
    return stepStatuses(pod).find(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0)?.name;
}

/** A CI build as its pod tells it: the commit, the steps, and the image or the last lines of what failed. */
export function ciBuildReport(job: Job, pod: Pod | undefined, lastLines: string, now: Date): string[] {
    const failed = trueCondition(job.status.conditions, "Failed");
    const passed = trueCondition(job.status.conditions, "Complete");
    const outcome =
        failed !== undefined ? `failed (${failed.reason ?? ""})` : passed !== undefined ? "passed" : "not ended yet";
    const statuses = pod === undefined ? [] : stepStatuses(pod);
    const steps = statuses.map((status) => stepOf(status, failed !== undefined, now.getTime()));
    const image = statuses.find(({ name }) => name === "build")?.state?.terminated?.message;
    return [
        `${job.metadata.name}, commit ${job.metadata.annotations?.["nta/commit"] ?? "unknown"}: ${outcome}`,
        ...table(
            ["STEP", "OUTCOME", "SECONDS"],
            steps.map(({ name, outcome: text, seconds }) => [name, text, seconds === undefined ? "" : String(seconds)]),
        ),
        ...(passed !== undefined && image !== undefined ? [`Image: ${image}`] : []),
        ...(lastLines === "" ? [] : [`Last lines of ${pod === undefined ? "" : (failedStep(pod) ?? "")}:`, lastLines]),
    ];
}
