/**
 * The programs of a node: where each can be had, and how it is built where it can't.
 *
 * Each set of programs ends in its own folder `<cache>/node-image/programs/<set>-<key>`, whose key comes from what it is
 * made from, and is linked from `<cache>/node-image/bin/<program>`.
 */
import { existsSync, readdirSync } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rename, rm, symlink } from "node:fs/promises";
import { basename, join, relative } from "node:path";
import { ensureArtifact } from "../tools/artifact";
import { command } from "../tools/command";
import { download, fetchText, reaches } from "../tools/download";
import { Problem } from "../tools/problem";
import { formatDuration } from "../tools/progress";
import { findGo, isPackageLine } from "../tools/pulumi-engine";
import { Unavailable } from "../tools/sources";
import type { Programs } from "./images";
import { defaultKubernetes, kubernetesVersions, type Versions, versionsOf } from "./kubernetes-versions";
import { linkerFlags, setFolder, type Architecture, type ProgramSet } from "./program-set";

const kubernetesPrograms = [
    "kubeadm",
    "kubelet",
    "kubectl",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-scheduler",
    "kube-proxy",
];

const moduleFolder = (name: string): string => join(__dirname, "modules", name);

/** Where the sources of a program in a version are pinned: the default's in go.mod. */
function moduleOf(name: "kubernetes" | "etcd" | "coredns", version: string): Pick<ProgramSet, "module" | "modFile"> {
    const isDefault = versionsOf(defaultKubernetes)[name] === version;
    return { module: moduleFolder(name), ...(isDefault ? {} : { modFile: `${version}.mod` }) };
}

/** All programs of a node. */
export function programSets(
    architecture: Architecture,
    versions: Versions = versionsOf(defaultKubernetes),
): ProgramSet[] {
    const { kubernetes, etcd, coredns, flannel, cniFlannel } = versions;
    const [major, minor] = kubernetes.split(".");
    const etcdRelease = `https://github.com/etcd-io/etcd/releases/download/v${etcd}`;
    const etcdFolder = `etcd-v${etcd}-linux-${architecture}`;
    const corednsArchive = `https://github.com/coredns/coredns/releases/download/v${coredns}/coredns_${coredns}_linux_${architecture}.tgz`;
    return [
        {
            name: "kubernetes",
            title: `Kubernetes ${kubernetes}`,
            ...moduleOf("kubernetes", kubernetes),
            packages: Object.fromEntries(kubernetesPrograms.map((name) => [name, `k8s.io/kubernetes/cmd/${name}`])),
            variables: {
                "k8s.io/component-base/version.gitVersion": `v${kubernetes}`,
                "k8s.io/component-base/version.gitMajor": major ?? "",
                "k8s.io/component-base/version.gitMinor": minor ?? "",
                "k8s.io/component-base/version.gitTreeState": "clean",
            },
            releases: Object.fromEntries(
                kubernetesPrograms.map((name) => {
                    const url = `https://dl.k8s.io/release/v${kubernetes}/bin/linux/${architecture}/${name}`;
                    return [name, { url, checksums: `${url}.sha256` }];
                }),
            ),
        },
        {
            name: "etcd",
            title: `etcd ${etcd}`,
            ...moduleOf("etcd", etcd),
            packages: { etcd: "go.etcd.io/etcd/server/v3" },
            variables: {},
            releases: {
                etcd: {
                    url: `${etcdRelease}/${etcdFolder}.tar.gz`,
                    checksums: `${etcdRelease}/SHA256SUMS`,
                    member: `${etcdFolder}/etcd`,
                },
            },
        },
        {
            name: "coredns",
            title: `CoreDNS ${coredns}`,
            ...moduleOf("coredns", coredns),
            packages: { coredns: "." },
            variables: {},
            releases: {
                coredns: { url: corednsArchive, checksums: `${corednsArchive}.sha256`, member: "coredns" },
            },
        },
        {
            name: "flannel",
            title: `flannel ${flannel}`,
            module: moduleFolder("flannel"),
            packages: { flanneld: ".", "install-conf": "github.com/flannel-io/flannel/cmd/install_conf" },
            variables: { "github.com/flannel-io/flannel/pkg/version.Version": `v${flannel}` },
            releases: {},
        },
        {
            name: "cni-flannel",
            title: `flannel's CNI plugin ${cniFlannel}`,
            module: moduleFolder("cni-flannel"),
            packages: { "cni-flannel": "github.com/containernetworking/plugins/plugins/meta/flannel" },
            variables: {},
            releases: {},
        },
        {
            name: "pause",
            title: "pause",
            module: moduleFolder("pause"),
            packages: { pause: "." },
            variables: {},
            releases: {},
        },
    ];
}

/**
 * The SHA-256 of the file `name` in what its publisher gives: a bare digest, or lines as sha256sum writes them, in
 * which the name may carry a folder. Undefined when it is not there.
 */
export function publishedChecksum(text: string, name: string): string | undefined {
    for (const line of text.split("\n")) {
        const match = /^([0-9a-f]{64})(?:\s+\*?(\S+))?$/i.exec(line.trim());
        if (match?.[1] !== undefined && (match[2] === undefined || basename(match[2]) === name)) {
            return match[1].toLowerCase();
        }
    }
    return undefined;
}

/** Fetches a set's official releases into a folder. */
export async function downloadSet(set: ProgramSet, into: string, progress: (line: string) => void): Promise<void> {
    const parts = Object.entries(set.releases);
    for (const [index, [program, release]] of parts.entries()) {
        const file = basename(new URL(release.url).pathname);
        const sha256 = publishedChecksum(await fetchText(release.checksums), file);
        if (sha256 === undefined) {
            throw new Error(`${release.checksums} has no SHA-256 of ${file}`);
        }
        const fetched = join(into, release.member === undefined ? program : file);
        const count = parts.length > 1 ? ` (${index + 1} of ${parts.length})` : "";
        await download({
            url: release.url,
            file: fetched,
            sha256,
            report: (activity) => progress(`${set.title}: ${program}${count}, ${activity}`),
        });
        if (release.member !== undefined) {
            await command(["tar", "-xzf", fetched, "-C", into, release.member]);
            await rm(fetched);
            if (release.member !== program) {
                await rename(join(into, release.member), join(into, program));
                await rm(join(into, release.member.split("/")[0] ?? ""), { recursive: true, force: true });
            }
        }
        await chmod(join(into, program), 0o755);
    }
}

/** Builds a set from its pinned Go modules; go.sum is the proof that the sources are the published ones. */
export async function buildSet(
    set: ProgramSet,
    architecture: Architecture,
    into: string,
    goCache: string,
    progress: (line: string) => void,
): Promise<void> {
    const go = await findGo();
    if (go instanceof Unavailable) {
        throw new Problem(`${set.title} has to be built here: ${go.reason}`);
    }
    const cwd = set.module;
    const modFile = set.modFile === undefined ? "" : ` -modfile=${set.modFile}`;
    const env = {
        ...process.env,
        CGO_ENABLED: "0",
        GOOS: "linux",
        GOARCH: architecture,
        GOFLAGS: `-mod=readonly -buildvcs=false${modFile}`,
        GOWORK: "off",
        GOCACHE: goCache,
    };
    const packages = Object.values(set.packages);
    let modules = 0;
    progress(`${set.title}: fetching its Go modules`);
    const { stdout } = await command([go, "list", "-deps", ...packages], {
        cwd,
        env,
        onLine: (line) => {
            if (line.startsWith("go: downloading")) {
                progress(`${set.title}: fetching its Go modules, ${++modules} so far`);
            }
        },
    });
    const total = stdout.trim().split("\n").length;

    // Go names a program after its package's folder; each of ours has the name that the set gives it.
    const started = Date.now();
    let compiled = 0;
    const output = join(into, "programs");
    await mkdir(output);
    const state = () => {
        const names = Object.keys(set.packages);
        const programs = names.length > 1 ? `${readdirSync(output).length} of ${names.length} programs, ` : "";
        const count = compiled > 0 ? `${Math.min(compiled, total)} of ${total} packages, ` : "";
        progress(`${set.title}: compiling (${programs}${count}${formatDuration(Date.now() - started)} so far)`);
    };
    state();
    const timer = setInterval(state, 5000);
    try {
        for (const group of buildGroups(set)) {
            await command(
                [
                    go,
                    "build",
                    "-v",
                    "-trimpath",
                    "-ldflags",
                    linkerFlags(set),
                    "-o",
                    group.output === undefined ? `${output}/` : join(output, group.output),
                    ...group.packages,
                ],
                { cwd, env, onLine: (line) => (compiled += isPackageLine(line) ? 1 : 0) },
            );
        }
    } finally {
        clearInterval(timer);
    }
    for (const program of Object.keys(set.packages)) {
        await rename(join(output, program), join(into, program));
    }
    await rm(output, { recursive: true });
}

/** Packages whose folder's name is the program's are built in one call; each other needs its own. */
function buildGroups(set: ProgramSet): { output?: string; packages: string[] }[] {
    const entries = Object.entries(set.packages);
    const alike = entries.filter(([program, path]) => basename(path) === program);
    const renamed = entries.filter(([program, path]) => basename(path) !== program);
    return [
        ...(alike.length > 0 ? [{ packages: alike.map(([, path]) => path) }] : []),
        ...renamed.map(([program, path]) => ({ output: program, packages: [path] })),
    ];
}

/** What was done for a set. */
export interface SetResult {
    folder: string;
    /** Undefined: it was there already. */
    source?: "official release" | "Go modules" | "given";
}

/**
 * Sees to it that a set is in the cache, whole: checked if it was there, else downloaded, else built.
 *
 * @param directory the part of the cache for it, such as `<cache>/node-image`
 * @param given a folder whose programs are taken instead, where it has all of a set
 */
export async function ensureSet(
    set: ProgramSet,
    architecture: Architecture,
    directory: string,
    progress: (line: string) => void,
    given?: string,
): Promise<SetResult> {
    const folder = setFolder(set, architecture, directory);
    const goCache = join(directory, "go-build");
    let source: SetResult["source"];
    await ensureArtifact(
        folder,
        async (into) => {
            const names = Object.keys(set.packages);
            if (given !== undefined && names.every((program) => existsSync(join(given, program)))) {
                for (const program of names) {
                    await copyFile(join(given, program), join(into, program));
                    await chmod(join(into, program), 0o755);
                }
                source = "given";
                return;
            }
            const releases = Object.values(set.releases);
            const probes = await Promise.all(releases.map(({ url }) => reaches(url)));
            if (releases.length > 0 && probes.every(Boolean)) {
                try {
                    await downloadSet(set, into, progress);
                    source = "official release";
                    return;
                } catch (error) {
                    const reason = error instanceof Error ? error.message : String(error);
                    progress(`${set.title}: no official release (${reason}); building it from its Go modules`);
                    await rm(into, { recursive: true, force: true });
                    await mkdir(into, { recursive: true });
                }
            }
            await buildSet(set, architecture, into, goCache, progress);
            source = "Go modules";
        },
        (what) => progress(`${set.title}: ${what}`),
    );
    await removeOthers(set, architecture, directory);
    await linkPrograms(Object.keys(set.packages), folder, join(directory, "bin"));
    return { folder, source };
}

/** Sees to it that these sets are in the cache. @returns the programs' paths by their names */
export async function ensurePrograms(
    sets: readonly ProgramSet[],
    architecture: Architecture,
    options: { directory: string; progress: (line: string) => void; given?: string },
): Promise<Programs> {
    const { directory, progress, given } = options;
    const programs: Programs = {};
    for (const set of sets) {
        const { source, folder } = await ensureSet(set, architecture, directory, progress, given);
        if (source !== undefined) {
            progress(`${set.title}: ready (${source})`);
        }
        for (const program of Object.keys(set.packages)) {
            programs[program] = join(folder, program);
        }
    }
    // Go's build cache reaches many times the programs' size and is of no use once they are there.
    await rm(join(directory, "go-build"), { recursive: true, force: true });
    return programs;
}

/** What a set was formerly made from is of no more use, unless it belongs to another version of Kubernetes. */
async function removeOthers(set: ProgramSet, architecture: Architecture, directory: string): Promise<void> {
    const all = [set, ...kubernetesVersions.flatMap((version) => programSets(architecture, versionsOf(version)))];
    const kept = all.map((other) => setFolder(other, architecture, directory));
    const programs = join(directory, "programs");
    for (const entry of await readdir(programs)) {
        const folder = join(programs, entry);
        if (new RegExp(`^${set.name}-[0-9a-f]{12}(\\.partial)?$`).test(entry) && !kept.includes(folder)) {
            await rm(folder, { recursive: true, force: true });
        }
    }
}

async function linkPrograms(programs: string[], folder: string, bin: string): Promise<void> {
    await mkdir(bin, { recursive: true });
    for (const program of programs) {
        const link = join(bin, program);
        const next = `${link}.${process.pid}`;
        await rm(next, { force: true });
        await symlink(relative(bin, join(folder, program)), next);
        await rename(next, link);
        if (!existsSync(link)) {
            throw new Error(`${link} leads nowhere`);
        }
    }
}
