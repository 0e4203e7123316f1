import { ensureDocker } from "./docker";
import { ensureNodeImage, ensurePackages, wantedKubernetes } from "./gather";
import { runMain } from "./problem";
import { Progress } from "./progress";

/** `npm run box`: the node image as boxes for libvirt and VirtualBox, made and verified. */
runMain(async () => {
    const progress = new Progress(3);
    await progress.step("Debian packages", (report) => ensurePackages("box", "vagrant", report), String);
    await progress.step("Docker engine", ensureDocker, String);
    await progress.step(
        "Boxes",
        async (report) => ensureNodeImage(["libvirt", "virtualbox"], report, await wantedKubernetes()),
        String,
    );
});
