import { Problem } from "../tools/problem";

/** A problem of the machines that the user can act on: printed as one message, without a stack trace. */
export class MachineError extends Problem {
    override name = "MachineError";
}

/** The first machine, which holds the cluster itself, is gone with its disk. */
export function firstMachineLost(name: string): MachineError {
    return new MachineError(
        `the machine ${name} and its disk were deleted behind Pulumi's back. Lost with them are the cluster's own state, the ` +
            "images in its registry, and all data in its volumes: databases, queues, models.\n" +
            "To make everything anew, empty: npm run up -- --rebuild",
    );
}
