import { z } from "zod";

import { entryInteger, entryObject, entryText, entryTexts, field, labelProblem } from "../entries";
import { exposureFields } from "./exposure";
import { commandField, containerFields, replicasField } from "./fields";

/** A port; without a default it has to be given. */
export function portField(description: string, example: string): z.ZodNumber;
export function portField(description: string, example: string, otherwise: number): z.ZodDefault<z.ZodNumber>;
export function portField(description: string, example: string, otherwise?: number) {
    const port = entryInteger(1, 65535);
    return field(otherwise === undefined ? port : port.default(otherwise), {
        description,
        expected: "a port number, 1 to 65535",
        example,
    });
}

const portEntry = entryObject({
    name: field(entryText((value) => (value.length <= 15 ? labelProblem(value) : "is no name")).default("http"), {
        description: "Its name.",
        expected: "a lower-case letter, then lower-case letters, digits and hyphens, at most 15 in all",
        example: "http",
    }),
    port: portField("The port at which clients call the service.", "80"),
    containerPort: field(portField("", "8080").optional(), {
        description: "The port at which the container listens, if it is another one.",
        expected: "a port number, 1 to 65535",
        example: "8080",
    }),
});

function uniquePorts(ports: readonly { name: string; port: number }[], context: z.RefinementCtx): void {
    for (const key of ["name", "port"] as const) {
        ports.forEach((entry, index) => {
            const first = ports.findIndex((other) => other[key] === entry[key]);
            if (first < index) {
                context.addIssue({
                    code: "custom",
                    path: [index, key],
                    message: `is the ${key} of port ${first} too`,
                });
            }
        });
    }
}

function probeField(description: string) {
    return field(
        entryObject({
            path: field(entryText((value) => (/^\/\S*$/.test(value) ? undefined : "is no path")).optional(), {
                description: "An HTTP path that answers 200 to 399 when all is well.",
                expected: "a path that begins with /",
                example: "/health",
            }),
            port: field(portField("", "8080").optional(), {
                description: "The container's port that is asked; the first one of `ports` if not set.",
                expected: "a port number, 1 to 65535",
                example: "8080",
            }),
            command: field(entryTexts().optional(), {
                description: "A command in the container that ends with 0 when all is well, instead of a path.",
                expected: "a list of texts",
                example: '["true"]',
            }),
        }).prefault({}),
        { description, expected: "path, port or command", example: '{ "path": "/health" }' },
    );
}

/** A program that keeps running and answers at a port. */
export const service = entryObject({
    kind: z.literal("service"),
    ...containerFields(),
    command: field(commandField().optional(), {
        description: "The command and its arguments, as a list; the image's own if not set.",
        expected: "a list of texts",
        example: '["python", "-m", "http.server", "8080"]',
    }),
    replicas: replicasField(),
    ports: field(
        z
            .array(portEntry, { error: ({ input }) => (input === undefined ? "is missing" : "is not a list of ports") })
            .min(1, { error: "is an empty list", abort: true })
            .superRefine(uniquePorts),
        {
            description: "The ports that it answers at.",
            expected: "a list of { port, containerPort, name }",
            example: '[{ "port": 80, "containerPort": 8080 }]',
        },
    ),
    readiness: probeField(
        "What tells that a pod can take requests: an HTTP `path` or a `command`; if neither is set, that something listens at the port.",
    ),
    liveness: probeField("What tells that a container has to be restarted, in the same way."),
    drain: field(entryInteger(0, 600).default(5), {
        description:
            "Seconds for which a pod that is about to stop goes on answering, until every node has learned not to send it requests.",
        expected: "a whole number of seconds, at most 600",
        example: "5",
    }),
    stopTimeout: field(entryInteger(1, 3600).default(30), {
        description: "Seconds that the program has to finish its requests after SIGTERM.",
        expected: "a whole number of seconds, at most 3600",
        example: "30",
    }),
    autoscale: field(
        entryObject({
            min: field(entryInteger(1, 100).default(1), {
                description: "Fewest replicas.",
                expected: "a whole number from 1 to 100",
                example: "2",
            }),
            max: field(entryInteger(1, 100), {
                description: "Most replicas.",
                expected: "a whole number from 1 to 100",
                example: "5",
            }),
            cpu: field(entryInteger(1, 1000).default(80), {
                description: "Use of the reserved processors, in percent, that the number of replicas aims at.",
                expected: "a whole number of percent",
                example: "80",
            }),
        })
            .superRefine(({ min, max }, context) => {
                if (max < min) {
                    context.addIssue({ code: "custom", path: ["max"], message: `is less than min, ${min}` });
                }
            })
            .optional(),
        {
            description:
                "Replicas by load, in place of `replicas`. It needs a metrics server in the cluster, which this program does not bring. Not set: off.",
            expected: "max, and min and cpu if wanted",
            example: '{ "min": 1, "max": 3 }',
        },
    ),
    ...exposureFields(),
});
