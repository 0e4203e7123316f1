import * as pulumi from "@pulumi/pulumi";

/** What is wrong with a cluster that exists already, and what to do. Pulumi shows a RunError's text without a stack trace. */
export class ClusterError extends pulumi.RunError {
    /**
     * @param wrong A sentence without its full stop.
     * @param mend Sentences; commands stand at the end.
     */
    constructor(wrong: string, mend: string) {
        super(`${wrong.charAt(0).toUpperCase()}${wrong.slice(1)}.\n${mend}\n(npm run doctor checks it again.)`);
        this.name = "ClusterError";
    }
}
