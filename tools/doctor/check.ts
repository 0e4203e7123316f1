import type { Settings } from "../../components/settings/schema";

/** Something that is not right, and what to do. */
export interface Finding {
    /** A sentence without its full stop. */
    wrong: string;
    /** A command, or where no command does it, what to do by hand. */
    mend: string;
    /** The command without `sudo`, where `npm run up` may run it itself. */
    asRoot?: readonly string[];
}

/** What one check found. */
export interface CheckResult {
    /** What was looked at, in a word or two. */
    name: string;
    /** What there is, in a few words. */
    found: string;
    wrong: Finding[];
}

/** The stack whose health is asked for. */
export interface Subject {
    stack: string;
    /** Name of its cluster and of its machines' folder. */
    clusterName: string;
    settings: Settings;
    /** Its machines' containers that run. */
    containers: readonly string[];
    /** The command that gives a setting a value. */
    mend: (setting: string, value: number) => string;
    /** The value of an encrypted setting, or why it can't be read: that takes the engine and the stack's passphrase. */
    openSecret: (setting: string) => Promise<{ answer: string } | { why: string }>;
}

export type Check = (subject: Subject) => Promise<CheckResult>;
