import type { SettingsContext } from "./context";
import type { Setting } from "./fields";
import { removeCommand, type Report, shellWord, shown } from "./problems";
import { settingsByName } from "./schema";

/** What is wrong with a job's field, and what would be right; without an example, the field is to be removed. */
export interface FieldProblem {
    /** As the rest of a sentence that begins with the field. */
    wrong: string;
    right: string;
    /** Value for the command that mends it. */
    example?: string;
    /** Field that gets the example, if it is another one. */
    mends?: string;
}

/** Says what is wrong with one field of one job, where more than the field itself had to be looked at. */
export function jobReport(context: SettingsContext, report: Report) {
    return (index: number, field: string, value: unknown, { wrong, right, example, mends }: FieldProblem): void => {
        const at = (name: string) => `jobs[${index}].${name}`;
        report(settingsByName.get("jobs") as Setting, wrong, {
            key: `${context.project}:${at(field)}`,
            value: shown(value),
            right,
            mend:
                example === undefined
                    ? removeCommand(at(field), true)
                    : `pulumi config set --path ${shellWord(at(mends ?? field))} ${example}`,
        });
    };
}
