/** Stacks of Pulumi's real engine with the stand-in kubernetes plugin, built, on a real API server. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Provider } from "@pulumi/kubernetes/provider";
import { LocalWorkspace, PulumiCommand, type PulumiFn, type Stack } from "@pulumi/pulumi/automation";

import { stringify } from "yaml";

import { buildPlugins } from "../../plugins/build";
import { isNotFound } from "../../plugins/kubernetes/api-errors";
import type { KubernetesObject } from "../../plugins/kubernetes/object";
import { ControlPlane, findEngine } from "./plugins-kubernetes-control-plane";

interface StateResource {
    type: string;
    id: string;
    initErrors?: string[];
    inputs: Record<string, unknown>;
    outputs: Record<string, unknown>;
}

/** Operations of an update with how many resources each was done to. */
type Changes = Record<string, number | undefined>;

/** An engine, the plugin and a control plane, used by all tests of a file. */
export class KubernetesStacks {
    readonly controlPlane = new ControlPlane();
    private readonly root = mkdtempSync(join(tmpdir(), "nta-kubernetes-plugin-"));
    private readonly made: TestStack[] = [];
    private command!: PulumiCommand;
    private count = 0;

    async start(): Promise<void> {
        mkdirSync(join(this.root, "engine", "bin"), { recursive: true });
        mkdirSync(join(this.root, "state"));
        symlinkSync(findEngine(), join(this.root, "engine", "bin", "pulumi"));
        this.command = await PulumiCommand.get({ root: join(this.root, "engine") });
        await buildPlugins(join(this.root, "home", "plugins"), { providers: ["kubernetes"], languageHost: false });
        await this.controlPlane.start();
    }

    async stop(): Promise<void> {
        await this.controlPlane.stop();
        rmSync(this.root, { recursive: true, force: true });
    }

    /** A stack of its own for one test. */
    async create(): Promise<TestStack> {
        const name = `test${++this.count}`;
        const workDir = join(this.root, name);
        mkdirSync(workDir);
        const state = join(this.root, "state");
        const stack = await LocalWorkspace.createOrSelectStack(
            { stackName: name, projectName: "plugin", program: () => Promise.resolve() },
            {
                workDir,
                pulumiCommand: this.command,
                pulumiHome: join(this.root, "home"),
                envVars: {
                    PULUMI_BACKEND_URL: `file://${state}`,
                    PULUMI_CONFIG_PASSPHRASE: "test",
                    PULUMI_SKIP_UPDATE_CHECK: "true",
                    PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION: "true",
                },
            },
        );
        const created = new TestStack(stack, join(state, ".pulumi", "stacks", "plugin", `${name}.json`));
        this.made.push(created);
        return created;
    }

    /** Destroys the stacks that a test has made. */
    async destroyAll(): Promise<void> {
        for (const stack of this.made.splice(0)) {
            await stack.destroy().catch(() => undefined);
        }
    }

    /** The provider of the control plane, to be made by a stack's program. */
    provider(args: Partial<ConstructorParameters<typeof Provider>[1]> = {}): Provider {
        // As YAML, which kubeconfigs mostly are.
        const kubeconfig = stringify(JSON.parse(this.controlPlane.kubeconfig));
        return new Provider("cluster", { kubeconfig, clusterIdentifier: "test", ...args });
    }

    /** What the API server has at that path. */
    get(path: string): Promise<KubernetesObject> {
        return this.controlPlane.client.request("GET", path);
    }

    async exists(path: string): Promise<boolean> {
        try {
            await this.get(path);
            return true;
        } catch (error) {
            if (isNotFound(error)) {
                return false;
            }
            throw error;
        }
    }
}

/** A stack whose program is a function of the test. */
export class TestStack {
    /** What the last operation printed. */
    output = "";
    diagnostics: string[] = [];

    constructor(
        private readonly stack: Stack,
        private readonly stateFile: string,
    ) {}

    private readonly options = {
        onOutput: (text: string): void => {
            this.output += text;
        },
        onEvent: (event: { diagnosticEvent?: { message: string } }): void => {
            if (event.diagnosticEvent !== undefined) {
                this.diagnostics.push(event.diagnosticEvent.message);
            }
        },
    };

    async up(program: PulumiFn, signal?: AbortSignal): Promise<Changes> {
        this.output = "";
        this.diagnostics = [];
        const result = await this.stack.up({ program, signal, ...this.options });
        return { ...result.summary.resourceChanges };
    }

    async preview(program: PulumiFn): Promise<Changes> {
        this.output = "";
        this.diagnostics = [];
        const result = await this.stack.preview({ program, diff: true, ...this.options });
        return { ...result.changeSummary };
    }

    async refresh(): Promise<Changes> {
        this.output = "";
        const result = await this.stack.refresh({ ...this.options });
        return { ...result.summary.resourceChanges };
    }

    async destroy(): Promise<void> {
        await this.stack.destroy({ ...this.options });
    }

    /** The state's resources of that type. */
    async resources(type: string): Promise<StateResource[]> {
        const { deployment } = await this.stack.exportStack();
        return ((deployment as { resources?: StateResource[] }).resources ?? []).filter((item) => item.type === type);
    }

    /** The state's file, with secrets as they are stored. */
    state(): string {
        return readFileSync(this.stateFile, "utf8");
    }

    /** Changes the environment of what runs next. */
    setEnvironment(name: string, value: string): void {
        this.stack.workspace.envVars[name] = value;
    }
}
