import * as pulumi from "@pulumi/pulumi";

/** What is wrong with a cluster that exists already, and what to do. Pulumi shows a RunError's text without a stack trace. */
export class ClusterError extends pulumi.RunError {
    /**
     * @param wrong A sentence without its full stop.
     * @param mend What to do; a command stands at the end of each line.
     */
    constructor(
        readonly wrong: string,
        readonly mend: string,
    ) {
        super(
            `${wrong.charAt(0).toUpperCase()}${wrong.slice(1)}.\n${mend}\n\`npm run doctor\` looks at it and the rest again.`,
        );
        this.name = "ClusterError";
    }
}
