import * as assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureNodeImage, hashes } from "../../node-image/build";
import { buildSet, programSets } from "../../node-image/programs";
import { engineArchitecture, makeDockerImage } from "../../node-image/rootfs";
import versions from "../../node-image/versions.json";
import { command, tryCommand } from "../../tools/command";
import { cacheDirectory } from "../../tools/directories";

/** What a node needs where the engine may not give --privileged. */
const rights = [
    "--cap-add=ALL",
    "--cap-drop=SYS_RESOURCE",
    "--security-opt=seccomp=unconfined",
    "--security-opt=apparmor=unconfined",
    "--security-opt=systempaths=unconfined",
    "--device-cgroup-rule=a *:* rwm",
];

describe("node image", function () {
    this.timeout(45 * 60_000);
    let image: string;

    before(async () => {
        const lines: string[] = [];
        let last = Date.now();
        let longest = 0;
        image = await ensureNodeImage({
            cache: cacheDirectory(),
            progress: (line) => {
                longest = Math.max(longest, Date.now() - last);
                last = Date.now();
                lines.push(line);
            },
        });
        assert.ok(longest < 10_000, `silent for ${longest} ms:\n${lines.join("\n")}`);
    });

    it("is there at once when it was made before", async () => {
        const started = Date.now();
        const again = await ensureNodeImage({
            cache: cacheDirectory(),
            progress: (line) => assert.fail(`it should have nothing to do: ${line}`),
        });
        assert.equal(again, image);
        assert.ok(Date.now() - started < 2000, `took ${Date.now() - started} ms`);
    });

    it("can be made from the cached root file system when Docker lost it", async () => {
        const architecture = await engineArchitecture();
        const hash = hashes(architecture);
        const rootfs = join(cacheDirectory(), "node-image", `rootfs-${hash.rootfs}`, "rootfs.tar.gz");
        const copy = `nta-node-test:${process.pid}`;
        try {
            await makeDockerImage(copy, `test-${process.pid}`, architecture, rootfs, () => {});
            const inspect = async (name: string) => {
                const { stdout } = await command(["docker", "image", "inspect", name]);
                const [{ Config, Architecture, Size }] = JSON.parse(stdout) as {
                    Config: { Entrypoint: string[]; StopSignal: string; Env: string[] };
                    Architecture: string;
                    Size: number;
                }[];
                return { ...Config, Image: undefined, Architecture, Size: Math.round(Size / 1e7) };
            };
            const made = await inspect(copy);
            assert.deepEqual(made, await inspect(image));
            assert.deepEqual(made.Entrypoint, ["/sbin/nta-init"]);
            assert.equal(made.StopSignal, "SIGRTMIN+3");
        } finally {
            await tryCommand(["docker", "rmi", copy]);
        }
    });

    it("builds programs from their pinned modules", async () => {
        const work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        try {
            const set = programSets("amd64").find(({ name }) => name === "pause");
            assert.ok(set);
            const lines: string[] = [];
            await buildSet(set, "amd64", work, join(work, "go-build"), (line) => lines.push(line));
            assert.match(lines.join("\n"), /^pause: compiling \(/m);
            const { stdout } = await command(["go", "version", "-m", join(work, "pause")]);
            assert.match(stdout, /CGO_ENABLED=0/);
            assert.match(stdout, /-trimpath=true/);
            assert.doesNotMatch(stdout, /vcs/);
        } finally {
            rmSync(work, { recursive: true, force: true });
        }
    });

    describe("booted, without any network", () => {
        const name = `nta-node-image-test-${process.pid}`;
        const inside = async (...line: string[]): Promise<string> =>
            (await command(["docker", "exec", name, ...line])).stdout.trim();

        before(async () => {
            const run = (how: string[]) =>
                tryCommand([
                    "docker",
                    "run",
                    "--detach",
                    `--name=${name}`,
                    "--hostname=node-1",
                    "--network=none",
                    "--cgroupns=private",
                    "--tmpfs=/run",
                    "--tmpfs=/tmp:exec",
                    "--volume=/var/lib/containerd",
                    "--volume=/var/lib/kubelet",
                    "--volume=/var/log",
                    ...how,
                    image,
                ]);
            if ((await run(["--privileged"])).code !== 0) {
                await tryCommand(["docker", "rm", "--force", "--volumes", name]);
                const { code, stderr } = await run(rights);
                assert.equal(code, 0, stderr);
            }
        });

        after(async () => {
            await tryCommand(["docker", "rm", "--force", "--volumes", name]);
        });

        it("has systemd running, with no failed unit", async () => {
            const deadline = Date.now() + 120_000;
            let state = "";
            while (!/^(running|degraded)/.test(state) && Date.now() < deadline) {
                await sleep(500);
                state = (await tryCommand(["docker", "exec", name, "systemctl", "is-system-running"])).stdout.trim();
            }
            const failed = await inside("systemctl", "list-units", "--failed", "--no-legend", "--plain");
            assert.deepEqual({ state, failed }, { state: "running", failed: "" });
        });

        it("has cloud-init done, and the node's units as they should be before it is configured", async () => {
            assert.match(await inside("cloud-init", "status", "--wait"), /status: done/);
            const units = ["containerd", "kubelet", "docker-registry"];
            const states = await Promise.all(
                units.map(async (unit) => {
                    const line = (what: string) => tryCommand(["docker", "exec", name, "systemctl", what, unit]);
                    return [unit, (await line("is-enabled")).stdout.trim(), (await line("is-active")).stdout.trim()];
                }),
            );
            assert.deepEqual(states, [
                ["containerd", "enabled", "active"],
                ["kubelet", "enabled", "inactive"],
                ["docker-registry", "disabled", "inactive"],
            ]);
        });

        it("has Kubernetes' programs in their version", async () => {
            const version = `v${versions.kubernetes}`;
            assert.equal(await inside("kubelet", "--version"), `Kubernetes ${version}`);
            assert.equal(await inside("kubeadm", "version", "--output=short"), version);
            assert.match(await inside("kubectl", "version", "--client"), new RegExp(`Client Version: ${version}`));
        });

        it("has the images that kubeadm asks for, and flannel's, in containerd", async () => {
            const wanted = await inside(
                "kubeadm",
                "config",
                "images",
                "list",
                `--kubernetes-version=v${versions.kubernetes}`,
            );
            const present = (await inside("ctr", "--namespace=k8s.io", "images", "list", "--quiet")).split("\n");
            // containerd's CRI names each image that it has taken over by its configuration's digest as well.
            const ids = present.filter((ref) => ref.startsWith("sha256:"));
            const names = present.filter((ref) => !ids.includes(ref));
            assert.deepEqual(names.sort(), [...wanted.split("\n"), versions.images.flannel].sort());
            assert.equal(ids.length, names.length);
        });

        it("runs them from the store that it brought along", async () => {
            const ctr = (image: string, ...line: string[]) =>
                inside("ctr", "--namespace=k8s.io", "run", "--rm", image, `test-${Date.now()}`, ...line);
            assert.match(
                await ctr(versions.images.etcd, "etcd", "--version"),
                new RegExp(`etcd Version: ${versions.etcd}`),
            );
            assert.match(await ctr(versions.images["kube-proxy"], "iptables", "--version"), /iptables v1\.8/);
            assert.match(await ctr(versions.images["kube-proxy"], "nft", "--version"), /nftables v1/);
            assert.equal(await ctr(versions.images.flannel, "/opt/bin/flanneld", "--version"), `v${versions.flannel}`);
            assert.match(
                await ctr(versions.images.coredns, "/coredns", "-version"),
                new RegExp(`CoreDNS-${versions.coredns}`),
            );
        });

        it("has the CNI plugins that flannel's configuration calls", async () => {
            const plugins = (await inside("ls", "/opt/cni/bin")).split("\n");
            for (const plugin of ["bridge", "flannel", "host-local", "loopback", "portmap"]) {
                assert.ok(plugins.includes(plugin), `no ${plugin} among ${plugins.join(", ")}`);
            }
            assert.equal(await inside("sh", "-c", "for p in /opt/cni/bin/*; do [ -x $p ] || echo $p; done"), "");
        });

        it("tells containerd and kubelet the host's cgroup version", async () => {
            const unified = (await inside("stat", "-fc", "%T", "/sys/fs/cgroup")) === "cgroup2fs";
            assert.match(
                await inside("cat", "/run/nta/containerd.toml"),
                new RegExp(`^ +SystemdCgroup = ${String(unified)}$`, "m"),
            );
            await inside("/usr/lib/nta/host-settings");
            assert.match(
                await inside("cat", "/run/nta/kubelet.conf.d/10-host.conf"),
                new RegExp(`^cgroupDriver: ${unified ? "systemd" : "cgroupfs"}$`, "m"),
            );
        });

        it("may make cgroups", async () => {
            const root = "/sys/fs/cgroup";
            const folder = (await tryCommand(["docker", "exec", name, "test", "-d", `${root}/memory`])).code === 0;
            await inside("mkdir", `${root}${folder ? "/memory" : ""}/nta-test`);
            await inside("rmdir", `${root}${folder ? "/memory" : ""}/nta-test`);
        });

        it("shuts down when Docker stops it", async () => {
            const started = Date.now();
            await command(["docker", "stop", "--time=60", name]);
            const { stdout } = await command(["docker", "inspect", "--format={{.State.ExitCode}}", name]);
            assert.equal(stdout.trim(), "130");
            assert.ok(Date.now() - started < 30_000, `took ${Date.now() - started} ms`);
        });
    });
});
