import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as path from "node:path";

import { CommandResult } from "./command";
import { existingCluster } from "./existing-cluster";
import { operations } from "./operations";
import { eventually, TaurusClient, waveWithSpike } from "./taurus-client";
import { users } from "./users";
import { freePort, Workspace } from "./workspace";

/** Seconds that one `npm run up` may take here: on a machine whose caches are empty it builds Kubernetes and Pulumi. */
const upTimeout = 75 * 60;

const workspace = new Workspace("e2e");
const figures: string[] = [];
let ports: Record<"api" | "registry" | "https" | "supervisor" | "metrics" | "management", number>;

const docker = (...args: string[]) => execFileSync("docker", args, { encoding: "utf8" }).trim();
const listed = (text: string) => text.split("\n").filter((line) => line !== "");
const machineContainers = (all = true) =>
    listed(
        docker(
            "ps",
            ...(all ? ["-a"] : []),
            "--filter",
            `label=nta.cluster=${workspace.cluster}`,
            "--format",
            "{{.Names}}",
        ),
    );
const machineVolumes = () =>
    listed(docker("volume", "ls", "--format", "{{.Name}}")).filter((name) => name.startsWith(workspace.cluster));
const machineNetworks = () =>
    listed(docker("network", "ls", "--format", "{{.Name}}")).filter((name) => name.startsWith(workspace.cluster));

function succeeded(what: string, result: CommandResult): CommandResult {
    figures.push(`${what}: ${result.seconds.toFixed(1)} s, longest silence ${result.longestSilence.toFixed(1)} s`);
    if (result.code !== 0) {
        const tail = result.lines.slice(-80).map((line) => line.text);
        assert.fail(`${what}: exit code ${result.code}\n${tail.join("\n")}`);
    }
    assert.ok(result.longestSilence < 60, `${what} was silent for ${result.longestSilence.toFixed(0)} s`);
    return result;
}

const up = (what: string, onLine?: (text: string, kill: () => void) => void) =>
    workspace.run("npm", ["run", "up"], {
        timeout: upTimeout,
        echo: `${what} |`,
        onLine: onLine && ((line, kill) => onLine(line.text, kill)),
    });

/** Runs `npm run up`, kills it and everything below it when `when` matches a line, and checks that it was killed there. */
async function upKilledAt(what: string, when: RegExp): Promise<void> {
    let killed = false;
    const result = await up(what, (text, kill) => {
        if (!killed && when.test(text)) {
            killed = true;
            // A moment later, so that the step is under way and not just announced.
            setTimeout(kill, 1500);
        }
    });
    assert.ok(
        killed,
        `no line matched ${when}; the last lines:\n${result.lines
            .slice(-40)
            .map((line) => line.text)
            .join("\n")}`,
    );
    assert.equal(result.code, 137, `the run ended before it could be killed`);
}

interface KubernetesObject {
    metadata: {
        name: string;
        namespace?: string;
        uid: string;
        labels?: Record<string, string>;
        annotations?: Record<string, string>;
    };
    spec: Record<string, unknown>;
    status: Record<string, unknown>;
}

interface Pod extends KubernetesObject {
    spec: {
        containers: { image: string; env?: { name: string; value?: string }[] }[];
        initContainers?: { image: string }[];
    };
    status: { phase: string; startTime: string; conditions?: { type: string; status: string }[] };
}

async function objects<T extends KubernetesObject>(args: string): Promise<T[]> {
    return (JSON.parse(await workspace.output(`kubectl get ${args} -o json`)) as { items: T[] }).items;
}

const isReady = (pod: Pod) =>
    pod.status.phase === "Succeeded" ||
    pod.status.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true;

async function allPodsReady(seconds: number): Promise<void> {
    await eventually("all pods Ready", seconds, async () => {
        const pods = await objects<Pod>("pods -A");
        return pods.length > 0 && pods.every(isReady) ? true : undefined;
    });
}

async function stackOutput(name: string): Promise<string> {
    return workspace.output(`pulumi stack output ${name} --show-secrets`);
}

async function client(): Promise<TaurusClient> {
    return new TaurusClient({
        host: "127.0.0.1",
        httpsPort: ports.https,
        metricsPort: ports.metrics,
        apiKey: await stackOutput("apiKey"),
    });
}

const canConnect = (port: number) =>
    new Promise<boolean>((resolve) => {
        const socket = net.connect(port, "127.0.0.1");
        socket.on("connect", () => {
            socket.destroy();
            resolve(true);
        });
        socket.on("error", () => resolve(false));
    });

/** Runs SQL as root in the MySQL pod. */
const sql = (statement: string) =>
    workspace.output(
        `kubectl -n taurus exec mysql-0 -- bash -c 'MYSQL_PWD="$MYSQL_ROOT_PASSWORD" mariadb -N -u root -h 127.0.0.1 -e "$1"' - ${JSON.stringify(statement)}`,
    );

/** Ids of the images that were built for this stack's registry. */
const ownImages = () => docker("images", "-q", "--no-trunc", "--filter", `reference=localhost:${ports.registry}/*`);

/** Number of a model's items in DynamoDB; undefined while there are none. */
async function dynamodbItems(uid: string): Promise<number | undefined> {
    const query = JSON.stringify({
        TableName: "taurus.metric_data.local",
        Select: "COUNT",
        KeyConditionExpression: "uid = :uid",
        ExpressionAttributeValues: { ":uid": { S: uid } },
    });
    // DynamoDB Local wants a signature's form only.
    const authorization =
        "AWS4-HMAC-SHA256 Credential=test/20000101/us-west-2/dynamodb/aws4_request, SignedHeaders=host, Signature=0";
    const answer = await workspace.output(
        "kubectl -n taurus exec dynamodb-0 -- curl --silent --fail-with-body http://127.0.0.1:8300/ " +
            `-H 'Content-Type: application/x-amz-json-1.0' -H 'X-Amz-Target: DynamoDB_20120810.Query' ` +
            `-H 'Authorization: ${authorization}' -d '${query}'`,
    );
    return (JSON.parse(answer) as { Count: number }).Count || undefined;
}

/** Another application to test than the sample: the path of a numenta-apps tree, of which a copy is taken. */
const otherSource = process.env.NTA_E2E_SOURCE;

/** Root folder of the application's source. */
const sourceFolder = () => path.join(workspace.clone, otherSource === undefined ? "images/sample" : "../source");

describe("first light: from a fresh clone to a scored metric, and back", function () {
    this.timeout(upTimeout * 1000);
    // Each step stands on the ones before it.
    this.bail(true);

    before(async () => {
        workspace.create();
        const names = ["api", "registry", "https", "supervisor", "metrics", "management"] as const;
        const free = await Promise.all(names.map(freePort));
        ports = Object.fromEntries(names.map((name, index) => [name, free[index]])) as typeof ports;
        if (otherSource !== undefined) {
            fs.cpSync(otherSource, sourceFolder(), { recursive: true });
        }
        workspace.configure({
            source: otherSource === undefined ? "sample" : sourceFolder(),
            apiPort: ports.api,
            registryPort: ports.registry,
            taurus: { httpsPort: ports.https, supervisorPort: ports.supervisor, metricsPort: ports.metrics },
        });
    });

    after(async function () {
        this.timeout(300_000);
        // Whatever happened above, leave nothing behind.
        if (machineContainers().length > 0 || fs.existsSync(path.join(workspace.root, "state"))) {
            await workspace.run("npm", ["run", "destroy"], { timeout: 200, echo: "cleanup |" }).catch(console.error);
        }
        for (const name of machineContainers()) {
            docker("rm", "-f", "-v", name);
        }
        for (const name of machineVolumes()) {
            docker("volume", "rm", "-f", name);
        }
        workspace.remove();
        console.log(["", "Figures:", ...figures].join("\n      "));
    });

    describe("killed three times", () => {
        it("is killed while it makes the machine", () => upKilledAt("up, killed 1", /cluster-machine creating/));

        it("is killed while it builds an image", () => upKilledAt("up, killed 2", /images-htmengine creating/));

        it("is killed while it rolls out", () => upKilledAt("up, killed 3", /taurus-schema-job creating/));

        it("converges when it is run again", async () => {
            const result = succeeded("up after three kills", await up("up"));
            assert.match(result.stdout, /source env/);
        });
    });

    describe("the cluster", () => {
        it("has a Ready node and every program of the original README", async () => {
            const [node] = await objects<KubernetesObject>("nodes");
            assert.equal(node.metadata.name, `${workspace.cluster}-1`);
            const conditions = node.status.conditions as { type: string; status: string }[];
            assert.equal(conditions.find((condition) => condition.type === "Ready")?.status, "True");
            assert.match(
                (node.status.nodeInfo as { containerRuntimeVersion: string }).containerRuntimeVersion,
                /^containerd:/,
            );
            const pods = (await objects<Pod>("pods -A")).map((pod) => pod.metadata.name);
            for (const name of [
                "etcd",
                "kube-apiserver",
                "kube-controller-manager",
                "kube-scheduler",
                "kube-proxy",
                "coredns",
                "flannel",
            ]) {
                assert.ok(
                    pods.some((pod) => pod.startsWith(name)),
                    `no pod ${name}-… among ${pods.join(" ")}`,
                );
            }
        });

        it("gives pods 10.244.0.0/16 over VXLAN and services 10.100.0.0/16", async () => {
            const flannel = await workspace.output(
                "kubectl -n kube-flannel get configmap flannel -o 'jsonpath={.data.net-conf\\.json}'",
            );
            const network = JSON.parse(flannel) as { Network: string; Backend: { Type: string } };
            assert.equal(network.Network, "10.244.0.0/16");
            assert.equal(network.Backend.Type, "vxlan");
            const kubernetes = await workspace.output("kubectl get service kubernetes -o 'jsonpath={.spec.clusterIP}'");
            assert.equal(kubernetes, "10.100.0.1");
            const addresses = await workspace.output(
                "kubectl -n taurus get pods -o 'jsonpath={.items[*].status.podIP}'",
            );
            assert.match(addresses, /^(10\.244\.\d+\.\d+ ?)+$/);
        });

        it("is what vagrant, docker and kubectl show after `source env`", async () => {
            assert.match(await workspace.output("vagrant status"), /running/);
            assert.match(
                await workspace.output("docker ps --format '{{.Names}}'"),
                new RegExp(`^${workspace.cluster}-1$`, "m"),
            );
            assert.equal(await workspace.output("kubectl config current-context"), workspace.cluster);
            assert.match(await workspace.output("kubectl auth can-i '*' '*'"), /yes/);
        });

        it("leaves the checkout as it was", async () => {
            assert.equal(await workspace.output("git status --porcelain | grep -v Pulumi.e2e- || true"), "");
        });
    });

    describe("images", () => {
        it("are in the registry on the node, and every pod of ours runs by digest from it", async () => {
            const catalog = (await (await fetch(`http://127.0.0.1:${ports.registry}/v2/_catalog`)).json()) as {
                repositories: string[];
            };
            for (const name of [
                "nta.utils",
                "htmengine",
                "taurus.metric_collectors",
                "taurus",
                "taurus-dynamodb",
                "mysql",
                "rabbitmq",
            ]) {
                assert.ok(
                    catalog.repositories.includes(name),
                    `${name} is not among ${catalog.repositories.join(" ")}`,
                );
            }
            const pods = await objects<Pod>("pods -n taurus");
            const used = pods.flatMap((pod) =>
                [...pod.spec.containers, ...(pod.spec.initContainers ?? [])].map((container) => container.image),
            );
            assert.ok(used.length >= 5);
            for (const image of used) {
                assert.match(image, new RegExp(`^localhost:${ports.registry}/[a-z._-]+@sha256:[0-9a-f]{64}$`));
            }
        });
    });

    describe("an image as a file", () => {
        it("is loaded and run by a Docker without a registry", async () => {
            const file = path.join(workspace.root, "mysql.tar");
            const exported = succeeded(
                "npm run image",
                await workspace.run("npm", ["run", "image", "--", "mysql", "--output", file], { timeout: 300 }),
            );
            const name = /^ +(nta\/mysql:[0-9a-f]{12})$/m.exec(exported.stdout)?.[1];
            assert.ok(name !== undefined, exported.stdout);
            assert.equal(docker("images", "--quiet", name), "", "the export leaves its own name behind");
            docker("load", "--input", file);
            try {
                const run = ["run", "--rm", "--network", "none", "--pull", "never"];
                assert.match(docker(...run, "--entrypoint", "mariadbd", name, "--version"), /MariaDB/);
            } finally {
                docker("rmi", "--no-prune", name);
            }
        });
    });

    describe("support and Taurus", () => {
        it("offers the Services by the names of the original", async () => {
            const services = new Map(
                (await objects<KubernetesObject>("services -n taurus")).map((service) => [
                    service.metadata.name,
                    (service.spec.ports as { port: number }[]).map(({ port }) => port),
                ]),
            );
            assert.ok(services.get("mysql")?.includes(3306));
            assert.ok([5672, 15672].every((port) => services.get("rabbit")?.includes(port)));
            assert.ok(services.get("dynamodb")?.includes(8300));
            assert.ok([443, 9001].every((port) => services.get("taurus")?.includes(port)));
        });

        it("keeps data on persistent volumes of the node", async () => {
            const claims = await objects<KubernetesObject>("persistentvolumeclaims -n taurus");
            assert.ok(claims.length >= 4);
            for (const claim of claims) {
                assert.equal(claim.status.phase, "Bound", claim.metadata.name);
            }
        });

        it("enforces Pod Security: baseline, and restricted for support", async () => {
            const labels = JSON.parse(
                await workspace.output("kubectl get namespace taurus -o json"),
            ) as KubernetesObject;
            assert.equal(labels.metadata.labels?.["pod-security.kubernetes.io/enforce"], "baseline");
            const warned = await workspace.shell(
                "kubectl label --dry-run=server --overwrite namespace taurus pod-security.kubernetes.io/enforce=restricted",
            );
            for (const name of ["mysql", "rabbit", "dynamodb"]) {
                assert.doesNotMatch(warned.stderr, new RegExp(`^.*${name}-0.*:`, "m"));
            }
        });

        it("hands passwords out through Secrets only, and keeps none in plain text in the state", async () => {
            const pods = await objects<Pod>("pods -n taurus");
            const password = await stackOutput("mysqlPassword");
            const apiKey = await stackOutput("apiKey");
            assert.ok(password.length >= 16 && apiKey.length >= 5);
            assert.ok(!JSON.stringify(pods).includes(password) && !JSON.stringify(pods).includes(apiKey));
            const state = await workspace.output("pulumi stack export", { timeout: 60 });
            assert.ok(!state.includes(password) && !state.includes(apiKey) && !state.includes("PRIVATE KEY"));
        });

        it("started the schema after the databases and the server after the schema", async () => {
            const state = JSON.parse(await workspace.output("pulumi stack export")) as {
                deployment: {
                    resources: {
                        urn: string;
                        type: string;
                        created?: string;
                        inputs?: { metadata?: { name?: string } };
                    }[];
                };
            };
            const order = state.deployment.resources.map(
                (resource) => `${resource.type}::${resource.inputs?.metadata?.name ?? ""}`,
            );
            const at = (entry: string) => {
                const index = order.findIndex((candidate) => candidate.endsWith(entry));
                assert.ok(index >= 0, `${entry} is not among\n${order.join("\n")}`);
                return index;
            };
            const schema = order.findIndex((entry) => entry.startsWith("kubernetes:batch/v1:Job::"));
            for (const name of ["StatefulSet::mysql", "StatefulSet::rabbit", "StatefulSet::dynamodb"]) {
                assert.ok(at(name) < schema, `${name} stands after the schema`);
            }
            assert.ok(schema < at("ReplicationController::taurus-server"));
        });

        it("answers on 443 and 9001 from the host", async () => {
            const { status } = await (await client()).request("GET", "/_models");
            assert.equal(status, 200);
            assert.ok(await canConnect(ports.supervisor));
        });
    });

    describe("a metric", () => {
        const metric = "e2e.wave";
        let uid: string;

        it("sent from the host is scored above 0.99 at its spike", async () => {
            const taurus = await client();
            const samples = waveWithSpike(700, Math.floor(Date.now() / 1000));
            await taurus.sendSamples(metric, samples.slice(0, 20));
            await eventually("the metric is known", 60, async () =>
                (await taurus.customMetrics()).includes(metric) ? true : undefined,
            );
            uid = await taurus.createModel(metric, { min: 0, max: 400 });
            await taurus.sendSamples(metric, samples.slice(20));
            const spike = await eventually("the spike is scored", 240, async () =>
                (await taurus.records(uid)).find((record) => record.value === 390 && record.anomalyScore > 0.99),
            );
            figures.push(`anomaly score at the spike: ${spike.anomalyScore}`);
            const ordinary = (await taurus.records(uid)).filter((record) => record.value !== 390).slice(0, 100);
            assert.ok(
                ordinary.every((record) => record.anomalyScore < 0.99),
                "ordinary samples score like the spike",
            );
        });

        it("has its rows in MySQL and its items in DynamoDB", async () => {
            const rows = await sql(`SELECT COUNT(*), MAX(anomaly_score) FROM taurus.metric_data WHERE uid='${uid}'`);
            const [count, highest] = rows.split(/\s+/).map(Number);
            assert.equal(count, 700);
            assert.ok(highest > 0.99);
            const items = await eventually("the items are in DynamoDB", 60, () => dynamodbItems(uid));
            assert.ok(items > 0);
            figures.push(`rows in MySQL: ${count}, items in DynamoDB: ${items}`);
        });
    });

    describe("run again", () => {
        it("changes nothing: no build, no push, no change of the machine", async () => {
            const before = {
                images: ownImages(),
                started: docker("inspect", "-f", "{{.State.StartedAt}}", `${workspace.cluster}-1`),
            };
            const began = Math.floor(Date.now() / 1000);
            const result = succeeded(
                "pulumi up, nothing changed",
                await workspace.shell("pulumi up --yes --skip-preview --expect-no-changes", { timeout: 120 }),
            );
            assert.doesNotMatch(result.stdout, /\b(created|updated|replaced|deleted)\b/);
            const events = listed(
                docker(
                    "events",
                    "--since",
                    String(began),
                    "--until",
                    String(Math.ceil(Date.now() / 1000)),
                    "--format",
                    "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}",
                ),
            );
            const changes = events.filter(
                (event) =>
                    /^(image|volume|network) |^container (?!exec)/.test(event) && event.includes(workspace.cluster),
            );
            assert.deepEqual(changes, []);
            assert.deepEqual(
                {
                    images: ownImages(),
                    started: docker("inspect", "-f", "{{.State.StartedAt}}", `${workspace.cluster}-1`),
                },
                before,
            );
        });

        it("previews nothing", async () => {
            succeeded(
                "pulumi preview, nothing changed",
                await workspace.shell("pulumi preview --diff --expect-no-changes", { timeout: 120 }),
            );
        });
    });

    describe("one changed line in the server's source", () => {
        it("rebuilds one image, and rolls only the pods that use it", async () => {
            const podsBefore = new Map(
                (await objects<Pod>("pods -n taurus")).map((pod) => [pod.metadata.name, pod.metadata.uid]),
            );
            const imagesBefore = JSON.parse(await workspace.output("pulumi stack output images --json")) as Record<
                string,
                string
            >;
            // Only the image `taurus` holds this file.
            fs.appendFileSync(path.join(sourceFolder(), "taurus_engine/setup.py"), "\n# One more line.\n");
            const result = succeeded("up with one changed line", await up("changed"));
            assert.equal(result.code, 0);
            const imagesAfter = JSON.parse(await workspace.output("pulumi stack output images --json")) as Record<
                string,
                string
            >;
            const changed = Object.keys(imagesAfter).filter((name) => imagesAfter[name] !== imagesBefore[name]);
            assert.deepEqual(changed, ["taurus"]);
            for (const pod of await objects<Pod>("pods -n taurus")) {
                if (/^(mysql|rabbit|dynamodb)-/.test(pod.metadata.name)) {
                    assert.equal(
                        pod.metadata.uid,
                        podsBefore.get(pod.metadata.name),
                        `${pod.metadata.name} was replaced`,
                    );
                } else if (pod.metadata.name.startsWith("taurus-server")) {
                    assert.ok(!podsBefore.has(pod.metadata.name), `${pod.metadata.name} still runs the old image`);
                    assert.ok(pod.spec.containers[0].image === imagesAfter.taurus);
                }
            }
        });
    });

    users(workspace);

    existingCluster(workspace, () => ports.registry);

    operations(workspace, otherSource === undefined);

    describe("the machine", () => {
        // Taurus has metrics of its own, whose rows grow all the time.
        const rowCount = async () =>
            Number(
                await sql(
                    "SELECT COUNT(*) FROM taurus.metric_data d JOIN taurus.metric m ON m.uid=d.uid WHERE m.name='e2e.wave'",
                ),
            );

        it("comes back by itself after a reboot, with its data, and `up` changes nothing", async () => {
            const rows = await rowCount();
            assert.equal(rows, 700);
            const began = Date.now();
            docker("restart", `${workspace.cluster}-1`);
            await eventually("the API server answers", 180, async () =>
                (await workspace.shell("kubectl get nodes")).code === 0 ? true : undefined,
            );
            const { status } = await eventually("Taurus answers", 300, async () => {
                const answer = await (await client()).request("GET", "/_models");
                return answer.status === 200 ? answer : undefined;
            });
            assert.equal(status, 200);
            await allPodsReady(240);
            figures.push(`reboot until all pods are Ready: ${((Date.now() - began) / 1000).toFixed(0)} s`);
            assert.equal(await rowCount(), rows);
            succeeded(
                "pulumi up after the reboot",
                await workspace.shell("pulumi up --yes --skip-preview --expect-no-changes", { timeout: 120 }),
            );
        });
    });

    describe("the network", () => {
        /** Takes the node's network cable out, or puts it in again: the host's end of its virtual cable goes down or up. */
        const cable = (state: "down" | "up") => {
            const node = `${workspace.cluster}-1`;
            const end = docker("exec", node, "cat", "/sys/class/net/eth0/iflink");
            const image = docker("inspect", "-f", "{{.Config.Image}}", node);
            const rights = ["--network", "host", "--cap-add", "NET_ADMIN", "--entrypoint", "bash"];
            const script = `for link in /sys/class/net/*; do [ "$(cat $link/ifindex)" != ${end} ] || ip link set "\${link##*/}" ${state}; done`;
            docker("run", "--rm", ...rights, image, "-c", script);
        };

        it("lost: `pulumi up` says so, and forgets nothing", async () => {
            const before = await workspace.output("pulumi stack export");
            cable("down");
            try {
                const result = await workspace.shell("pulumi up --yes --skip-preview --refresh", { timeout: 180 });
                figures.push(`pulumi up --refresh without a network: ${result.seconds.toFixed(1)} s`);
                assert.notEqual(result.code, 0);
                assert.match(result.stdout + result.stderr, /unreachable/);
            } finally {
                cable("up");
            }
            const urns = (state: string) =>
                (JSON.parse(state) as { deployment: { resources: { urn: string }[] } }).deployment.resources
                    .map(({ urn }) => urn)
                    .sort();
            assert.deepEqual(urns(await workspace.output("pulumi stack export")), urns(before));
        });

        it("back: everything answers again, and `up` changes nothing", async () => {
            await eventually("Taurus answers", 120, async () => {
                const answer = await (await client()).request("GET", "/_models");
                return answer.status === 200 ? true : undefined;
            });
            await allPodsReady(180);
            succeeded(
                "pulumi up with the network back",
                await workspace.shell("pulumi up --yes --skip-preview --expect-no-changes", { timeout: 120 }),
            );
        });
    });

    describe("destroy", () => {
        const nothingIsLeft = async () => {
            assert.deepEqual(
                { containers: machineContainers(), volumes: machineVolumes(), networks: machineNetworks() },
                { containers: [], volumes: [], networks: [] },
            );
            for (const [name, port] of Object.entries(ports)) {
                assert.equal(await canConnect(port), false, `port ${port} (${name}) is still open`);
            }
            assert.equal(fs.existsSync(path.join(workspace.root, "state/nta/machines", workspace.cluster)), false);
        };

        const destroyed = async (what: string) => {
            const result = succeeded(
                what,
                await workspace.shell("pulumi destroy --yes --skip-preview", { timeout: 180 }),
            );
            assert.ok(result.seconds < 60, `it took ${result.seconds.toFixed(0)} s`);
            await nothingIsLeft();
        };

        it("leaves nothing behind", () => destroyed("pulumi destroy"));

        it("makes room for another `up`", async () => {
            const result = succeeded("up after destroy", await up("again"));
            assert.match(result.stdout, /source env/);
            const { status } = await (await client()).request("GET", "/_models");
            assert.equal(status, 200);
        });

        it("works when the machine was deleted behind its back", async () => {
            docker("rm", "--force", `${workspace.cluster}-1`);
            await destroyed("pulumi destroy without a machine");
        });
    });
});
