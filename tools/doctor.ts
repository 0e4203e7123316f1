import { checkMachine } from "./checks";
import { presentStack } from "./present-stack";
import { problemOf, runMain } from "./problem";

runMain(async () => {
    const problem = problemOf(await checkMachine(presentStack()));
    if (problem !== undefined) {
        throw problem;
    }
    console.log("Memory, disk, ports and settings are fine for `npm run up`.");
});
