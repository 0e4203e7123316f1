import { z } from "zod";

import { entryBoolean, entryChoice, entryInteger, entryObject, entryText, entryTexts, field } from "../entries";
import { commandField, containerFields, secondsField } from "./fields";

const oneLine = entryText((value) => (value.includes("\n") ? "has more than one line" : undefined));

/** `list` holds the tasks; those of a file are put there once it is read (task-files.ts). */
const tasks = z.union(
    [
        z
            .array(oneLine)
            .min(1)
            .transform((list): { list: readonly string[]; file?: string } => ({ list })),
        z
            .strictObject({ file: entryText() })
            .transform(({ file }): { list: readonly string[]; file?: string } => ({ list: [], file })),
        z.strictObject({ command: entryTexts() }),
    ],
    { error: ({ input }) => (input === undefined ? "is missing" : "is neither tasks, { file } nor { command }") },
);

/** Many tasks on many workers, over RabbitMQ. */
export const parallelJob = entryObject({
    kind: z.literal("parallel"),
    ...containerFields(),
    tasks: field(tasks, {
        description:
            "The tasks, each one line: a list, `{ file }` with the path of a text file, or `{ command }`, a command that " +
            "runs in the image and prints them. Blank lines count for nothing.",
        expected: "a list of texts of one line, or { file: <path> }, or { command: [<program>, <argument>, ...] }",
        example: '["echo one", "echo two"]',
    }),
    command: field(commandField().default(["/bin/sh", "-c"]), {
        description:
            "What runs a task, in the image: the task is its last argument. The default takes a task for a shell's command.",
        expected: "a list of texts",
        example: '["/bin/sh", "-c"]',
    }),
    workers: field(entryInteger(0, 1000).default(2), {
        description: "How many workers while it runs: each runs one task at a time. It can be changed meanwhile.",
        expected: "a whole number from 0 to 1000",
        example: "4",
    }),
    tries: field(entryInteger(1, 100).default(3), {
        description: "How often a failing task is run before it has failed for good.",
        expected: "a whole number from 1 to 100",
        example: "3",
    }),
    taskTimeout: secondsField(
        "Seconds after which a try is ended and has failed. Not set: it may take any time.",
        "600",
    ),
    deadline: secondsField(
        "Seconds after which the job ends with the tasks that have ended by then. Not set: it may run for ever.",
        "3600",
    ),
    broker: field(entryChoice(["stack", "own"]).default("stack"), {
        description: "RabbitMQ: the stack's, or `own`, one for this job alone.",
        expected: "stack or own",
        example: "own",
    }),
    storage: field(
        entryText((value) => (/^[1-9]\d{0,5}(Mi|Gi|Ti)$/.test(value) ? undefined : "is no size")).default("1Gi"),
        {
            description:
                "Size of the volume for the results, and of the job's own RabbitMQ's. In the Vagrant machine its disk is the only limit.",
            expected: "a number with one of the units Mi, Gi, Ti",
            example: "1Gi",
        },
    ),
    wait: field(entryBoolean().default(false), {
        description: "`pulumi up` waits for its end, and fails if a task did.",
        expected: "true or false",
        example: "true",
    }),
});
