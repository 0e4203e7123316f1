import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";

import { freePort } from "../free-port";
import { CommandResult } from "./command";
import { isReady, KubernetesObject, Pod } from "./kubernetes-objects";
import { eventually, TaurusClient } from "./taurus-client";
import { Workspace } from "./workspace";

/** Seconds that one `npm run up` may take: on a machine whose caches are empty it builds Kubernetes and Pulumi. */
export const upTimeout = 75 * 60;

/** Runs Docker's command line on the host and returns what it printed. */
export const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8" }).trim();

/** The lines of a listing. */
export const listed = (text: string) => text.split("\n").filter((line) => line !== "");

const portNames = ["api", "registry", "https", "supervisor", "metrics", "management"] as const;

/** The stack that the end-to-end test brings up, from a clone of its own, and all that its steps ask about it. */
export class StackUnderTest extends Workspace {
    /** What was measured on the way, one line each; printed at the end. */
    readonly figures: string[] = [];
    /** Ports on the host that nothing else uses; known once `prepare` is done. */
    ports!: Record<(typeof portNames)[number], number>;

    /** @param otherSource Path of a numenta-apps tree to test instead of the sample; a copy of it is taken. */
    constructor(private readonly otherSource?: string) {
        super("e2e");
    }

    get isSample(): boolean {
        return this.otherSource === undefined;
    }

    /** Root folder of the application's source. */
    get sourceFolder(): string {
        return path.join(this.clone, this.isSample ? "images/sample" : "../source");
    }

    get node(): string {
        return `${this.cluster}-1`;
    }

    /** Clones the checkout, takes ports and writes the stack's settings. */
    async prepare(): Promise<void> {
        this.create();
        const free = await Promise.all(portNames.map(freePort));
        this.ports = Object.fromEntries(portNames.map((name, index) => [name, free[index]])) as typeof this.ports;
        if (this.otherSource !== undefined) {
            fs.cpSync(this.otherSource, this.sourceFolder, { recursive: true });
        }
        this.configure({
            source: this.isSample ? "sample" : this.sourceFolder,
            apiPort: this.ports.api,
            registryPort: this.ports.registry,
            taurus: {
                httpsPort: this.ports.https,
                supervisorPort: this.ports.supervisor,
                metricsPort: this.ports.metrics,
            },
        });
    }

    /** Leaves nothing behind, whatever happened before. */
    async cleanUp(): Promise<void> {
        if (this.machineContainers().length > 0 || fs.existsSync(path.join(this.root, "state"))) {
            await this.run("npm", ["run", "destroy"], { timeout: 200, echo: "cleanup |" }).catch(console.error);
        }
        for (const name of this.machineContainers()) {
            docker("rm", "-f", "-v", name);
        }
        for (const name of this.machineVolumes()) {
            docker("volume", "rm", "-f", name);
        }
        this.remove();
    }

    machineContainers(): string[] {
        return listed(docker("ps", "-a", "--filter", `label=nta.cluster=${this.cluster}`, "--format", "{{.Names}}"));
    }

    machineVolumes(): string[] {
        return listed(docker("volume", "ls", "--format", "{{.Name}}")).filter((name) => name.startsWith(this.cluster));
    }

    machineNetworks(): string[] {
        return listed(docker("network", "ls", "--format", "{{.Name}}")).filter((name) => name.startsWith(this.cluster));
    }

    /** `npm run up` in the clone. */
    up(what: string, onLine?: (text: string, kill: () => void) => void): Promise<CommandResult> {
        return this.run("npm", ["run", "up"], {
            timeout: upTimeout,
            echo: `${what} |`,
            onLine: onLine && ((line, kill) => onLine(line.text, kill)),
        });
    }

    /** `pulumi up` in a shell that has sourced `env`. */
    pulumiUp(what: string): Promise<CommandResult> {
        return this.shell("pulumi up --yes --skip-preview", { timeout: 600, echo: `${what} |` });
    }

    /** Checks that a command succeeded and was never silent for a minute, and notes how long it took. */
    succeeded(what: string, result: CommandResult): CommandResult {
        this.figures.push(
            `${what}: ${result.seconds.toFixed(1)} s, longest silence ${result.longestSilence.toFixed(1)} s`,
        );
        if (result.code !== 0) {
            const tail = result.lines.slice(-80).map((line) => line.text);
            assert.fail(`${what}: exit code ${result.code}\n${tail.join("\n")}`);
        }
        assert.ok(result.longestSilence < 60, `${what} was silent for ${result.longestSilence.toFixed(0)} s`);
        return result;
    }

    /** `pulumi up` of a stack that is as its program says. */
    async upChangesNothing(what: string): Promise<CommandResult> {
        const command = "pulumi up --yes --skip-preview --expect-no-changes";
        return this.succeeded(what, await this.shell(command, { timeout: 120 }));
    }

    /** What `kubectl get` finds, as objects. */
    async objects<T extends KubernetesObject>(args: string): Promise<T[]> {
        return (JSON.parse(await this.output(`kubectl get ${args} -o json`)) as { items: T[] }).items;
    }

    async allPodsReady(seconds: number): Promise<void> {
        await eventually("all pods Ready", seconds, async () => {
            const pods = await this.objects<Pod>("pods -A");
            return pods.length > 0 && pods.every(isReady) ? true : undefined;
        });
    }

    /** An output of the stack, in plain text. */
    secretOutput(name: string): Promise<string> {
        return this.output(`pulumi stack output ${name} --show-secrets`);
    }

    /** A client of its Taurus server. */
    async taurus(): Promise<TaurusClient> {
        return new TaurusClient({
            host: "127.0.0.1",
            httpsPort: this.ports.https,
            metricsPort: this.ports.metrics,
            apiKey: await this.secretOutput("apiKey"),
        });
    }

    /** Waits until Taurus answers a request that needs its databases. */
    async taurusAnswers(seconds: number): Promise<void> {
        await eventually("Taurus answers", seconds, async () => {
            const { status } = await (await this.taurus()).request("GET", "/_models");
            return status === 200 ? true : undefined;
        });
    }

    /** Runs SQL as root in the MySQL pod. */
    sql(statement: string): Promise<string> {
        return this.output(
            `kubectl -n taurus exec mysql-0 -- bash -c 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mariadb -N -u root -h 127.0.0.1 -e "$1"' - ${JSON.stringify(statement)}`,
        );
    }

    /** Rows of the metric that the test has sent. Taurus has metrics of its own, whose rows grow all the time. */
    async waveRows(): Promise<number> {
        return Number(
            await this.sql(
                "SELECT COUNT(*) FROM taurus.metric_data d JOIN taurus.metric m ON m.uid=d.uid WHERE m.name='e2e.wave'",
            ),
        );
    }
}
