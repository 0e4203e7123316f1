import { hostsToml, registryFolder } from "../cloud-init/registry-hosts";
import { MachineError } from "./errors";
import { execute } from "./execute";
import { MachineFolder } from "./folder";
import type { Result } from "./process";
import { Progress } from "./progress";
import type { NodeRegistry, RegistrySpec } from "./spec";

/** In the cluster's folder: the registry beside the cluster's own that the nodes were told of. */
const recordFile = "registry.json";

/** Runs a shell script as root on a node. */
type Execute = (node: string, script: string) => Promise<Result>;

function recorded(folder: MachineFolder): NodeRegistry | undefined {
    const text = folder.read(recordFile);
    return text === undefined || text === "" ? undefined : (JSON.parse(text) as NodeRegistry);
}

/** A file that appears on the node at once and whole. */
function writeFile(path: string, content: string): string {
    const encoded = Buffer.from(content).toString("base64");
    return `echo ${encoded} | base64 -d >'${path}.new' && mv '${path}.new' '${path}'`;
}

/**
 * The script that lets containerd on a node reach a registry, in place of another one. containerd reads these files at each
 * pull, so it need not start again.
 */
export function registryScript(registry: NodeRegistry | undefined, former?: NodeRegistry): string {
    const lines = ["set -e"];
    if (former !== undefined && former.host !== registry?.host) {
        lines.push(`rm -rf '${registryFolder(former.host)}'`);
    }
    if (registry !== undefined) {
        const folder = registryFolder(registry.host);
        const endpoint = `${registry.insecure ? "http" : "https"}://${registry.host}`;
        const ca = `${folder}/ca.crt`;
        lines.push(
            `mkdir -p '${folder}'`,
            registry.ca === undefined ? `rm -f '${ca}'` : writeFile(ca, registry.ca),
            writeFile(`${folder}/hosts.toml`, hostsToml(endpoint, registry.ca === undefined ? undefined : ca)),
        );
    }
    return lines.join("\n");
}

async function tell(nodes: readonly string[], script: string, run: Execute): Promise<void> {
    const results = await Promise.all(nodes.map((node) => run(node, script)));
    results.forEach(({ code, stderr }, index) => {
        if (code !== 0) {
            throw new MachineError(`the registry can't be made known on ${nodes[index]}: ${stderr.trim()}`);
        }
    });
}

/** Lets all nodes of a running cluster pull from a registry, in place of the one that they were told of before. */
export async function setRegistry({ clusterName, nodes, registry }: RegistrySpec): Promise<void> {
    const folder = new MachineFolder(clusterName);
    const progress = new Progress(clusterName);
    try {
        progress.step(registry === undefined ? "registry: the cluster's own alone" : `registry: ${registry.host}`);
        const script = registryScript(registry, recorded(folder));
        await tell(nodes, script, (node, text) => execute(folder, node, text));
        // After it, so that a run that was cut short leaves the former one known, which must go.
        folder.write(recordFile, registry === undefined ? "" : JSON.stringify(registry));
    } finally {
        progress.end();
    }
}

/** Tells nodes that are new, or were made anew, of the registry that the cluster was told of. */
export async function restoreRegistry(folder: MachineFolder, nodes: readonly string[], run: Execute): Promise<void> {
    const registry = recorded(folder);
    if (registry !== undefined) {
        await tell(nodes, registryScript(registry), run);
    }
}
