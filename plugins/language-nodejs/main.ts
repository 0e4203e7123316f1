/**
 * `pulumi-language-nodejs`: runs the Node.js programs of Pulumi projects.
 *
 * Stands in where Pulumi's own language host can't be had. Covers what preview, up, refresh, destroy, install and about
 * ask for; generating code and running plugins written in Node.js are refused.
 */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";

import * as grpc from "@grpc/grpc-js";
import { Empty } from "google-protobuf/google/protobuf/empty_pb";
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb";
import type { ILanguageRuntimeServer } from "@pulumi/pulumi/proto/language_grpc_pb";
import * as messages from "@pulumi/pulumi/proto/language_pb";
import { PackageDependency, PluginDependency, PluginInfo } from "@pulumi/pulumi/proto/plugin_pb";

import { onEngineGone } from "../protocol/lifeline";
import { packageRoot, programDependencies, requiredPlugins } from "./packages";
import { runProgram } from "./program";
import type { ProgramRun } from "./program";

type Unary<Request, Response> = grpc.handleUnaryCall<Request, Response>;

const children = new Set<ChildProcess>();
let engineAddress = process.argv.slice(2).find((argument) => /^[^-].*:\d+$/.test(argument)) ?? "";

function track(child: ChildProcess): void {
    children.add(child);
    child.on("exit", () => children.delete(child));
}

/** Interrupts what runs and kills what doesn't end within 3 s. */
function stopChildren(): void {
    for (const child of children) {
        child.kill("SIGINT");
        setTimeout(() => child.kill("SIGKILL"), 3000).unref();
    }
}

function answer<Response>(callback: grpc.sendUnaryData<Response>, work: () => Promise<Response> | Response): void {
    Promise.resolve()
        .then(work)
        .then(
            (response) => callback(null, response),
            (error: unknown) =>
                callback({
                    code: grpc.status.UNKNOWN,
                    details: error instanceof Error ? error.message : String(error),
                }),
        );
}

function refuse(what: string): Unary<unknown, never> {
    return (_call, callback) =>
        callback({
            code: grpc.status.UNIMPLEMENTED,
            details: `This stand-in for pulumi-language-nodejs does not cover ${what}; Pulumi's own does.`,
        });
}

/** `runtime.options` of Pulumi.yaml, as far as they mean something to a run. */
function runtimeOptions(info: messages.ProgramInfo | undefined): {
    typescript: boolean;
    nodeArgs: string[];
    packageManager: string;
} {
    const options = info?.getOptions()?.toJavaScript() ?? {};
    return {
        typescript: options.typescript !== false,
        nodeArgs: typeof options.nodeargs === "string" ? options.nodeargs.split(/\s+/).filter(Boolean) : [],
        packageManager: typeof options.packagemanager === "string" ? options.packagemanager : "npm",
    };
}

const handshake: Unary<messages.LanguageHandshakeRequest, messages.LanguageHandshakeResponse> = (call, callback) => {
    engineAddress = call.request.getEngineAddress() || engineAddress;
    callback(null, new messages.LanguageHandshakeResponse());
};

const getPluginInfo: Unary<Empty, PluginInfo> = (_call, callback) => {
    callback(null, new PluginInfo());
};

const getRequiredPackages: Unary<messages.GetRequiredPackagesRequest, messages.GetRequiredPackagesResponse> = (
    call,
    callback,
) =>
    answer(callback, () => {
        const response = new messages.GetRequiredPackagesResponse();
        for (const plugin of requiredPlugins(call.request.getInfo()?.getProgramDirectory() ?? process.cwd())) {
            const dependency = new PackageDependency();
            dependency.setName(plugin.name);
            dependency.setKind("resource");
            dependency.setVersion(plugin.version);
            dependency.setServer(plugin.server);
            response.addPackages(dependency);
        }
        return response;
    });

const getRequiredPlugins: Unary<messages.GetRequiredPluginsRequest, messages.GetRequiredPluginsResponse> = (
    call,
    callback,
) =>
    answer(callback, () => {
        const response = new messages.GetRequiredPluginsResponse();
        for (const plugin of requiredPlugins(call.request.getInfo()?.getProgramDirectory() ?? process.cwd())) {
            const dependency = new PluginDependency();
            dependency.setName(plugin.name);
            dependency.setKind("resource");
            dependency.setVersion(plugin.version);
            dependency.setServer(plugin.server);
            response.addPlugins(dependency);
        }
        return response;
    });

const getProgramDependencies: Unary<messages.GetProgramDependenciesRequest, messages.GetProgramDependenciesResponse> = (
    call,
    callback,
) =>
    answer(callback, () => {
        const directory = call.request.getInfo()?.getProgramDirectory() ?? process.cwd();
        const response = new messages.GetProgramDependenciesResponse();
        for (const { name, version } of programDependencies(directory, call.request.getTransitivedependencies())) {
            const dependency = new messages.DependencyInfo();
            dependency.setName(name);
            dependency.setVersion(version);
            response.addDependencies(dependency);
        }
        return response;
    });

const run: Unary<messages.RunRequest, messages.RunResponse> = (call, callback) =>
    answer(callback, async () => {
        const request = call.request;
        if (request.getAttachDebugger()) {
            throw new Error("This stand-in for pulumi-language-nodejs does not cover --attach-debugger.");
        }
        const info = request.getInfo();
        const options = runtimeOptions(info);
        const programRun: ProgramRun = {
            pwd: request.getPwd() || info?.getProgramDirectory() || process.cwd(),
            entryPoint: info?.getEntryPoint() || request.getProgram() || ".",
            args: request.getArgsList(),
            monitorAddress: request.getMonitorAddress(),
            engineAddress,
            organization: request.getOrganization(),
            project: request.getProject(),
            stack: request.getStack(),
            rootDirectory: info?.getRootDirectory() ?? "",
            config: Object.fromEntries(request.getConfigMap().entries()),
            configSecretKeys: request.getConfigsecretkeysList(),
            parallel: request.getParallel(),
            dryRun: request.getDryrun(),
            typescript: options.typescript,
            nodeArgs: options.nodeArgs,
        };
        call.on("cancelled", stopChildren);
        const result = await runProgram(programRun, track);
        const response = new messages.RunResponse();
        response.setError(result.error);
        response.setBail(result.bail);
        return response;
    });

const about: Unary<messages.AboutRequest, messages.AboutResponse> = (_call, callback) => {
    const response = new messages.AboutResponse();
    response.setExecutable(process.execPath);
    response.setVersion(process.version);
    callback(null, response);
};

/** `pulumi install`: the package manager's own install, its output passed on as it comes. */
const installDependencies: grpc.handleServerStreamingCall<
    messages.InstallDependenciesRequest,
    messages.InstallDependenciesResponse
> = (call) => {
    const info = call.request.getInfo();
    const directory = call.request.getDirectory() || info?.getProgramDirectory() || process.cwd();
    const manager = runtimeOptions(info).packageManager;
    const child = spawn(manager, ["install"], {
        cwd: packageRoot(directory) ?? directory,
        stdio: ["ignore", "pipe", "pipe"],
    });
    track(child);
    child.stdout.on("data", (chunk: Buffer) => {
        const response = new messages.InstallDependenciesResponse();
        response.setStdout(chunk);
        call.write(response);
    });
    child.stderr.on("data", (chunk: Buffer) => {
        const response = new messages.InstallDependenciesResponse();
        response.setStderr(chunk);
        call.write(response);
    });
    const fail = (details: string): void => {
        call.emit("error", { code: grpc.status.UNKNOWN, details });
    };
    child.on("error", (error) => fail(`${manager} could not be started: ${error.message}`));
    child.on("close", (code, signal) => {
        if (code === 0) {
            call.end();
        } else {
            fail(`"${manager} install" ended with ${code === null ? signal : `exit code ${code}`}`);
        }
    });
};

const cancel: Unary<Empty, Empty> = (_call, callback) => {
    stopChildren();
    callback(null, new Empty());
};

const implementation: ILanguageRuntimeServer = {
    handshake,
    getPluginInfo,
    getRequiredPackages,
    getRequiredPlugins,
    getProgramDependencies,
    run,
    about,
    installDependencies,
    cancel,
    runtimeOptionsPrompts: (_call, callback) => callback(null, new messages.RuntimeOptionsResponse()),
    template: (_call, callback) => callback(null, new messages.TemplateResponse()),
    runPlugin: (call) =>
        call.emit("error", {
            code: grpc.status.UNIMPLEMENTED,
            details: "This stand-in for pulumi-language-nodejs does not run plugins written in Node.js.",
        }),
    generateProgram: refuse("generating programs"),
    generateProject: refuse("generating projects"),
    generatePackage: refuse("generating packages"),
    pack: refuse("packing"),
    link: refuse("linking packages"),
};

const server = new grpc.Server({ "grpc.max_receive_message_length": -1, "grpc.max_send_message_length": -1 });
server.addService(LanguageRuntimeService, implementation);
server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
    if (error) {
        process.stderr.write(`pulumi-language-nodejs: ${error.message}\n`);
        process.exit(1);
    }
    process.stdout.write(`${port}\n`);
});

function stop(): void {
    stopChildren();
    server.forceShutdown();
    if (children.size === 0) {
        process.exit(0);
    }
    for (const child of children) {
        child.on("exit", () => {
            if (children.size === 0) {
                process.exit(0);
            }
        });
    }
}

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(name, stop);
}
onEngineGone(stop);
