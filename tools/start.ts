import { MachineFolder } from "../machine/folder";
import { start } from "../machine/power";
import { ensureDocker } from "./docker";
import { presentStack } from "./present-stack";
import { runMain } from "./problem";
import { project } from "./stack";

runMain(async () => {
    const clusterName = `${project}-${presentStack()}`;
    if (new MachineFolder(clusterName).state.provider === "docker") {
        // An engine that `npm run up` has started by hand does not come back with the host.
        const say = (line: string) => console.log(line);
        await ensureDocker(Object.assign(say, { note: say }));
    }
    await start(clusterName);
});
