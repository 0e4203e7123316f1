import * as assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hashSync } from "bcryptjs";

import { askRegistry } from "../../plugins/docker/registry-http";
import { freePort } from "../free-port";
import { until } from "./plugins-engine";

export interface RegistryLogin {
    username: string;
    password: string;
}

export interface RegistryServerOptions {
    /** Default: the loopback address. */
    address?: string;
    login?: RegistryLogin;
    /** HTTPS, with a certificate of an authority that is made for it. */
    tls?: boolean;
}

/**
 * The address of this machine on Docker's bridge, at which the machine itself, containers and nodes reach what listens
 * there.
 */
export function bridgeAddress(): string {
    // Also while no container is in the network, when Node.js does not list the interface.
    const docker0 = execFileSync("ip", ["-4", "-o", "address", "show", "docker0"], { encoding: "utf8" });
    const address = /inet ([\d.]+)/.exec(docker0)?.[1];
    assert.ok(address, "Docker has its bridge, docker0");
    return address;
}

/** Debian's docker-registry on a free port of this machine. */
export class RegistryServer {
    private readonly folder = mkdtempSync(join(tmpdir(), "nta-registry-"));
    private child: ChildProcess | undefined;
    /** `host:port` */
    host = "";

    constructor(private readonly options: RegistryServerOptions = {}) {}

    /** The certificate of the authority, PEM. */
    get ca(): string {
        return readFileSync(join(this.folder, "ca.crt"), "utf8");
    }

    async start(): Promise<void> {
        const { address = "127.0.0.1", login, tls } = this.options;
        this.host = `${address}:${await freePort()}`;
        const http: Record<string, unknown> = { addr: this.host };
        if (tls === true) {
            this.makeCertificates(address);
            http.tls = { certificate: join(this.folder, "server.crt"), key: join(this.folder, "server.key") };
        }
        if (login !== undefined) {
            this.setLogin(login);
        }
        const config = {
            version: 0.1,
            log: { level: "error" },
            storage: { filesystem: { rootdirectory: join(this.folder, "data") } },
            http,
            ...(login === undefined ? {} : { auth: { htpasswd: { realm: "test", path: this.htpasswd } } }),
        };
        // JSON is YAML.
        writeFileSync(join(this.folder, "config.yml"), JSON.stringify(config));
        const log = openSync(this.log, "a");
        const command = ["serve", join(this.folder, "config.yml")];
        this.child = spawn("docker-registry", command, { stdio: ["ignore", log, "ignore"] });
        closeSync(log);
        await until("the registry answers", async () => {
            const request = { method: "GET", path: "/v2/" } as const;
            const endpoint = { host: this.host, insecure: tls !== true, insecureSkipVerify: true };
            return askRegistry(endpoint, request).then(
                () => true,
                () => false,
            );
        });
    }

    /** Another login in place of the one that there is, from the next request on. */
    setLogin({ username, password }: RegistryLogin): void {
        writeFileSync(this.htpasswd, `${username}:${hashSync(password, 4)}\n`);
    }

    /** Lines of the requests so far: who asked, when, for what, the answer's status, and with which program. */
    requests(): string[] {
        return readFileSync(this.log, "utf8").split("\n");
    }

    private get log(): string {
        return join(this.folder, "access.log");
    }

    private get htpasswd(): string {
        return join(this.folder, "htpasswd");
    }

    private makeCertificates(address: string): void {
        const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: this.folder, stdio: "pipe" });
        const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
        openssl("req", "-x509", ...key, "-subj", "/CN=test authority", "-keyout", "ca.key", "-out", "ca.crt");
        openssl("req", ...key, "-subj", "/CN=registry", "-keyout", "server.key", "-out", "server.csr");
        writeFileSync(join(this.folder, "names"), `subjectAltName=IP:${address}\n`);
        const authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names"];
        openssl("x509", "-req", "-in", "server.csr", ...authority, "-out", "server.crt");
    }

    /**
     * Takes the images of this registry out of the Docker engine by their names: one with the same content may belong to
     * somebody else by another name.
     */
    removeImages(): void {
        const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8" }).trim();
        const filters = ["*", "*/*", "*/*/*"].map((names) => `--filter=reference=${this.host}/${names}`);
        const ids = new Set(
            docker("images", "--quiet", "--no-trunc", ...filters)
                .split("\n")
                .filter(Boolean),
        );
        for (const id of ids) {
            const [image] = JSON.parse(docker("image", "inspect", id)) as {
                RepoTags: string[];
                RepoDigests: string[];
            }[];
            const own = (names: string[]) => names.filter((name) => name.startsWith(`${this.host}/`));
            const tags = own(image.RepoTags);
            // With a repository's last tag, Docker removes its digests too.
            docker("rmi", ...(tags.length > 0 ? tags : own(image.RepoDigests)));
        }
    }

    stop(): void {
        this.child?.kill("SIGKILL");
        rmSync(this.folder, { recursive: true, force: true });
    }
}
