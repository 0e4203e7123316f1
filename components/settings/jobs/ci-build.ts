import { z } from "zod";

import type { Commit } from "../../workloads/ci-build/git";
import { entryName, entryObject, entryText, field } from "../entries";
import { registryProblem } from "../registry-name";
import { commandField, envField, imageField, resourcesField, secondsField } from "./fields";

/** A repository's name, as a registry's path has it. */
function repositoryProblem(value: string): string | undefined {
    return registryProblem(`registry.example/${value}`) === undefined ? undefined : "is no name of an image";
}

const argumentName = entryText((value) =>
    /^[A-Za-z_][A-Za-z0-9_]*$/.test(value) ? undefined : "is no name of a build argument",
);

/** The commit is put there once it is looked up (checkouts.ts). */
const checkout = entryText().transform((folder): { folder: string; commit?: Commit } => ({ folder }));

/** A git commit, whose tests run in the cluster, and whose image is built there. */
export const ciBuild = entryObject({
    kind: z.literal("ci-build"),
    name: entryName(),
    checkout: field(checkout, {
        description:
            "The git checkout, or a folder in one, from the project's folder or absolute. What is committed counts.",
        expected: "the path of a git checkout",
        example: "../my-app",
    }),
    ref: field(entryText().default("HEAD"), {
        description: "What is built: a commit, tag or branch.",
        expected: "a commit, tag or branch of the checkout",
        example: "main",
    }),
    tests: field(
        entryObject({
            image: imageField(),
            command: commandField(),
            env: envField(),
            resources: resourcesField("250m", "512Mi"),
        }),
        {
            description: "The tests: what runs in which image, in a copy of the checkout. They have no network.",
            expected: "image and command",
            example: '{ "image": "htmengine", "command": ["python", "-m", "pytest"] }',
        },
    ),
    image: field(entryText(repositoryProblem).optional(), {
        description:
            "Name of the image in the stack's registry. It is tagged with the commit and `latest`. Not set: the entry's name.",
        expected:
            "lower-case letters, digits and single separators . _ - / other than the names of this program's images",
        example: "my-app",
    }),
    dockerfile: field(entryText().default("Dockerfile"), {
        description: "The Dockerfile. Its images come from the stack's registry; its RUN lines have no network.",
        expected: "the path of a file in the checkout",
        example: "Dockerfile",
    }),
    buildArgs: field(z.record(argumentName, entryText().or(z.literal(""))).default({}), {
        description: "Build arguments (`ARG`). They are no place for secrets: the image has them.",
        expected: "names (letters, digits and _) with text",
        example: "{}",
    }),
    resources: resourcesField("500m", "1Gi"),
    deadline: secondsField(
        "Seconds after which what still runs is ended and counts as failed; its log stays. Not set: it may run for ever.",
        "3600",
    ),
});
