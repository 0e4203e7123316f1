import { stopDocker } from "./docker";
import { runMain } from "./problem";

runMain(async () => {
    console.log(
        (await stopDocker())
            ? "The Docker engine that `npm run up` had started is stopped."
            : "No Docker engine runs that `npm run up` started; a system service is stopped with `systemctl stop docker`.",
    );
});
