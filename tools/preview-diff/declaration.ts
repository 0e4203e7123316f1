/** What crosses from the process that runs a program to the tool that compares: plain JSON, secrets masked. */

import type { Surroundings } from "./surroundings";

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** One side's program, and with what to run it. */
export interface RecorderTask {
    /** The bundled program. */
    program: string;
    project: string;
    stack: string;
    config: Record<string, string>;
    secretKeys: string[];
    /** Folders that differ from run to run, and what stands for them in the declaration. */
    folders: { path: string; placeholder: string }[];
    /** Folders of which it is known what is in them: looking there is looking at nothing else. */
    known: string[];
}

/** What a program declares. */
export interface Declaration {
    /** Sorted by URN; without the stack itself. */
    resources: DeclaredResource[];
    outputs: Record<string, Json>;
}

/** The recorder's answer: the declaration, or why there is none. */
export type RecorderAnswer = { declaration: Declaration; surroundings: Surroundings } | { error: string };

export interface DeclaredResource {
    urn: string;
    type: string;
    name: string;
    /** URN of the component that it is part of; "" for the stack's own. */
    parent: string;
    /** Secrets are {@link MaskedSecret}s, values that only an update would know are `"<unknown>"`. */
    inputs: Record<string, Json>;
    /** URN of its explicit provider, or "". */
    provider: string;
    options: ResourceOptions;
    aliases: { name?: string; type?: string }[];
    /** Of Docker images: what they are built from. */
    image?: ImageBuild;
}

export interface ResourceOptions {
    deleteBeforeReplace: boolean;
    ignoreChanges: string[];
    protect: boolean;
    replaceOnChanges: string[];
}

export interface ImageBuild {
    /** What stands for the built image in those that use it: `repository@sha256:…`. */
    reference: string;
    /** Digest of each file of the build context. */
    files: Record<string, string>;
}

const secretMark = "[secret]";

/** A secret: which one can be told, what it is can't. */
export type MaskedSecret = { [secretMark]: string };

export function maskedSecret(digest: string): MaskedSecret {
    return { [secretMark]: digest };
}

export function isMaskedSecret(value: Json | undefined): value is MaskedSecret {
    return typeof value === "object" && value !== null && !Array.isArray(value) && secretMark in value;
}
