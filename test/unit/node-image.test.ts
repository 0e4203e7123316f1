import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    chmodSync,
    createWriteStream,
    mkdirSync,
    mkdtempSync,
    readdirSync,
    readFileSync,
    rmSync,
    statSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { hashes } from "../../node-image/build";
import { imageArchive, imageConfig, imageIndex, nodeImages, tarHeader, withDirectories } from "../../node-image/images";
import { digestOfFiles } from "../../node-image/inputs";
import { defaultKubernetes, kubernetesVersions, versionsOf } from "../../node-image/kubernetes-versions";
import { linkerFlags, setKey, type ProgramSet } from "../../node-image/program-set";
import { downloadSet, ensureSet, programSets, publishedChecksum } from "../../node-image/programs";

const folder = join(__dirname, "..", "..", "node-image");
const versions = versionsOf(defaultKubernetes);
const sha256 = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");

describe("node image: versions", () => {
    const required = (module: string, path: string, version: string, isDefault: boolean): string | undefined =>
        new RegExp(`^(?:require )?\\s*${path.replaceAll(".", "\\.")} (\\S+)`, "m").exec(
            readFileSync(join(folder, "modules", module, isDefault ? "go.mod" : `${version}.mod`), "utf8"),
        )?.[1];

    for (const kubernetes of kubernetesVersions) {
        const versions = versionsOf(kubernetes);
        const isDefault = kubernetes === defaultKubernetes;

        it(`of ${kubernetes} are the ones that the Go modules pin`, () => {
            assert.deepEqual(
                {
                    kubernetes: required("kubernetes", "k8s.io/kubernetes", kubernetes, isDefault),
                    etcd: required("etcd", "go.etcd.io/etcd/server/v3", versions.etcd, isDefault),
                    coredns: required("coredns", "github.com/coredns/coredns", versions.coredns, isDefault),
                    flannel: required("flannel", "github.com/flannel-io/flannel", versions.flannel, true),
                    cniFlannel: required(
                        "cni-flannel",
                        "github.com/containernetworking/plugins",
                        versions.cniFlannel,
                        true,
                    ),
                },
                {
                    kubernetes: `v${kubernetes}`,
                    etcd: `v${versions.etcd}`,
                    coredns: `v${versions.coredns}`,
                    flannel: `v${versions.flannel}`,
                    cniFlannel: `v${versions.cniFlannel}`,
                },
            );
        });

        it(`of ${kubernetes} are in the images' tags, as kubeadm and flannel's manifest name them`, () => {
            assert.deepEqual(versions.images, {
                "kube-apiserver": `registry.k8s.io/kube-apiserver:v${kubernetes}`,
                "kube-controller-manager": `registry.k8s.io/kube-controller-manager:v${kubernetes}`,
                "kube-scheduler": `registry.k8s.io/kube-scheduler:v${kubernetes}`,
                "kube-proxy": `registry.k8s.io/kube-proxy:v${kubernetes}`,
                etcd: `registry.k8s.io/etcd:${versions.etcd}-0`,
                coredns: `registry.k8s.io/coredns/coredns:v${versions.coredns}`,
                pause: "registry.k8s.io/pause:3.10.1",
                flannel: `ghcr.io/flannel-io/flannel:v${versions.flannel}`,
            });
        });
    }

    it("has containerd hold pods with the pause image that is inside", () => {
        const configuration = readFileSync(join(folder, "files/usr/lib/nta/containerd.toml"), "utf8");
        assert.equal(/^\s*sandbox_image = "(.*)"$/m.exec(configuration)?.[1], versions.images.pause);
    });
});

describe("node image: programs", () => {
    const find = (name: string, architecture: "amd64" | "arm64" = "amd64"): ProgramSet => {
        const set = programSets(architecture).find((it) => it.name === name);
        assert.ok(set);
        return set;
    };

    it("has all that the node and its images need", () => {
        assert.deepEqual(
            programSets("amd64")
                .flatMap((set) => Object.keys(set.packages))
                .sort(),
            [
                "cni-flannel",
                "coredns",
                "etcd",
                "flanneld",
                "install-conf",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-proxy",
                "kube-scheduler",
                "kubeadm",
                "kubectl",
                "kubelet",
                "pause",
            ],
        );
    });

    it("tells Kubernetes its version", () => {
        assert.equal(
            linkerFlags(find("kubernetes")),
            "-s -w -X k8s.io/component-base/version.gitVersion=v1.34.4 -X k8s.io/component-base/version.gitMajor=1" +
                " -X k8s.io/component-base/version.gitMinor=34 -X k8s.io/component-base/version.gitTreeState=clean",
        );
    });

    it("knows the official releases of the architecture", () => {
        assert.deepEqual(find("kubernetes", "arm64").releases.kubelet, {
            url: "https://dl.k8s.io/release/v1.34.4/bin/linux/arm64/kubelet",
            checksums: "https://dl.k8s.io/release/v1.34.4/bin/linux/arm64/kubelet.sha256",
        });
        assert.deepEqual(find("etcd").releases.etcd, {
            url: "https://github.com/etcd-io/etcd/releases/download/v3.6.5/etcd-v3.6.5-linux-amd64.tar.gz",
            checksums: "https://github.com/etcd-io/etcd/releases/download/v3.6.5/SHA256SUMS",
            member: "etcd-v3.6.5-linux-amd64/etcd",
        });
    });

    it("names a set by what it is made from", () => {
        const pause = find("pause");
        assert.equal(setKey(pause, "amd64"), setKey(find("pause"), "amd64"));
        assert.notEqual(setKey(pause, "amd64"), setKey(pause, "arm64"));
        assert.notEqual(
            setKey(pause, "amd64"),
            setKey({ ...pause, module: join(folder, "modules", "cni-flannel") }, "amd64"),
        );
        assert.notEqual(setKey(pause, "amd64"), setKey({ ...pause, variables: { "main.version": "2" } }, "amd64"));
    });

    it("pins another version's sources beside the default's, of which it changes nothing", () => {
        const work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            for (const name of ["go.mod", "go.sum", "main.go"]) {
                writeFileSync(join(work, name), name);
            }
            const first = { ...find("coredns"), module: work };
            const next = { ...first, modFile: "2.0.0.mod" };
            const [alone, base] = [setKey(first, "amd64"), digestOfFiles(work)];
            assert.equal(
                alone,
                sha256(JSON.stringify(["amd64", first.packages, linkerFlags(first), first.releases, base])).slice(
                    0,
                    12,
                ),
            );
            writeFileSync(join(work, "2.0.0.mod"), "a");
            writeFileSync(join(work, "2.0.0.sum"), "a");
            assert.equal(setKey(first, "amd64"), alone);
            const before = setKey(next, "amd64");
            assert.notEqual(before, alone);
            writeFileSync(join(work, "2.0.0.sum"), "b");
            assert.notEqual(setKey(next, "amd64"), before);
        } finally {
            rmSync(work, { recursive: true });
        }
    });

    it("names root file system and image by what they are made from", () => {
        assert.notEqual(hashes("amd64").rootfs, hashes("amd64", "1.35.4").rootfs);
        assert.deepEqual(hashes("amd64"), hashes("amd64"));
        assert.notEqual(hashes("amd64").rootfs, hashes("arm64").rootfs);
        assert.notEqual(hashes("amd64").image, hashes("arm64").image);
        assert.match(hashes("amd64").image, /^[0-9a-f]{12}$/);
    });

    it("reads published checksums in their several forms", () => {
        const digest = "0123456789abcdef".repeat(4);
        const other = "f".repeat(64);
        assert.equal(publishedChecksum(`${digest}\n`, "kubelet"), digest);
        assert.equal(publishedChecksum(`${other}  other.tgz\n${digest}  etcd.tar.gz\n`, "etcd.tar.gz"), digest);
        assert.equal(publishedChecksum(`${digest.toUpperCase()} *release/coredns.tgz`, "coredns.tgz"), digest);
        assert.equal(publishedChecksum(`${other}  other.tgz\n`, "etcd.tar.gz"), undefined);
        assert.equal(publishedChecksum("<html>not found</html>", "kubelet"), undefined);
    });

    it("are found in the cache, and made again when they are damaged there", async () => {
        const work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            const given = join(work, "given");
            mkdirSync(given);
            writeFileSync(join(given, "pause"), "a program");
            const lines: string[] = [];
            const ensure = () => ensureSet(find("pause"), "amd64", work, (line) => lines.push(line), given);
            const { folder: made, source } = await ensure();
            assert.equal(source, "given");
            assert.equal((await ensure()).source, undefined);
            assert.deepEqual(lines, []);
            assert.equal(readFileSync(join(work, "bin", "pause"), "utf8"), "a program");
            assert.equal(statSync(join(work, "bin", "pause")).mode & 0o777, 0o755);

            writeFileSync(join(made, "pause"), "b program");
            assert.equal((await ensure()).source, "given");
            assert.deepEqual(lines, [`pause: ${join(made, "pause")} in the cache is corrupt; it is made again`]);
            assert.equal(readFileSync(join(work, "bin", "pause"), "utf8"), "a program");
        } finally {
            rmSync(work, { recursive: true });
        }
    });

    it("of earlier versions do not stay in the cache", async () => {
        const work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            const given = join(work, "given");
            mkdirSync(given);
            writeFileSync(join(given, "pause"), "a program");
            mkdirSync(join(work, "programs", "pause-0123456789ab"), { recursive: true });
            mkdirSync(join(work, "programs", "pausebutton-0123456789ab"));
            await ensureSet(find("pause"), "amd64", work, () => {}, given);
            assert.deepEqual(readdirSync(join(work, "programs")).sort(), [
                `pause-${setKey(find("pause"), "amd64")}`,
                "pausebutton-0123456789ab",
            ]);
        } finally {
            rmSync(work, { recursive: true });
        }
    });

    it("of other versions of Kubernetes do", async () => {
        const work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            const given = join(work, "given");
            mkdirSync(given);
            writeFileSync(join(given, "etcd"), "a program");
            const sets = kubernetesVersions.map((version) => {
                const set = programSets("amd64", versionsOf(version)).find(({ name }) => name === "etcd");
                assert.ok(set);
                return set;
            });
            for (const set of sets) {
                await ensureSet(set, "amd64", work, () => {}, given);
            }
            assert.deepEqual(
                readdirSync(join(work, "programs")).sort(),
                sets.map((set) => `etcd-${setKey(set, "amd64")}`).sort(),
            );
        } finally {
            rmSync(work, { recursive: true });
        }
    });

    describe("downloaded", () => {
        let server: Server;
        let origin: string;
        let work: string;
        const served = new Map<string, Buffer | string>();

        before(async () => {
            work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
            server = createServer((request, response) => {
                const content = served.get(request.url ?? "");
                response.writeHead(content === undefined ? 404 : 200).end(content);
            });
            await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
            origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
            mkdirSync(join(work, "tree", "tool-v1"), { recursive: true });
            writeFileSync(join(work, "tree", "tool-v1", "tool"), "the tool");
            const archive = execFileSync("tar", ["-czf", "-", "-C", join(work, "tree"), "tool-v1"]);
            served.set("/plain", "a program");
            served.set("/plain.sha256", sha256("a program"));
            served.set("/tool.tar.gz", archive);
            served.set("/SUMS", `${sha256("x")}  else.tar.gz\n${sha256(archive)}  tool.tar.gz\n`);
            served.set("/wrong", `${sha256("x")}  plain\n`);
        });
        after(async () => {
            rmSync(work, { recursive: true });
            server.closeAllConnections();
            await new Promise((resolve) => server.close(resolve));
        });

        const set = (releases: ProgramSet["releases"]): ProgramSet => ({
            name: "test",
            title: "test 1",
            module: join(folder, "modules", "pause"),
            packages: {},
            variables: {},
            releases,
        });

        it("lie in the folder, executable, and nothing else does", async () => {
            const into = mkdtempSync(join(work, "into-"));
            await downloadSet(
                set({
                    plain: { url: `${origin}/plain`, checksums: `${origin}/plain.sha256` },
                    tool: { url: `${origin}/tool.tar.gz`, checksums: `${origin}/SUMS`, member: "tool-v1/tool" },
                }),
                into,
                () => {},
            );
            assert.deepEqual(
                execFileSync("find", [into, "-type", "f", "-printf", "%P %m\n"], { encoding: "utf8" })
                    .trim()
                    .split("\n")
                    .sort(),
                ["plain 755", "tool 755"],
            );
            assert.equal(readFileSync(join(into, "tool"), "utf8"), "the tool");
        });

        it("are refused when they are not what the publisher says", async () => {
            const into = mkdtempSync(join(work, "into-"));
            await assert.rejects(
                downloadSet(set({ plain: { url: `${origin}/plain`, checksums: `${origin}/wrong` } }), into, () => {}),
                new RegExp(`${origin}/plain: the checksum is ${sha256("a program")} where ${sha256("x")} was expected`),
            );
        });

        it("are refused when the publisher's list does not have them", async () => {
            const into = mkdtempSync(join(work, "into-"));
            await assert.rejects(
                downloadSet(set({ plain: { url: `${origin}/plain`, checksums: `${origin}/SUMS` } }), into, () => {}),
                new RegExp(`${origin}/SUMS has no SHA-256 of plain`),
            );
        });
    });
});

describe("node image: digest of files", () => {
    it("sees contents, names and the executable bit, and nothing else", () => {
        const base = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            mkdirSync(join(base, "a"));
            writeFileSync(join(base, "a", "one"), "1");
            chmodSync(join(base, "a", "one"), 0o644);
            const first = digestOfFiles(base);
            utimesSync(join(base, "a", "one"), 1, 1);
            chmodSync(join(base, "a", "one"), 0o600);
            assert.equal(digestOfFiles(base), first);
            chmodSync(join(base, "a", "one"), 0o755);
            const executable = digestOfFiles(base);
            assert.notEqual(executable, first);
            writeFileSync(join(base, "a", "one"), "2");
            const changed = digestOfFiles(base);
            assert.notEqual(changed, executable);
            writeFileSync(join(base, "a", "two"), "");
            assert.notEqual(digestOfFiles(base), changed);
        } finally {
            rmSync(base, { recursive: true });
        }
    });
});

describe("node image: container images", () => {
    const names = Object.fromEntries(
        programSets("amd64")
            .flatMap((set) => Object.keys(set.packages))
            .map((name) => [name, `/programs/${name}`]),
    );

    it("start the programs where kubeadm's and flannel's manifests look for them", () => {
        assert.deepEqual(
            nodeImages(versions.images, names).map(({ ref, iptables, files, entrypoint, user }) => [
                ref,
                iptables,
                files.map(({ path, source }) => `${source} → ${path}`),
                entrypoint,
                user,
            ]),
            [
                ...["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "etcd"].map((name) => [
                    versions.images[name as keyof typeof versions.images],
                    name === "kube-proxy",
                    [`/programs/${name} → /usr/local/bin/${name}`],
                    [`/usr/local/bin/${name}`],
                    undefined,
                ]),
                [versions.images.coredns, false, ["/programs/coredns → /coredns"], ["/coredns"], undefined],
                [versions.images.pause, false, ["/programs/pause → /pause"], ["/pause"], "65535:65535"],
                [
                    versions.images.flannel,
                    true,
                    ["/programs/flanneld → /opt/bin/flanneld", "/programs/install-conf → /opt/bin/install-conf"],
                    ["/opt/bin/flanneld"],
                    undefined,
                ],
            ],
        );
    });

    it("name what is missing", () => {
        assert.throws(() => nodeImages({}, names), /nothing known about "kube-apiserver"/);
    });

    it("have a configuration with a path, which programs of static pods are found by", () => {
        const spec = { ref: "r", iptables: false, files: [], entrypoint: ["/pause"], user: "1:1" };
        assert.deepEqual(imageConfig(spec, "arm64", ["sha256:1"]), {
            architecture: "arm64",
            os: "linux",
            config: {
                Env: ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
                Entrypoint: ["/pause"],
                User: "1:1",
            },
            rootfs: { type: "layers", diff_ids: ["sha256:1"] },
        });
    });

    it("are listed under their full names", () => {
        assert.deepEqual(imageIndex([{ ref: "registry.k8s.io/pause:3", digest: "sha256:2", size: 5 }], "amd64"), {
            schemaVersion: 2,
            mediaType: "application/vnd.oci.image.index.v1+json",
            manifests: [
                {
                    mediaType: "application/vnd.oci.image.manifest.v1+json",
                    digest: "sha256:2",
                    size: 5,
                    platform: { architecture: "amd64", os: "linux" },
                    annotations: { "io.containerd.image.name": "registry.k8s.io/pause:3" },
                },
            ],
        });
    });

    it("refuse names that a tar header has no room for", () => {
        assert.throws(() => tarHeader("x".repeat(101), 0, 0o644), /longer than 100 bytes/);
    });

    it("have folders before what is in them, each once", () => {
        assert.deepEqual(
            withDirectories([
                { path: "/opt/bin/a", mode: 0o755, content: Buffer.from("a") },
                { path: "/opt/bin/b", mode: 0o755, content: Buffer.from("b") },
            ]).map(({ name }) => name),
            ["opt/", "opt/bin/", "opt/bin/a", "opt/bin/b"],
        );
    });

    it("come as one archive that tar reads, whose digests are right and the same each time", async () => {
        const work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            writeFileSync(join(work, "program"), "x".repeat(1000));
            mkdirSync(join(work, "base"));
            writeFileSync(join(work, "base", "iptables"), "y");
            execFileSync("tar", ["-cf", join(work, "base.tar"), "-C", join(work, "base"), "iptables"]);
            const specs = [
                {
                    ref: "example.org/one:1",
                    iptables: true,
                    files: [{ path: "/bin/one", source: join(work, "program") }],
                    entrypoint: ["/bin/one"],
                },
                {
                    ref: "example.org/two:1",
                    iptables: false,
                    files: [{ path: "/bin/two", source: join(work, "program") }],
                    entrypoint: ["/bin/two"],
                },
            ];
            const write = async (file: string): Promise<{ size: number; layerDigests: string[] }> => {
                const { stream, size, layerDigests } = await imageArchive(specs, "amd64", join(work, "base.tar"));
                await pipeline(stream, createWriteStream(join(work, file)));
                return { size, layerDigests };
            };
            const { size, layerDigests } = await write("first.tar");
            utimesSync(join(work, "program"), 1, 1);
            await write("second.tar");
            assert.equal(statSync(join(work, "first.tar")).size, size);
            assert.deepEqual(readFileSync(join(work, "second.tar")), readFileSync(join(work, "first.tar")));

            mkdirSync(join(work, "layout"));
            execFileSync("tar", ["-xf", join(work, "first.tar"), "-C", join(work, "layout")]);
            const read = (name: string) => readFileSync(join(work, "layout", name));
            const blob = (digest: string) => read(`blobs/sha256/${digest.replace("sha256:", "")}`);
            const index = JSON.parse(read("index.json").toString()) as { manifests: { digest: string }[] };
            const all: string[] = [];
            for (const { digest } of index.manifests) {
                assert.equal(`sha256:${sha256(blob(digest))}`, digest);
                const manifest = JSON.parse(blob(digest).toString()) as {
                    config: { digest: string; size: number };
                    layers: { digest: string; size: number }[];
                };
                for (const part of [manifest.config, ...manifest.layers]) {
                    assert.equal(`sha256:${sha256(blob(part.digest))}`, part.digest);
                    assert.equal(blob(part.digest).length, part.size);
                }
                all.push(...manifest.layers.map((layer) => layer.digest));
            }
            assert.deepEqual([...new Set(all)].sort(), [...layerDigests].sort());
            const [one] = index.manifests;
            assert.ok(one);
            const manifest = JSON.parse(blob(one.digest).toString()) as { layers: { digest: string }[] };
            const own = manifest.layers[1];
            assert.ok(own);
            assert.equal(
                execFileSync("tar", ["-xO", "bin/one"], { input: blob(own.digest), encoding: "utf8" }),
                "x".repeat(1000),
            );
        } finally {
            rmSync(work, { recursive: true });
        }
    });
});
