import { z } from "zod";

import { entryChoice, entryInteger, entryName, entryObject, entryText, field, labelProblem } from "./entries";

/** Kubernetes' own roles for people, from reading to handing out rights. */
export const userRoles = ["view", "edit", "admin"] as const;

/** One entry of the setting `users`. */
export const user = entryObject({
    name: entryName(),
    role: field(entryChoice(userRoles).default("view"), {
        description:
            "What the user may do in the namespaces: `view` looks at everything but Secrets, `edit` changes workloads and reads " +
            "Secrets, `admin` also gives rights to others.",
        expected: `one of ${userRoles.join(", ")}`,
        example: "edit",
    }),
    namespaces: field(z.array(entryText(labelProblem), "is not a list of names").default([]), {
        description: "Namespaces that the role counts in, which exist already. None given: the one of `namespace`.",
        expected: "a list of names of namespaces",
        example: '["taurus"]',
    }),
    days: field(entryInteger(1, 365).default(30), {
        description:
            "Days that a certificate is good for. `pulumi up` makes a new one when half of them are over: an update at least that " +
            "often keeps the user in.",
        expected: "a whole number of days from 1 to 365",
        example: "30",
    }),
});

/** A person with rights of their own, checked, with defaults filled in. */
export type User = z.output<typeof user>;
