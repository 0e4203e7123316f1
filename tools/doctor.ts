import { examine } from "./doctor/checks";
import { examinationText } from "./doctor/text";
import { presentStack } from "./present-stack";
import { runMain } from "./problem";

runMain(async () => {
    const results = await examine(presentStack());
    console.log(examinationText(results));
    return results.some(({ wrong }) => wrong.length > 0) ? 1 : 0;
});
