/** Something that the user has to know and can do something about: shown as it is, without a stack trace. */
export class Problem extends Error {
    override name = "Problem";

    constructor(
        message: string,
        /** The exit code that the tool ends with. */
        readonly exitCode = 1,
    ) {
        super(message);
    }
}

/** Several problems found in one go, in one message. */
export function problemOf(messages: readonly string[]): Problem | undefined {
    if (messages.length === 0) {
        return undefined;
    }
    const [only] = messages;
    return new Problem(
        messages.length === 1 && only !== undefined
            ? only
            : `${messages.length} problems:\n${messages.map((message) => `  - ${message.replaceAll("\n", "\n    ")}`).join("\n")}`,
    );
}

/** Runs a tool's main function: problems become a message on stderr and an exit code. */
export function runMain(main: () => Promise<number | void>): void {
    main().then(
        (code) => {
            process.exitCode = code ?? 0;
        },
        (error: unknown) => {
            if (error instanceof Problem) {
                process.stderr.write(`\n${error.message}\n`);
                process.exitCode = error.exitCode;
            } else {
                process.stderr.write(`\n${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
                process.exitCode = 1;
            }
        },
    );
}
