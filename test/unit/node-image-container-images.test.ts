import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
    createWriteStream,
    mkdirSync,
    mkdtempSync,
    readFileSync,
    rmSync,
    statSync,
    utimesSync,
    writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { imageArchive, imageConfig, imageIndex, nodeImages, tarHeader, withDirectories } from "../../node-image/images";
import { defaultKubernetes, versionsOf } from "../../node-image/kubernetes-versions";
import { programSets } from "../../node-image/programs";

const versions = versionsOf(defaultKubernetes);
const sha256 = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");

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
