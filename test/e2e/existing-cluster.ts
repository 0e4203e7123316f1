import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { stringify } from "yaml";

import { StackUnderTest } from "./stack-under-test";
import { TaurusClient } from "./taurus-client";
import { Workspace } from "./workspace";

interface Listed {
    items: {
        metadata: { name: string; uid: string };
        spec: { storageClassName?: string; containers?: { image: string }[] };
        status: { phase?: string; containerStatuses?: { restartCount: number }[] };
    }[];
}

/**
 * A second stack on the cluster of the first one, in which the first runs on: `cluster: existing`.
 *
 * @param first The stack whose cluster it is. It has to be up when the tests run.
 */
export function existingCluster(first: StackUnderTest): void {
    describe("a second stack on the same cluster", () => {
        const second = new Workspace("e2e-beside", first);
        const node = `${first.cluster}-1`;
        const folders = [1, 2, 3, 4].map((number) => `/var/lib/${second.stack}/${number}`);
        const kubeconfig = `${first.root}/state/nta/machines/${first.cluster}/kubeconfig`;
        const settings = {
            cluster: "existing",
            kubeconfig,
            kubeContext: first.cluster,
            storageClass: second.stack,
            namespace: second.stack,
            source: "sample",
        };
        const configure = (change: object = {}) =>
            second.configure({ ...settings, registry: `localhost:${first.ports.registry}`, ...change });
        const get = async (what: string) => JSON.parse(await first.output(`kubectl get ${what} -o json`)) as Listed;

        /** What would show that somebody touched the first stack: pods, claims, the machine. */
        const fingerprint = async () => {
            const pods = await get("pods -n taurus");
            const claims = await get("persistentvolumeclaims -n taurus");
            return {
                pods: pods.items.map(({ metadata, status }) => [
                    metadata.uid,
                    status.containerStatuses?.map(({ restartCount }) => restartCount),
                ]),
                claims: claims.items.map(({ metadata, status }) => [metadata.uid, status.phase]),
                machine: execFileSync("docker", ["inspect", "-f", "{{.Id}} {{.State.StartedAt}}", node], {
                    encoding: "utf8",
                }),
            };
        };
        let untouched: Awaited<ReturnType<typeof fingerprint>>;

        before(async () => {
            untouched = await fingerprint();
            // Volumes as an administrator lays them out where no provisioner makes them.
            execFileSync("docker", ["exec", node, "mkdir", "-p", ...folders]);
            const storageClass = {
                apiVersion: "storage.k8s.io/v1",
                kind: "StorageClass",
                metadata: { name: second.stack },
                provisioner: "kubernetes.io/no-provisioner",
                volumeBindingMode: "WaitForFirstConsumer",
            };
            const onNode = { key: "kubernetes.io/hostname", operator: "In", values: [node] };
            const volumes = folders.map((folder, index) => ({
                apiVersion: "v1",
                kind: "PersistentVolume",
                metadata: { name: `${second.stack}-${index}` },
                spec: {
                    capacity: { storage: "5Gi" },
                    accessModes: ["ReadWriteOnce"],
                    storageClassName: second.stack,
                    local: { path: folder },
                    nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [onNode] }] } },
                },
            }));
            const documents = [storageClass, ...volumes].map((document) => stringify(document)).join("---\n");
            const applied = await first.shell("kubectl apply -f -", { input: documents, timeout: 60 });
            assert.equal(applied.code, 0, applied.stderr);
        });

        after(async function () {
            this.timeout(300_000);
            await second.run("npm", ["run", "destroy"], { timeout: 200 }).catch(console.error);
            second.forgetInCache();
            const names = folders.map((_, index) => `persistentvolume/${second.stack}-${index}`);
            await first.shell(`kubectl delete --wait=false ${names.join(" ")} storageclass/${second.stack}`);
        });

        it("is refused the first one's namespace before anything is made", async () => {
            configure({ namespace: "taurus" });
            const { code, stdout, stderr } = await second.run("npm", ["run", "up"], { timeout: 120 });
            assert.notEqual(code, 0);
            assert.match(stderr, /namespace "taurus" \(nta:namespace\) is in the cluster already/);
            assert.match(stderr, /mend: .*pulumi config set namespace/);
            assert.doesNotMatch(stdout, /\bcreat(ing|ed)\b/);
        });

        it("comes up without Vagrant and a node image, and Taurus answers at a port of the node", async () => {
            configure();
            const result = await second.run("npm", ["run", "up"], { timeout: 600, echo: "beside |" });
            assert.equal(result.code, 0, result.stderr);
            assert.doesNotMatch(result.stdout, /\] (Vagrant|Node image)/);
            const pods = await get(`pods -n ${second.stack}`);
            const images = pods.items.flatMap(({ spec }) => spec.containers?.map(({ image }) => image) ?? []);
            assert.equal(images.length, 6);
            for (const image of images) {
                assert.ok(image.startsWith(`localhost:${first.ports.registry}/`) && image.includes("@sha256:"), image);
            }
            const claims = await get(`persistentvolumeclaims -n ${second.stack}`);
            assert.deepEqual(
                claims.items.map(({ spec, status }) => [spec.storageClassName, status.phase]),
                Array.from({ length: 4 }, () => [second.stack, "Bound"]),
            );
            const addresses = JSON.parse(await second.output("pulumi stack output addresses --json")) as {
                taurus: string;
                metrics: string;
            };
            const { hostname, port } = new URL(addresses.taurus);
            const client = new TaurusClient({
                host: hostname,
                httpsPort: Number(port),
                metricsPort: Number(addresses.metrics.split(":")[1]),
                apiKey: await second.output("pulumi stack output apiKey --show-secrets"),
            });
            assert.equal((await client.request("GET", "/_models")).status, 200);
        });

        it("means the same cluster after `source env`, and changes nothing when run again", async () => {
            assert.equal(await second.output("kubectl config current-context"), first.cluster);
            await second.output("pulumi up --yes --skip-preview --expect-no-changes");
            const doctor = await second.run("npm", ["run", "doctor"], { timeout: 60 });
            assert.equal(doctor.code, 0, doctor.stdout);
        });

        it("leaves the first one whole when it is destroyed", async () => {
            const result = await second.run("npm", ["run", "destroy"], { timeout: 200 });
            assert.equal(result.code, 0, result.stderr);
            const namespaces = (await get("namespaces")).items.map(({ metadata }) => metadata.name);
            assert.ok(namespaces.includes("taurus") && !namespaces.includes(second.stack), namespaces.join(" "));
            assert.deepEqual(await fingerprint(), untouched);
            await first.output("pulumi preview --expect-no-changes");
        });
    });
}
