import { parseArgs, type ParseArgsConfig } from "node:util";
import { Problem } from "../tools/problem";

/** The command line of a tool by its options' definitions. Words after `--` are the rest. @throws Problem with the usage. */
export function readOptions<T extends NonNullable<ParseArgsConfig["options"]>>(usage: string, options: T) {
    const given = process.argv.slice(2);
    const end = given.indexOf("--");
    const own = end < 0 ? given : given.slice(0, end);
    try {
        const parsed = parseArgs({ args: own, options, allowPositionals: true, strict: true });
        return { ...parsed, rest: end < 0 ? [] : given.slice(end + 1) };
    } catch (error) {
        const [first] = (error as Error).message.split(". To specify");
        throw new Problem(`${first}\n\nUsage: ${usage}`, 2);
    }
}
