import { z } from "zod";

import { entryBoolean, entryInteger, entryObject, field } from "../entries";
import { commandField, containerFields, secondsField } from "./fields";

/** A command that runs once, to its end. */
export const batchJob = entryObject({
    kind: z.literal("batch"),
    ...containerFields(),
    command: commandField(),
    retries: field(entryInteger(0, 100).default(0), {
        description: "How often it is tried again after it failed.",
        expected: "a whole number from 0 to 100",
        example: "3",
    }),
    deadline: secondsField(
        "Seconds after which it is ended and counts as failed. Not set: it may run for ever.",
        "3600",
    ),
    wait: field(entryBoolean().default(true), {
        description: "`pulumi up` waits for its end, and fails if it does.",
        expected: "true or false",
        example: "false",
    }),
});
