import { table } from "../../operations/table";
import type { CheckResult, Finding } from "./check";

/** A finding as text: what is wrong, and below it what mends it. */
export function findingText({ wrong, mend }: Finding): string {
    // Names of settings and hosts stay as they are written.
    const sentence = /^[a-z]+ /.test(wrong) ? `${wrong.charAt(0).toUpperCase()}${wrong.slice(1)}` : wrong;
    return `${sentence}${/[.\n]$/.test(wrong) ? "" : "."}\n  mend: ${mend}`;
}

/** The table of all checks, and below it what is wrong. */
export function examinationText(results: readonly CheckResult[]): string {
    const rows = results.map(({ name, found, wrong }) => [name, wrong.length === 0 ? "ok" : "wrong", found]);
    const findings = results.flatMap(({ name, wrong }) =>
        wrong.map((finding) => `${name}: ${findingText(finding).replaceAll("\n", "\n  ")}`),
    );
    return [...table(["CHECK", "STATE", "FOUND"], rows), ...findings.flatMap((text) => ["", text])].join("\n");
}
