import { docker } from "../../machine/docker";
import { run } from "../../machine/process";
import { ok } from "./machine-under-test";

/**
 * Makes an image with socat and cat from a node's own programs, and pushes it to the registry at that port of this machine.
 *
 * @returns its reference, the same on this machine and on the nodes
 */
export async function pushPodImage(node: string, registryPort: number): Promise<string> {
    const reference = `localhost:${registryPort}/socat:test`;
    const files = "$(ldd /usr/bin/socat /bin/cat | grep -o '/[^ :]*' | sort -u)";
    await ok(
        run("sh", [
            "-c",
            `docker exec ${node} sh -c "tar --create --dereference ${files.replaceAll("$", "\\$")}" 2>/dev/null | ` +
                `docker import - ${reference}`,
        ]),
    );
    await ok(docker(["push", reference]));
    await ok(docker(["rmi", reference]));
    return reference;
}
