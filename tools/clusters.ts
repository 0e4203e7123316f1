import { clusters, stateInWords } from "../machine/clusters";
import { readOptions } from "../operations/options";
import { age, table } from "../operations/table";
import { runMain } from "./problem";
import { project } from "./stack";

const usage = "npm run clusters -- [--json]";

runMain(async () => {
    const { values } = readOptions(usage, { json: { type: "boolean", default: false } });
    const found = await clusters();
    if (values.json) {
        console.log(JSON.stringify(found, null, 4));
        return;
    }
    if (found.length === 0) {
        console.log("There are no clusters on this machine. `npm run up` makes one.");
        return;
    }
    const rows = found.map(({ clusterName, provider, nodes, created, addresses }) => [
        clusterName.replace(new RegExp(`^${project}-`), ""),
        provider,
        String(Object.keys(nodes).length),
        stateInWords(nodes),
        created === undefined ? "-" : age(Date.now() - created.getTime()),
        addresses.join(", ") || "-",
    ]);
    console.log(table(["STACK", "PROVIDER", "NODES", "STATE", "AGE", "ADDRESSES"], rows).join("\n"));
});
