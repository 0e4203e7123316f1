import { execFileSync, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hashSync } from "bcryptjs";

import { askRegistry } from "../../plugins/docker/registry-http";
import { until } from "./plugins-engine";

export interface RegistryServerOptions {
    /** Default: the loopback address. */
    address?: string;
    login?: { username: string; password: string };
    /** HTTPS, with a certificate of an authority that is made for it. */
    tls?: boolean;
    /** Serves what another one has, at another address. */
    dataOf?: RegistryServer;
}

/** A port of an address that is free now. */
function freePort(address: string): Promise<number> {
    return new Promise((resolve) => {
        const server = createServer().listen(0, address, () => {
            const { port } = server.address() as AddressInfo;
            server.close(() => resolve(port));
        });
    });
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
        const { address = "127.0.0.1", login, tls, dataOf } = this.options;
        this.host = `${address}:${await freePort(address)}`;
        const http: Record<string, unknown> = { addr: this.host };
        if (tls === true) {
            this.makeCertificates(address);
            http.tls = { certificate: join(this.folder, "server.crt"), key: join(this.folder, "server.key") };
        }
        const htpasswd = join(this.folder, "htpasswd");
        if (login !== undefined) {
            writeFileSync(htpasswd, `${login.username}:${hashSync(login.password, 4)}\n`);
        }
        const config = {
            version: 0.1,
            log: { level: "error" },
            storage: { filesystem: { rootdirectory: join((dataOf ?? this).folder, "data") } },
            http,
            ...(login === undefined ? {} : { auth: { htpasswd: { realm: "test", path: htpasswd } } }),
        };
        // JSON is YAML.
        writeFileSync(join(this.folder, "config.yml"), JSON.stringify(config));
        this.child = spawn("docker-registry", ["serve", join(this.folder, "config.yml")], { stdio: "ignore" });
        await until("the registry answers", async () => {
            const request = { method: "GET", path: "/v2/" } as const;
            const endpoint = { host: this.host, insecure: tls !== true, insecureSkipVerify: true };
            return askRegistry(endpoint, request).then(
                () => true,
                () => false,
            );
        });
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

    stop(): void {
        this.child?.kill("SIGKILL");
        rmSync(this.folder, { recursive: true, force: true });
    }
}
