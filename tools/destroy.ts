import { runMain } from "./problem";
import { onStack } from "./stack-command";
import { destroyStack } from "./stack-destroy";

runMain(() =>
    onStack("destroy", async (tools, session) => {
        const args = process.argv.slice(2);
        const asks = process.stdin.isTTY === true && process.stdout.isTTY === true && process.env.CI === undefined;
        const yes = asks || args.includes("--yes") || args.includes("-y") ? [] : ["--yes"];
        const preview = asks ? [] : ["--skip-preview"];
        console.log("");
        const code = await destroyStack(tools, session, [...yes, ...preview, ...args]);
        if (code !== 0) {
            console.error(
                "\nWhat could not be removed is still in the stack: run `npm run destroy` again when the cause is mended.",
            );
        }
        return code;
    }),
);
