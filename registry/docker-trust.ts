import { existsSync, readFileSync } from "node:fs";
import { BlockList, isIP } from "node:net";
import { join } from "node:path";

import { tryCommand } from "../tools/command";
import { Problem } from "../tools/problem";
import { isLoopback } from "../plugins/docker/registry-http";

/** What Docker on this machine has to trust: a registry's authority, or that it speaks plain HTTP. */
export type DockerTrust = { host: string; ca: string } | { host: string; insecure: true };

const certificates = "/etc/docker/certs.d";

/** The part of `docker info` that says which registries may speak plain HTTP. */
export interface RegistryConfig {
    InsecureRegistryCIDRs?: string[] | null;
    IndexConfigs?: Record<string, { Secure?: boolean }> | null;
}

/** Whether a Docker engine takes a registry without a certificate: it is listed by name, or by its address's range. */
export function isInsecureFor(config: RegistryConfig, host: string): boolean {
    if (config.IndexConfigs?.[host]?.Secure === false) {
        return true;
    }
    const address = host.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
    const family = isIP(address);
    if (family === 0) {
        return address === "localhost";
    }
    const ranges = new BlockList();
    for (const range of config.InsecureRegistryCIDRs ?? []) {
        const [network, prefix] = range.split("/");
        if (isIP(network) === family) {
            ranges.addSubnet(network, Number(prefix), family === 4 ? "ipv4" : "ipv6");
        }
    }
    return ranges.check(address, family === 4 ? "ipv4" : "ipv6");
}

/** A command's words with root's rights, where this user needs more for that. */
function asRoot(words: [string, ...string[]]): [string, ...string[]] {
    return process.getuid?.() === 0 ? words : ["sudo", "-n", ...words];
}

/** Docker takes the address of an engine elsewhere from the environment; files of this machine are not that engine's. */
function engineElsewhere(): boolean {
    const host = process.env.DOCKER_HOST ?? "";
    return host !== "" && !host.startsWith("unix://");
}

async function trustAuthority(host: string, ca: string, report: (line: string) => void): Promise<void> {
    const folder = join(certificates, host);
    const file = join(folder, "ca.crt");
    if (existsSync(file) && readFileSync(file, "utf8") === ca) {
        return;
    }
    const command = `sudo mkdir -p ${folder} && sudo tee ${file} < <the certificate's file>`;
    if (engineElsewhere()) {
        throw new Problem(
            `the Docker engine at ${process.env.DOCKER_HOST} has to trust ${host}'s authority: on its machine, run\n    ${command}`,
        );
    }
    // Docker reads the folder at each pull and push: it need not start again.
    const made = await tryCommand(asRoot(["mkdir", "-p", folder]), { timeout: 30_000 });
    const written = made.code === 0 ? await tryCommand(asRoot(["tee", file]), { input: ca, timeout: 30_000 }) : made;
    if (written.code !== 0) {
        throw new Problem(
            `Docker has to trust ${host}'s authority, and this user may not write ${file} ` +
                `(${written.stderr.trim().split("\n").at(-1)}). As root, or with sudo, run\n    ${command}`,
        );
    }
    report(`Docker trusts ${host} by ${file}`);
}

async function checkInsecure(host: string): Promise<void> {
    const info = await tryCommand(["docker", "info", "--format", "{{json .RegistryConfig}}"], { timeout: 30_000 });
    if (info.code !== 0) {
        throw new Problem(`no Docker engine answers: ${info.stderr.trim().split("\n").at(-1)}`);
    }
    if (!isInsecureFor(JSON.parse(info.stdout) as RegistryConfig, host)) {
        throw new Problem(
            `${host} speaks plain HTTP (nta:registryInsecure), which Docker on this machine does not allow. Add to ` +
                `/etc/docker/daemon.json\n    "insecure-registries": ["${host}"]\n` +
                "and let Docker read it, which stops no container:\n" +
                "    sudo systemctl reload docker    (or: sudo kill -HUP $(pidof dockerd))",
        );
    }
}

/**
 * Lets the Docker engine of this machine use a registry: writes its authority to where Docker looks for it, with sudo where
 * that works without a password; makes sure that plain HTTP is allowed.
 *
 * @throws Problem that says what to do as root, where this user may not.
 */
export async function trust(trusted: DockerTrust, report: (line: string) => void): Promise<void> {
    if (isLoopback(trusted.host)) {
        return; // trusted whatever it is
    }
    await ("ca" in trusted ? trustAuthority(trusted.host, trusted.ca, report) : checkInsecure(trusted.host));
}

/** Takes back what {@link trust} wrote; what somebody else has written since stays. */
export async function forget(trusted: DockerTrust): Promise<void> {
    const folder = join(certificates, trusted.host);
    const file = join(folder, "ca.crt");
    if ("ca" in trusted && existsSync(file) && readFileSync(file, "utf8") === trusted.ca) {
        await tryCommand(asRoot(["rm", "-f", file]), { timeout: 30_000 });
        await tryCommand(asRoot(["rmdir", folder]), { timeout: 30_000 });
    }
}
