/**
 * The life of a cluster's machines: `main.ts up|update|stop|start|kubeconfig|registry|address-pool|destroy|status`. The
 * specification is YAML in the environment variable NTA_MACHINE, else on standard input; `stop`, `start`, `destroy` and
 * `status` take the cluster's name as an argument as well. Progress goes to standard error, results to standard output.
 */
import { parse } from "yaml";

import { addressPool } from "./address-pool";
import { destroy } from "./destroy";
import { MachineError } from "./errors";
import { kubeconfig } from "./kubeconfig";
import { start, stop } from "./power";
import { stopChildren } from "./process";
import { setRegistry } from "./registry";
import { parseClusterName, parseEndpointSpec, parseMachineSpec, parsePoolSpec, parseRegistrySpec } from "./spec";
import { status } from "./status";
import { up } from "./up";

async function readInput(): Promise<unknown> {
    let text = process.env.NTA_MACHINE ?? "";
    if (text === "" && !process.stdin.isTTY) {
        for await (const chunk of process.stdin.setEncoding("utf8")) {
            text += chunk as string;
        }
    }
    try {
        // YAML, of which JSON is a part.
        const specification: unknown = parse(text);
        if (typeof specification === "object" && specification !== null) {
            return specification;
        }
    } catch (error) {
        throw new MachineError(`the machine's specification is no YAML: ${(error as Error).message}`);
    }
    throw new MachineError("the machine's specification is missing: YAML in NTA_MACHINE or on standard input");
}

async function nameFrom(argument: string | undefined): Promise<string> {
    return parseClusterName(argument === undefined ? await readInput() : { clusterName: argument });
}

async function main([command, argument]: string[]): Promise<void> {
    switch (command) {
        case "up":
        case "update": {
            const spec = parseMachineSpec(await readInput());
            await up(spec, command === "update");
            console.log(JSON.stringify({ clusterName: spec.clusterName, nodes: spec.nodes.map((node) => node.name) }));
            return;
        }
        case "kubeconfig":
            process.stdout.write(await kubeconfig(parseEndpointSpec(await readInput())));
            return;
        case "stop":
            return stop(await nameFrom(argument));
        case "start":
            return start(await nameFrom(argument));
        case "registry":
            return setRegistry(parseRegistrySpec(await readInput()));
        case "forget-registry":
            return setRegistry({ ...parseRegistrySpec(await readInput()), registry: undefined });
        case "address-pool":
            process.stdout.write(await addressPool(parsePoolSpec(await readInput())));
            return;
        case "destroy":
            return destroy(await nameFrom(argument));
        case "status":
            console.log(JSON.stringify(await status(await nameFrom(argument)), null, 4));
            return;
        default:
            throw new MachineError(
                "usage: machine/main.ts up|update|stop|start|kubeconfig|registry|forget-registry|address-pool|destroy|status " +
                    "[cluster]",
            );
    }
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
        process.stderr.write("interrupted; the same command takes up what there is\n");
        stopChildren();
        process.exit(130);
    });
}

main(process.argv.slice(2)).then(
    () => process.exit(0),
    (error: unknown) => {
        const text =
            error instanceof MachineError ? error.message : error instanceof Error ? error.stack : String(error);
        process.stderr.write(`error: ${text}\n`);
        process.exit(1);
    },
);
