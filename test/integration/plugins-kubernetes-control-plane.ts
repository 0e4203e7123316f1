/** A Kubernetes control plane without nodes, for tests of what talks to the API. */
import { ChildProcess, spawn } from "node:child_process";
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { delimiter, join } from "node:path";

import { ApiClient } from "../../plugins/kubernetes/client";
import { activeContext, parseKubeconfig } from "../../plugins/kubernetes/kubeconfig";
import { freePort } from "../free-port";

const cache = process.env.NTA_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "nta");

/** The program of that name: in $NTA_KUBE_BIN, in the cache, or on PATH. @throws Error that says how to get it. */
export function findProgram(name: string): string {
    const folders = [
        process.env.NTA_KUBE_BIN,
        join(cache, "node-image", "bin"),
        ...(process.env.PATH ?? "").split(delimiter),
    ];
    const found = folders.filter((folder) => folder).find((folder) => existsSync(join(folder as string, name)));
    if (found === undefined) {
        throw new Error(
            `${name} is neither in $NTA_KUBE_BIN nor in ${join(cache, "node-image", "bin")} nor on PATH: ` +
                "run `npm run up` once, which builds it, or set NTA_KUBE_BIN to a folder that has it",
        );
    }
    return join(found, name);
}

/** Pulumi's engine: $NTA_PULUMI, the cache's, or the one on PATH. @throws Error that says how to get it. */
export function findEngine(): string {
    const candidates = [
        process.env.NTA_PULUMI,
        join(cache, "bin", "pulumi"),
        ...(process.env.PATH ?? "").split(delimiter).map((folder) => join(folder, "pulumi")),
    ];
    const found = candidates.find((path) => path && existsSync(path));
    if (found === undefined) {
        throw new Error(
            `pulumi is neither $NTA_PULUMI nor ${join(cache, "bin", "pulumi")} nor on PATH: run \`npm run up\` once, ` +
                "or set NTA_PULUMI to the program",
        );
    }
    return found;
}

/** etcd, kube-apiserver and kube-controller-manager on free ports of 127.0.0.1, with all they keep in one folder. */
export class ControlPlane {
    readonly folder = mkdtempSync(join(tmpdir(), "nta-control-plane-"));
    /** Contents of a kubeconfig with all rights. */
    kubeconfig = "";
    client!: ApiClient;
    private readonly processes: ChildProcess[] = [];
    private apiServer: ChildProcess | undefined;
    private startApiServer!: () => ChildProcess;

    /** @param apiServerArgs More arguments of kube-apiserver, made from the control plane's folder. */
    constructor(private readonly apiServerArgs: (folder: string) => string[] = () => []) {}

    /** Resolves when the API server is healthy. @throws Error with the end of the logs when it doesn't get so. */
    async start(): Promise<void> {
        const [clientPort, peerPort, apiPort, managerPort] = [
            await freePort(),
            await freePort(),
            await freePort(),
            await freePort(),
        ];
        const file = (name: string): string => join(this.folder, name);
        const { privateKey } = generateKeyPairSync("rsa", {
            modulusLength: 2048,
            publicKeyEncoding: { type: "spki", format: "pem" },
            privateKeyEncoding: { type: "pkcs8", format: "pem" },
        });
        writeFileSync(file("service-accounts.key"), privateKey, { mode: 0o600 });
        const token = randomBytes(16).toString("hex");
        writeFileSync(file("tokens.csv"), `${token},admin,admin,"system:masters"\n`, { mode: 0o600 });

        const etcd = `http://127.0.0.1:${clientPort}`;
        this.run("etcd", [
            `--data-dir=${file("etcd")}`,
            `--listen-client-urls=${etcd}`,
            `--advertise-client-urls=${etcd}`,
            `--listen-peer-urls=http://127.0.0.1:${peerPort}`,
            `--initial-advertise-peer-urls=http://127.0.0.1:${peerPort}`,
            `--initial-cluster=default=http://127.0.0.1:${peerPort}`,
            "--unsafe-no-fsync",
        ]);
        this.startApiServer = () =>
            this.run("kube-apiserver", [
                `--etcd-servers=${etcd}`,
                "--bind-address=127.0.0.1",
                `--secure-port=${apiPort}`,
                `--cert-dir=${file("certificates")}`,
                `--token-auth-file=${file("tokens.csv")}`,
                "--authorization-mode=RBAC",
                "--service-cluster-ip-range=10.100.0.0/16",
                "--service-account-issuer=https://control-plane.test",
                `--service-account-key-file=${file("service-accounts.key")}`,
                `--service-account-signing-key-file=${file("service-accounts.key")}`,
                // Pods must not wait for a service account: nothing here runs them.
                "--disable-admission-plugins=ServiceAccount",
                ...this.apiServerArgs(this.folder),
            ]);
        this.apiServer = this.startApiServer();
        const certificate = file("certificates/apiserver.crt");
        await this.until("kube-apiserver's certificate", () => Promise.resolve(existsSync(certificate)));
        this.kubeconfig = JSON.stringify({
            apiVersion: "v1",
            kind: "Config",
            "current-context": "test",
            contexts: [{ name: "test", context: { cluster: "test", user: "admin" } }],
            clusters: [
                {
                    name: "test",
                    cluster: {
                        server: `https://127.0.0.1:${apiPort}`,
                        "certificate-authority-data": readFileSync(certificate).toString("base64"),
                    },
                },
            ],
            users: [{ name: "admin", user: { token } }],
        });
        writeFileSync(file("kubeconfig"), this.kubeconfig, { mode: 0o600 });
        this.client = new ApiClient(activeContext(parseKubeconfig(this.kubeconfig), {}));
        await this.healthy();
        this.run("kube-controller-manager", [
            `--kubeconfig=${file("kubeconfig")}`,
            "--bind-address=127.0.0.1",
            `--secure-port=${managerPort}`,
            `--cert-dir=${file("certificates")}`,
            "--leader-elect=false",
            "--pvclaimbinder-sync-period=2s",
            `--service-account-private-key-file=${file("service-accounts.key")}`,
        ]);
        await this.until("the namespace default", async () => {
            await this.client.request("GET", "/api/v1/namespaces/default");
            return true;
        });
    }

    /** Kills the API server, as a machine that loses its power does. */
    async stopApiServer(): Promise<void> {
        await end(this.apiServer as ChildProcess, "SIGKILL");
    }

    /** Starts the API server again, with the same address and data. */
    async restartApiServer(): Promise<void> {
        this.apiServer = this.startApiServer();
        await this.healthy();
    }

    /** Stops everything and removes its folder. */
    async stop(): Promise<void> {
        this.client?.close();
        for (const child of [...this.processes].reverse()) {
            await end(child, "SIGTERM");
        }
        rmSync(this.folder, { recursive: true, force: true });
    }

    private async healthy(): Promise<void> {
        await this.until("a healthy API server", async () => {
            return (await this.client.requestText("GET", "/readyz", { timeout: 5000 })) === "ok";
        });
    }

    private run(name: string, args: string[]): ChildProcess {
        const log = openSync(join(this.folder, `${name}.log`), "a");
        const child = spawn(findProgram(name), args, { stdio: ["ignore", log, log], cwd: this.folder });
        this.processes.push(child);
        return child;
    }

    private async until(what: string, test: () => Promise<boolean>): Promise<void> {
        const deadline = Date.now() + 120_000;
        for (;;) {
            if (await test().catch(() => false)) {
                return;
            }
            const dead = this.processes.find((child) => child.exitCode !== null);
            if (dead !== undefined || Date.now() > deadline) {
                const logs = ["etcd", "kube-apiserver", "kube-controller-manager"]
                    .map((name) => join(this.folder, `${name}.log`))
                    .filter(existsSync)
                    .map((path) => `${path}:\n${readFileSync(path, "utf8").slice(-2000)}`);
                throw new Error(`no ${what}\n${logs.join("\n")}`);
            }
            await new Promise((resolve) => setTimeout(resolve, 100));
        }
    }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) {
        return;
    }
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill(signal);
    const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(timer);
}
