import { existsSync } from "node:fs";
import { join } from "node:path";
import { findProgram, tryCommand } from "../command";
import { cacheDirectory } from "../directories";
import { askDocker, type DockerState } from "../docker";
import { atLeast, pinned } from "../pinned";
import type { CheckResult, Finding, Subject } from "./check";

const gather = "npm run up";

/** What is wrong with the Docker engine. */
export function dockerFinding(state: DockerState): Finding | undefined {
    switch (state.kind) {
        case "answers":
            return atLeast(state.version, pinned.docker.minimum)
                ? undefined
                : {
                      wrong: `the Docker engine is version ${state.version}, and ${pinned.docker.minimum} or later is needed`,
                      mend: "sudo apt-get install -y docker.io",
                  };
        case "no client":
            return { wrong: "there is no `docker` program", mend: gather };
        case "no permission":
            return {
                wrong: `Docker's engine runs, but this user may not use it: ${state.message}`,
                mend: "sudo usermod -aG docker $USER",
            };
        case "not running":
            return { wrong: `no Docker engine answers: ${state.message}`, mend: gather };
    }
}

/** The version that a program of the path prints, or what is wrong with it. */
async function versionOf(program: string, file: string | undefined, minimum: string): Promise<string | Finding> {
    if (file === undefined) {
        return { wrong: `there is no \`${program}\``, mend: gather };
    }
    const result = await tryCommand([file, program === "pulumi" ? "version" : "--version"], {
        timeout: 60000,
        env: { ...process.env, PULUMI_SKIP_UPDATE_CHECK: "true" },
    });
    const version = /\d+\.\d+[\d.]*/.exec(result.stdout)?.[0];
    if (result.code !== 0 || version === undefined) {
        return {
            wrong: `\`${program}\` (${file}) does not work: ${result.stderr.trim().split("\n")[0]}`,
            mend: gather,
        };
    }
    return atLeast(version, minimum)
        ? version
        : {
              wrong: `\`${program}\` (${file}) is version ${version}, and ${minimum} or later is needed`,
              mend: "update it",
          };
}

/** Whether the tools that the stack takes are there and answer. */
export async function checkTools({ settings }: Subject): Promise<CheckResult> {
    const own = join(cacheDirectory(), "bin", "pulumi");
    const programs: [name: string, file: string | undefined, minimum: string][] = [
        ["pulumi", existsSync(own) ? own : findProgram("pulumi"), pinned.pulumi.minimum],
        ...(settings.cluster === "vagrant"
            ? [["vagrant", findProgram("vagrant"), pinned.vagrant.minimum] as [string, string | undefined, string]]
            : []),
        ["git", findProgram("git"), "1.8"],
    ];
    const docker = await askDocker();
    const asked = await Promise.all(
        programs.map(async ([name, file, minimum]) => ({ name, answer: await versionOf(name, file, minimum) })),
    );
    const dockerWrong = dockerFinding(docker);
    return {
        name: "tools",
        found: [
            docker.kind === "answers" ? `docker ${docker.version}` : "no docker",
            ...asked.map(({ name, answer }) => (typeof answer === "string" ? `${name} ${answer}` : `no ${name}`)),
        ].join(", "),
        wrong: [
            ...(dockerWrong ? [dockerWrong] : []),
            ...asked.flatMap(({ answer }) => (typeof answer === "string" ? [] : [answer])),
        ],
    };
}
