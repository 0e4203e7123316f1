import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { execute } from "../../machine/execute";
import { MachineFolder } from "../../machine/folder";
import { status } from "../../machine/status";
import { asArray, asObject, asString, type JsonObject } from "../../plugins/kubernetes/object";
import { tryCommand } from "../../tools/command";
import { root, shortPath, stateDirectory } from "../../tools/directories";
import { Problem } from "../../tools/problem";
import { project, readCheckpoint } from "../../tools/stack";
import type { Report } from "../../tools/progress";
import { readHistory } from "../audit/history";
import type { StackCluster } from "../cluster";
import type { ContainerStatus, Pod } from "../objects";
import { askPulumi } from "../pulumi";
import { masker } from "./mask";
import { nodeReports } from "./node";
import { eventLines, exportedCollections, shownObject } from "./objects";
import { secretsOfObjects, secretsOfStack, type SecretObject } from "./secrets";

/** The most of each container's log, in lines and bytes. */
const logLimits = { tailLines: 20_000, limitBytes: 10_000_000 };

/** What `npm run logs -- --export` writes, in one folder. All text goes through one mask. */
export class Export {
    private mask = masker([]);
    private files = 0;
    /** What could not be had, and why. */
    readonly missing: string[] = [];

    /** @param cluster Absent when it can't be opened; the machines are asked all the same. */
    constructor(
        private readonly stack: string,
        private readonly directory: string,
        private readonly cluster: StackCluster | undefined,
        private readonly report: Report,
    ) {}

    /** Gathers everything. @returns the number of files. @throws Problem when the folder holds something. */
    async run(): Promise<number> {
        if (existsSync(this.directory) && readdirSync(this.directory).length > 0) {
            throw new Problem(`${shortPath(this.directory)} is not empty: name a new folder.`);
        }
        await mkdir(this.directory, { recursive: true, mode: 0o700 });
        this.report("reading what is secret, to mask it");
        await this.learnSecrets();
        this.report("versions, settings and history");
        await this.attempt("versions", () => this.versions());
        await this.attempt("settings", () => this.settings());
        await this.attempt("the stack's history", () => this.history());
        await this.attempt("the machines", () => this.machines());
        if (this.cluster !== undefined) {
            const { client } = this.cluster;
            this.report("objects and events");
            const collect = async (path: string) => this.objects(path, (await client.request("GET", path)).items);
            await Promise.all(exportedCollections.map((path) => this.attempt(path, () => collect(path))));
            await this.attempt("the pods' logs", () => this.podLogs());
        }
        await this.write("README.txt", this.overview());
        return this.files;
    }

    private async attempt(what: string, work: () => Promise<void>): Promise<void> {
        try {
            await work();
        } catch (error) {
            this.missing.push(this.mask(`${what}: ${(error as Error).message}`));
        }
    }

    private async write(name: string, text: string): Promise<void> {
        if (text.trim() === "") {
            return;
        }
        const file = join(this.directory, name);
        await mkdir(dirname(file), { recursive: true });
        await writeFile(file, this.mask(text), { mode: 0o600 });
        this.files++;
    }

    private async learnSecrets(): Promise<void> {
        const kubeconfig = this.cluster === undefined ? "" : await readFile(this.cluster.kubeconfig, "utf8");
        const secrets = [kubeconfig];
        const known = await secretsOfStack(this.stack);
        if (typeof known === "string") {
            this.missing.push(`the stack's own secrets, so that they are masked by their form alone: ${known}`);
        } else {
            secrets.push(...known);
        }
        await this.attempt("the cluster's Secrets, so that they are masked by their form alone", async () => {
            const list = await this.cluster?.client.request("GET", "/api/v1/secrets");
            secrets.push(...secretsOfObjects(asArray(list?.items) as SecretObject[]));
        });
        this.mask = masker(secrets);
    }

    private async versions(): Promise<void> {
        const commands: [string, ...string[]][] = [
            ["uname", "-a"],
            ["cat", "/etc/os-release"],
            ["git", "log", "-1", "--format=%H %cI"],
            ["git", "status", "--short"],
            ["docker", "version"],
            ["docker", "info"],
            ["vagrant", "--version"],
            ["kubectl", "version", "--client"],
            ["pulumi", "version"],
        ];
        const parts = [`node ${process.version}\n`];
        for (const line of commands) {
            const { stdout, stderr } = await tryCommand(line, { cwd: root, timeout: 20_000 });
            parts.push(`$ ${line.join(" ")}\n${stdout}${stderr}`);
        }
        await this.write("versions.txt", parts.join("\n"));
    }

    private async settings(): Promise<void> {
        const name = `Pulumi.${this.stack}.yaml`;
        const text = await readFile(join(root, name), "utf8");
        await this.write(
            name,
            text.replace(/^(\s*(?:encryptionsalt|encryptedkey|-?\s*secure)\s*:).*$/gm, "$1 (masked)"),
        );
    }

    private async history(): Promise<void> {
        const history = await askPulumi(this.stack, ["stack", "history", "--json", "--page-size", "100"]);
        if ("why" in history) {
            throw new Error(history.why);
        }
        await this.write("history.json", JSON.stringify(readHistory(history.answer), null, 4));
        const checkpoint = await readCheckpoint(join(stateDirectory(), "backend"), this.stack);
        const resources = (checkpoint?.resources ?? []).map(({ urn }) => `${urn}\n`);
        await this.write("resources.txt", resources.join(""));
    }

    private async machines(): Promise<void> {
        const folder = new MachineFolder(`${project}-${this.stack}`);
        if (folder.state.provider === undefined) {
            return;
        }
        const machines = await status(folder.clusterName);
        await this.write("machines.json", JSON.stringify(machines, null, 4));
        await this.write("machine-specification.json", folder.read("machine.json") ?? "");
        for (const node of Object.keys(machines.nodes)) {
            this.report(`asking the machine ${node}`);
            for (const [file, script] of Object.entries(nodeReports)) {
                const { code, stdout, stderr } = await execute(folder, node, script);
                if (code !== 0) {
                    this.missing.push(this.mask(`${node}/${file}: ${stderr.trim() || `exit code ${code}`}`));
                }
                await this.write(join("nodes", node, file), stdout);
            }
        }
    }

    private async objects(path: string, items: unknown): Promise<void> {
        const plural = path.slice(path.lastIndexOf("/") + 1);
        const objects = items as JsonObject[];
        const shown = objects.map((object) => shownObject(object, plural === "secrets"));
        await this.write(join("objects", `${plural}.json`), JSON.stringify(shown, null, 2));
        if (plural === "events") {
            await this.write("events.txt", eventLines(objects));
        }
    }

    private async podLogs(): Promise<void> {
        const { items } = (await this.cluster?.client.request("GET", "/api/v1/pods")) ?? {};
        for (const pod of items as unknown as Pod[]) {
            const { namespace = "", name } = pod.metadata;
            this.report(`logs of ${namespace}/${name}`);
            const { initContainerStatuses = [], containerStatuses = [] } = pod.status;
            for (const container of [...initContainerStatuses, ...containerStatuses]) {
                await this.containerLogs(namespace, name, container);
            }
        }
    }

    private async containerLogs(
        namespace: string,
        pod: string,
        { name, restartCount, state }: ContainerStatus,
    ): Promise<void> {
        const path = `/api/v1/namespaces/${namespace}/pods/${pod}/log`;
        const wanted = [
            // A container that has not been started yet has no log.
            ...(state?.waiting !== undefined && restartCount === 0 ? [] : [{ suffix: "", previous: false }]),
            ...(restartCount > 0 ? [{ suffix: ".previous", previous: true }] : []),
        ];
        for (const { suffix, previous } of wanted) {
            const file = join("logs", namespace, pod, `${name}${suffix}.log`);
            await this.attempt(file, async () => {
                const query = { container: name, previous, timestamps: true, ...logLimits };
                await this.write(file, (await this.cluster?.client.requestText("GET", path, { query })) ?? "");
            });
        }
    }

    private overview(): string {
        const { server = "" } = asObject(this.cluster?.context.cluster);
        const missing = this.missing.map((line) => `  - ${line.replaceAll("\n", "\n    ")}\n`);
        return [
            `The stack ${this.stack}${server === "" ? "" : ` at ${asString(server)}`}, ${new Date().toISOString()}\n`,
            "\nversions.txt, Pulumi.*.yaml, history.json, resources.txt: this machine and the stack\n",
            "machines.json, nodes/: the machines, and what cloud-init, kubeadm, kubelet and containerd said on each\n",
            "objects/, events.txt, logs/: the cluster's objects, events and containers\n",
            "\nSecrets are masked: those of the stack and of the cluster's Secrets, and what has the form of one. What an\n",
            "application logs in another form is not known to be secret: read before you hand this on.\n",
            missing.length === 0 ? "" : `\nCould not be had:\n${missing.join("")}`,
        ].join("");
    }
}
