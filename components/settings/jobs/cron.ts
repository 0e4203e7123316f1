import { Cron } from "croner";
import { z } from "zod";

import { entryBoolean, entryChoice, entryInteger, entryObject, entryText, field } from "../entries";
import { containerFields, runFields, secondsField } from "./fields";

/**
 * What is wrong with a schedule, as Kubernetes takes them: five fields or one of cron's words. The library knows more than
 * Kubernetes does (L, W and #, 7 for Sunday), so these are sorted out first.
 */
export function scheduleProblem(schedule: string): string | undefined {
    if (/^@every\s/.test(schedule)) {
        return /^@every (\d+(\.\d+)?(h|m|s))+$/.test(schedule)
            ? undefined
            : "is no schedule: @every wants 1h30m or the like";
    }
    if (/^@(yearly|annually|monthly|weekly|daily|midnight|hourly)$/.test(schedule)) {
        return undefined;
    }
    const fields = schedule.trim().split(/\s+/);
    if (fields.length !== 5) {
        return `is no schedule: it has ${fields.length} fields`;
    }
    const foreign = fields.find((text) => !/^[\d*,/?-]+$/.test(text.replace(/[a-z]{3}/gi, "0")));
    if (foreign !== undefined || /(^|[,-])7/.test(fields[4])) {
        return `is no schedule that Kubernetes understands: ${JSON.stringify(foreign ?? fields[4])}`;
    }
    try {
        const next = new Cron(schedule, { paused: true, mode: "5-part" }).nextRun();
        return next === null ? "is no time that ever comes" : undefined;
    } catch (error) {
        return `is no schedule: ${(error as Error).message.replace(/^CronPattern: /, "")}`;
    }
}

function timeZoneProblem(name: string): string | undefined {
    try {
        new Intl.DateTimeFormat("en", { timeZone: name });
        // Offsets such as +02:00 are no time zones to Kubernetes.
        return /^[A-Za-z]/.test(name) ? undefined : "is no time zone";
    } catch {
        return "is no time zone";
    }
}

function historyField(which: string, value: number) {
    return field(entryInteger(0, 100).default(value), {
        description: `How many ${which} runs are kept, with their logs.`,
        expected: "a whole number from 0 to 100",
        example: String(value),
    });
}

/** A command that runs at given times. */
export const cronJob = entryObject({
    kind: z.literal("cron"),
    ...containerFields(),
    schedule: field(entryText(scheduleProblem), {
        description: "When it runs: minute, hour, day of the month, month, day of the week.",
        expected: "five fields as in a crontab, or @hourly, @daily, @weekly, @monthly, @yearly, @every 90m",
        example: "30 2 * * *",
    }),
    timeZone: field(entryText(timeZoneProblem).default("Etc/UTC"), {
        description: "The time zone of the schedule; daylight saving time is taken into account.",
        expected: "an IANA name such as Europe/Berlin",
        example: "Europe/Berlin",
    }),
    ...runFields(),
    concurrencyPolicy: field(entryChoice(["Allow", "Forbid", "Replace"]).default("Forbid"), {
        description:
            "When it is time and the run before still goes on: both run (`Allow`), the new one is left out (`Forbid`), or the old one is ended (`Replace`).",
        expected: "Allow, Forbid or Replace",
        example: "Forbid",
    }),
    suspend: field(entryBoolean().default(false), {
        description: "Does not begin by itself; `npm run job` still runs it.",
        expected: "true or false",
        example: "true",
    }),
    startingDeadline: secondsField(
        "Seconds by which a start may be late when the cluster was down at its time. Not set: the last start that was missed is made up for.",
        "300",
    ),
    keepSucceeded: historyField("successful", 3),
    keepFailed: historyField("failed", 3),
});
