/**
 * `main.ts trust|forget`: lets Docker on this machine use a registry, or takes that back. Reads `{"host": …, "ca": …}` or
 * `{"host": …, "insecure": true}` from standard input.
 */
import { text } from "node:stream/consumers";

import { Problem, runMain } from "../tools/problem";
import { type DockerTrust, forget, trust } from "./docker-trust";

runMain(async () => {
    const trusted = JSON.parse(await text(process.stdin)) as DockerTrust;
    switch (process.argv[2]) {
        case "trust":
            return trust(trusted, (line) => process.stderr.write(`${line}\n`));
        case "forget":
            return forget(trusted);
        default:
            throw new Problem("usage: main.ts trust|forget");
    }
});
