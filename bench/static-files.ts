/**
 * Measures a published folder of the stack that is up (`npm run bench:static-files -- NAME PATH`): requests per second of a
 * file through the Service in the cluster over those of a container of the same image beside it. The client, wrk, is on the
 * first node in either case, and rounds alternate, so that a busy machine slows both. Needs the stack's node in a container.
 */
import { execFileSync } from "node:child_process";

import releases from "../images/base/releases.json";
import { baseTag, ensureDebianBase } from "../images/base/debian-base";
import type { Service } from "../operations/objects";
import { command } from "../tools/command";
import { median } from "./measure";

const rounds = 5;
const secondsEach = 4;
const connections = 32;
const client = "nta-bench-wrk";
const beside = "nta-bench-static-files";

const say = (line: string) => process.stderr.write(`${line}\n`);
const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: "utf8" }).trim();
const docker = (...args: string[]) => run("docker", ...args);

interface Controller {
    metadata: { namespace: string };
    spec: { replicas: number; template: { spec: { containers: { image: string }[] } } };
}

/** What `kubectl get` finds of one kind with the labels of a published folder. */
function found<T>(kind: string, name: string): T {
    const selector = `app.kubernetes.io/component=static-files,app.kubernetes.io/name=${name}`;
    const { items } = JSON.parse(
        run("kubectl", "get", kind, "--all-namespaces", "--selector", selector, "--output", "json"),
    ) as { items: T[] };
    if (items.length !== 1) {
        throw new Error(`there are ${items.length} ${kind} of static files called ${name}: one is needed`);
    }
    return items[0];
}

/** The image of the client, which Debian has. */
async function makeClient(): Promise<void> {
    const release = releases.find(({ suite }) => suite === "bookworm");
    if (release === undefined) {
        throw new Error("there is no Debian release for the client");
    }
    const base = baseTag(release.suite);
    await ensureDebianBase({ ...release, tag: base, architecture: "amd64", progress: say });
    const dockerfile = `FROM ${base}\nRUN apt-get update && apt-get install -y --no-install-recommends wrk\n`;
    await command(["docker", "build", "--quiet", "--tag", client, "-"], {
        input: dockerfile,
        env: { ...process.env, DOCKER_BUILDKIT: "0" },
    });
}

/** Requests per second. @throws Error when an answer is no success. */
function requests(node: string, url: string): number {
    const [threads, open, time] = ["--threads=2", `--connections=${connections}`, `--duration=${secondsEach}s`];
    const report = docker("run", "--rm", "--network", `container:${node}`, client, "wrk", threads, open, time, url);
    const rate = /^Requests\/sec: +([\d.]+)$/m.exec(report)?.[1];
    if (rate === undefined || /Non-2xx|Socket errors/.test(report)) {
        throw new Error(`${url} does not answer as it should:\n${report}`);
    }
    return Number(rate);
}

async function main(name: string | undefined, path: string | undefined): Promise<void> {
    if (name === undefined || path === undefined) {
        throw new Error("usage: npm run bench:static-files -- NAME PATH, such as: docs /workloads.md");
    }
    const { spec } = found<Service>("services", name);
    const controller = found<Controller>("replicationcontrollers", name);
    if (controller.spec.replicas !== 1) {
        throw new Error(`${name} has ${controller.spec.replicas} replicas: one is compared with one`);
    }
    const [{ image }] = controller.spec.template.spec.containers;
    const node = run("kubectl", "get", "nodes", "--output", "jsonpath={.items[0].metadata.name}");
    const network = docker("inspect", "--format", "{{.HostConfig.NetworkMode}}", node);
    await makeClient();
    try {
        const limits = ["--memory", "64m", "--read-only", "--tmpfs", "/tmp:size=16m"];
        docker("run", "--detach", "--name", beside, "--network", network, ...limits, image);
        const address = docker(
            "inspect",
            "--format",
            "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}",
            beside,
        );
        const urls = {
            published: `http://${spec.clusterIP}:${spec.ports?.[0]?.port}${path}`,
            beside: `http://${address}:8080${path}`,
        };
        const [ours, theirs]: [number[], number[]] = [[], []];
        for (let round = 0; round < rounds; round++) {
            theirs.push(requests(node, urls.beside));
            ours.push(requests(node, urls.published));
            say(`round ${round + 1} of ${rounds}: ${ours[round].toFixed(0)} and ${theirs[round].toFixed(0)} a second`);
        }
        const [a, b] = [median(ours), median(theirs)];
        console.log("| requests a second, published | container beside | ratio |\n| --- | --- | --- |");
        console.log(`| ${a.toFixed(0)} | ${b.toFixed(0)} | ${(a / b).toFixed(2)} |`);
    } finally {
        execFileSync("docker", ["rm", "--force", beside], { stdio: "ignore" });
        execFileSync("docker", ["image", "rm", "--no-prune", client], { stdio: "ignore" });
    }
}

main(process.argv[2], process.argv[3]).catch((error: Error) => {
    say(`error: ${error.message}`);
    process.exitCode = 1;
});
