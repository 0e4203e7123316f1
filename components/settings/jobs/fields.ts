import { z } from "zod";

import { isImageName } from "../../images/catalog";
import { entryInteger, entryName, entryObject, entryText, entryTexts, field } from "../entries";
import { entryLabels, entryTaints, labelKeyProblem, taintForm } from "../labels";

function imageProblem(value: string): string | undefined {
    if (isImageName(value)) {
        return undefined;
    }
    // An image of the registry's that is not ours says so by a tag, a digest or a path.
    return /^[\w.:/-]+(@sha256:[0-9a-f]{64})?$/.test(value) && /[:/@]/.test(value)
        ? undefined
        : "is neither an image of this program nor a reference with a path, tag or digest";
}

/** The container's image. */
export function imageField() {
    return field(entryText(imageProblem), {
        description:
            "The container's image: one that this program builds, by its name, or a reference that the cluster can pull.",
        expected: "the name of a folder under images/, or a reference such as registry.example.com:5000/team/tool:1.2",
        example: "htmengine",
    });
}

const variableName = entryText((value) =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : "is no name of an environment variable",
);

/** A variable's value: text, or a key of a Kubernetes Secret in the same namespace. */
const variableValue = z.union(
    [entryText().or(z.literal("")), z.strictObject({ secret: z.string(), key: z.string() })],
    {
        error: "is neither text nor a key of a Secret",
    },
);

export function envField() {
    return field(z.record(variableName, variableValue).default({}), {
        description:
            "Environment variables: text, or `{ secret, key }` for a key of a Kubernetes Secret in the namespace.",
        expected: "names (letters, digits and _) with text, or with { secret, key }",
        example: "{}",
    });
}

export function commandField() {
    return field(entryTexts(), {
        description: "The command and its arguments, as a list; no shell reads it.",
        expected: "a list of texts",
        example: '["true"]',
    });
}

const quantity = (pattern: RegExp) =>
    entryText((value) => (pattern.test(value) ? undefined : "is no Kubernetes quantity"));

/** What the container asks for, and the memory that it may not exceed. */
export function resourcesField(defaultCpu = "100m", defaultMemory = "256Mi") {
    const cpu = quantity(/^(\d+m|\d+(\.\d+)?)$/);
    const memory = quantity(/^[1-9]\d*(Mi|Gi)$/);
    return field(
        entryObject({
            cpu: field(cpu.default(defaultCpu), {
                description: "Processors that are reserved.",
                expected: "processors (2, 0.5) or thousandths (250m)",
                example: "250m",
            }),
            memory: field(memory.default(defaultMemory), {
                description: "Memory that is reserved, and the limit as well.",
                expected: "a number with one of the units Mi, Gi",
                example: "256Mi",
            }),
        }).prefault({}),
        {
            description: "What the container needs: `cpu`, `memory`.",
            expected: "cpu and memory",
            example: '{ "cpu": "250m", "memory": "256Mi" }',
        },
    );
}

export function secondsField(what: string, example: string) {
    return field(entryInteger(1, 30 * 24 * 3600).optional(), {
        description: what,
        expected: "a whole number of seconds, at most 30 days",
        example,
    });
}

/** Which nodes pods may run on. */
export const placementFields = () => ({
    nodeSelector: field(entryLabels(labelKeyProblem).optional(), {
        description:
            "Labels that a node must have for its pods to run there, of a parallel job for its workers. Not set: none.",
        expected: "labels, as a node pool has them",
        example: '{ "nta/pool": "batch" }',
    }),
    tolerations: field(entryTaints(labelKeyProblem).optional(), {
        description: "Taints of nodes that do not keep its pods away.",
        expected: taintForm,
        example: '["dedicated=batch:NoSchedule"]',
    }),
});

/** What every kind of job has that runs a command in a container. */
export const containerFields = () => ({
    name: entryName(),
    image: imageField(),
    env: envField(),
    resources: resourcesField(),
    ...placementFields(),
});

/** What every kind has whose command runs to an end. */
export const runFields = () => ({
    command: commandField(),
    retries: field(entryInteger(0, 100).default(0), {
        description: "How often it is tried again after it failed.",
        expected: "a whole number from 0 to 100",
        example: "3",
    }),
    deadline: secondsField(
        "Seconds after which what still runs is ended and counts as failed; its log stays. Not set: it may run for ever.",
        "3600",
    ),
});

export function replicasField() {
    return field(entryInteger(0, 100).default(1), {
        description: "How many pods answer.",
        expected: "a whole number from 0 to 100",
        example: "2",
    });
}
