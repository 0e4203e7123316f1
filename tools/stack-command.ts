import { join } from "node:path";
import { stateDirectory } from "./directories";
import {
    clusterKindOf,
    describeHolder,
    gather,
    gatherPlugins,
    openStack,
    planSteps,
    type Goal,
    type Tools,
} from "./gather";
import { tryLock } from "./lock.cjs";
import { presentStack } from "./present-stack";
import { Problem } from "./problem";
import { Progress } from "./progress";
import type { StackSession } from "./stack";

/** Gathers the tools, opens the stack and works on it while no other run of ours does. */
export async function onStack(
    goal: Goal,
    work: (tools: Tools, session: StackSession) => Promise<number>,
): Promise<number> {
    const stack = presentStack();
    const file = join(stateDirectory(), "locks", `stack-${stack}.lock`);
    const lock = tryLock(file, `npm run ${goal}`);
    if (lock.release === undefined) {
        throw new Problem(
            `The stack ${stack} is being worked on by ${describeHolder(lock.holder, file)}. ` +
                "Wait for its end, or stop it with Ctrl-C in its terminal.",
        );
    }
    try {
        const cluster = await clusterKindOf(stack);
        const progress = new Progress(planSteps(goal, cluster).length);
        const tools = await gatherPlugins(await gather(goal, progress, cluster), goal, progress);
        const session = await progress.step(
            "Stack",
            (report) => openStack(tools, report),
            (opened) => `${opened.name}${tools.home.backendFolder === undefined ? "" : ", state on this machine"}`,
        );
        return await work(tools, session);
    } finally {
        lock.release();
    }
}
