/** `pulumi-resource-command`: stands in for Pulumi's command provider where that can't be had. */
import { serve } from "../protocol";
import { localCommand, runFunction } from "./local-command";

void serve({
    name: "command",
    version: process.env.PLUGIN_VERSION ?? "0.0.0",
    covers: ["command:local:Command", "command:local:run"],
    resource: (type) => (type === "command:local:Command" ? localCommand : undefined),
    function: (token) => (token === "command:local:run" ? runFunction : undefined),
});
