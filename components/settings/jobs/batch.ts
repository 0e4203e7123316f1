import { z } from "zod";

import { entryBoolean, entryObject, field } from "../entries";
import { containerFields, runFields } from "./fields";

/** A command that runs once, to its end. */
export const batchJob = entryObject({
    kind: z.literal("batch"),
    ...containerFields(),
    ...runFields(),
    wait: field(entryBoolean().default(true), {
        description: "`pulumi up` waits for its end, and fails if it does.",
        expected: "true or false",
        example: "false",
    }),
});
