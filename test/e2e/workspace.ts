import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";

import { parseDocument, stringify } from "yaml";

import { cacheDirectory } from "../../tools/directories";
import { CommandOptions, CommandResult, run } from "./command";

const repository = path.resolve(__dirname, "../..");

/** Whether something listens on a TCP port of 127.0.0.1. */
export const canConnect = (port: number) =>
    new Promise<boolean>((resolve) => {
        const socket = net.connect(port, "127.0.0.1");
        socket.on("connect", () => {
            socket.destroy();
            resolve(true);
        });
        socket.on("error", () => resolve(false));
    });

/**
 * A user of the project: a clone of this checkout, a state folder and a stack of their own, with ports that nobody else
 * uses. Only the download and build cache is shared with whoever runs the test.
 */
export class Workspace {
    /** Holds all that the test makes. */
    readonly root: string;
    readonly clone: string;
    readonly stack: string;
    readonly cluster: string;
    readonly env: NodeJS.ProcessEnv;

    /** @param beside The workspace whose clone and state folder this one shares: only the stack is another. */
    constructor(stackPrefix: string, beside?: Workspace) {
        this.root = beside?.root ?? fs.mkdtempSync(path.join(os.tmpdir(), "nta-e2e-"));
        this.clone = path.join(this.root, "nta");
        this.stack = `${stackPrefix}-${process.pid}`;
        this.cluster = `nta-${this.stack}`;
        this.env = { ...process.env, XDG_STATE_HOME: path.join(this.root, "state"), NTA_STACK: this.stack };
        // Whatever a shell that sourced `env` has set belongs to the user's own stack.
        for (const name of Object.keys(this.env)) {
            if (/^(PULUMI_|NTA_(?!STACK)|KUBECONFIG$|VAGRANT_)/.test(name)) {
                delete this.env[name];
            }
        }
    }

    /** Clones the checkout as it is now, files that are not committed yet included. */
    create(): void {
        execFileSync("git", ["clone", "--quiet", "--no-hardlinks", repository, this.clone]);
        const listed = execFileSync("git", ["-C", repository, "ls-files", "-coz", "--exclude-standard"], {
            encoding: "utf8",
            maxBuffer: 64 << 20,
        });
        for (const file of listed.split("\0").filter((name) => name !== "")) {
            const from = path.join(repository, file);
            const to = path.join(this.clone, file);
            if (fs.existsSync(from)) {
                fs.mkdirSync(path.dirname(to), { recursive: true });
                fs.copyFileSync(from, to);
            } else {
                fs.rmSync(to, { force: true });
            }
        }
        const git = (...args: string[]) => execFileSync("git", ["-C", this.clone, ...args], { stdio: "ignore" });
        git("add", "--all");
        git("-c", "user.name=e2e", "-c", "user.email=e2e@localhost", "commit", "--allow-empty", "-m", "as tested");
    }

    /** Writes the stack's configuration file. */
    configure(settings: Record<string, unknown>): void {
        const config = Object.fromEntries(Object.entries(settings).map(([key, value]) => [`nta:${key}`, value]));
        fs.writeFileSync(path.join(this.clone, `Pulumi.${this.stack}.yaml`), stringify({ config }));
    }

    /** Changes one setting in the stack's configuration file, and leaves the others as they are. */
    set(setting: string, value: unknown): void {
        const file = path.join(this.clone, `Pulumi.${this.stack}.yaml`);
        const document = parseDocument(fs.readFileSync(file, "utf8"));
        document.setIn(["config", `nta:${setting}`], value);
        fs.writeFileSync(file, document.toString());
    }

    /** Runs a program in the clone, as a user in a new terminal would. */
    run(file: string, args: string[], options: Partial<CommandOptions> = {}): Promise<CommandResult> {
        return run(file, args, { cwd: this.clone, env: this.env, ...options });
    }

    /** Runs a bash script in the clone in a shell that has sourced `env`. */
    shell(script: string, options: Partial<CommandOptions> = {}): Promise<CommandResult> {
        return this.run("bash", ["-c", `source ./env && ${script}`], options);
    }

    /** Like `shell`, for commands that must succeed: resolves to what was printed, and shows all of it if they fail. */
    async output(script: string, options: Partial<CommandOptions> = {}): Promise<string> {
        const result = await this.shell(script, { timeout: 120, ...options });
        if (result.code !== 0) {
            throw new Error(`${script}: exit code ${result.code}\n${result.stdout}\n${result.stderr}`);
        }
        return result.stdout.trim();
    }

    /** Removes what the cache has for this stack alone. */
    forgetInCache(): void {
        for (const folder of ["contexts", "sites"]) {
            fs.rmSync(path.join(cacheDirectory(this.env), folder, this.stack), { recursive: true, force: true });
        }
    }

    /** Removes the files. What runs must have been destroyed before. */
    remove(): void {
        this.forgetInCache();
        fs.rmSync(this.root, { recursive: true, force: true });
    }
}
