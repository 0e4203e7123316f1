import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import * as util from "node:util";

import * as pulumi from "@pulumi/pulumi";

import { imagePrograms, programArchitecture, programsDirectory } from "../../components/images/program";
import { SettingsError } from "../../components/settings";
import { stackNames } from "../../components/settings/jobs/names";
import { setFolder } from "../../node-image/program-set";
import {
    MockProvider,
    MockRun,
    plainTexts,
    Registration,
    runProgram,
    SecretValue,
} from "../../tools/preview-diff/mock-engine";

const program = "../../index";

const command = "command:local:Command";
const controller = "kubernetes:core/v1:ReplicationController";
const image = "docker:index/image:Image";
const job = "kubernetes:batch/v1:Job";
const password = "random:index/randomPassword:RandomPassword";
const provider = "pulumi:providers:kubernetes";
const statefulSet = "kubernetes:apps/v1:StatefulSet";

/** Outputs that providers would add; they may not look like any input. */
function provided(registration: Registration): Record<string, unknown> {
    switch (registration.type) {
        case password:
            return { ...registration.inputs, result: pulumi.secret(`pw-${registration.name}`) };
        case command:
            return { ...registration.inputs, stdout: `stdout-of-${registration.name}`, stderr: "" };
        case image:
            return { ...registration.inputs, repoDigest: `localhost:5000/${registration.name}@sha256:0` };
        default:
            return registration.inputs;
    }
}

/** The whole program from the start: modules of ours are loaded anew, as by each run of the engine. */
function run(
    options: { preview?: boolean; config?: Record<string, string>; provide?: MockProvider } = {},
): Promise<MockRun> {
    return runProgram(
        () => {
            delete require.cache[require.resolve(program)];
            // eslint-disable-next-line @typescript-eslint/no-require-imports -- as Pulumi's own runner loads it
            return require(program) as object;
        },
        { stack: "test", provide: options.preview ? undefined : provided, ...options },
    );
}

/** What is looked at of a Kubernetes object. */
interface KubernetesInputs {
    metadata: { name: string; namespace?: string };
    spec?: { template?: { metadata: { labels: Record<string, string> } } };
}

/** Types and names, in alphabetical order. */
function inventory(registrations: readonly Registration[], types: RegExp): string[] {
    return registrations
        .filter(({ type }) => types.test(type))
        .map(({ type, name }) => `${type} ${name}`)
        .sort();
}

describe("the program", function () {
    // The first run loads @pulumi/kubernetes, which takes seconds on a busy machine.
    this.timeout(60_000);

    it("declares these Kubernetes objects and passwords", async () => {
        assert.deepEqual(inventory((await run()).registrations, /^(kubernetes|random):/), [
            "kubernetes:apps/v1:StatefulSet support-dynamodb-server-pods",
            "kubernetes:apps/v1:StatefulSet support-mysql-server-pods",
            "kubernetes:apps/v1:StatefulSet support-rabbitmq-server-pods",
            "kubernetes:batch/v1:Job taurus-schema-job",
            "kubernetes:core/v1:Namespace namespace-namespace",
            "kubernetes:core/v1:PersistentVolume support-dynamodb-server-data-volume",
            "kubernetes:core/v1:PersistentVolume support-mysql-server-data-volume",
            "kubernetes:core/v1:PersistentVolume support-rabbitmq-server-data-volume",
            "kubernetes:core/v1:PersistentVolume taurus-server-checkpoints-volume",
            "kubernetes:core/v1:PersistentVolumeClaim support-dynamodb-server-data-claim",
            "kubernetes:core/v1:PersistentVolumeClaim support-mysql-server-data-claim",
            "kubernetes:core/v1:PersistentVolumeClaim support-rabbitmq-server-data-claim",
            "kubernetes:core/v1:PersistentVolumeClaim taurus-server-checkpoints-claim",
            "kubernetes:core/v1:ReplicationController taurus-collectors-pods",
            "kubernetes:core/v1:ReplicationController taurus-server-pods",
            "kubernetes:core/v1:Secret support-mysql-credentials-secret",
            "kubernetes:core/v1:Secret support-rabbitmq-credentials-secret",
            "kubernetes:core/v1:Secret taurus-credentials-secret",
            "kubernetes:core/v1:Service support-dynamodb-server-service",
            "kubernetes:core/v1:Service support-mysql-server-service",
            "kubernetes:core/v1:Service support-rabbitmq-server-service",
            "kubernetes:core/v1:Service taurus-server-service",
            "random:index/randomPassword:RandomPassword support-mysql-credentials-password",
            "random:index/randomPassword:RandomPassword support-rabbitmq-credentials-password",
            "random:index/randomPassword:RandomPassword taurus-credentials-password",
        ]);
    });

    it("has no name in the namespace that a job could have", async () => {
        const namesOf = ({ inputs }: Registration) => {
            const { metadata, spec } = inputs as Partial<KubernetesInputs>;
            const pods = spec?.template?.metadata.labels["app.kubernetes.io/name"];
            return metadata?.namespace === undefined ? [] : [metadata.name, ...(pods === undefined ? [] : [pods])];
        };
        const kubernetes = (await run()).registrations.filter(({ type }) => type.startsWith("kubernetes:"));
        assert.deepEqual([...new Set(kubernetes.flatMap(namesOf))].sort(), [...stackNames].sort());
    });

    it("declares the same in a preview, when nothing is known yet", async () => {
        const update = inventory((await run()).registrations, /./);
        const preview = inventory((await run({ preview: true })).registrations, /./);
        assert.deepEqual(preview, update);
    });

    it("gives every resource of ours a type nta:<module>:<Type> and children that bear its name", async () => {
        const { registrations } = await run();
        for (const { type, name, parent } of registrations.filter(({ type }) => type.startsWith("nta:"))) {
            assert.match(type, /^nta:[a-z]+:[A-Z][A-Za-z]+$/);
            if (/nta:[a-z]+:[A-Z]/.test(parent)) {
                const parentName = parent.split("::").at(-1) as string;
                assert.ok(name.startsWith(`${parentName}-`), `${name} is a child of ${parentName}`);
            }
        }
    });

    it("goes step by step: machine, provider, images, support, schema, server", async () => {
        const slow: MockProvider = async (registration) => {
            await delay(/StatefulSet|Job|Image|Command/.test(registration.type) ? 40 : 1);
            return provided(registration);
        };
        const { find, all, registrations } = await run({ provide: slow });
        const machine = machineOf(registrations);
        const kubernetes = all(provider)[0];
        assert.ok(kubernetes.began > machine.ended, "the provider waits for the machine");
        for (const one of registrations.filter(({ type }) => type.startsWith("kubernetes:"))) {
            assert.ok(one.began > kubernetes.ended, `${one.name} waits for the provider`);
            assert.ok(one.provider.startsWith(kubernetes.urn), `${one.name} uses the cluster's provider`);
        }
        for (const one of all(image)) {
            assert.ok(one.began > machine.ended, `${one.name} waits for the machine, where its registry is`);
        }
        const schema = find(job, "taurus-schema-job");
        const sets = all(statefulSet);
        assert.equal(sets.length, 3);
        for (const set of sets) {
            assert.ok(schema.began > set.ended, `the schema waits for ${set.name}`);
            assert.ok(schema.dependencies.includes(set.urn));
        }
        for (const name of ["taurus-server-pods", "taurus-collectors-pods"]) {
            const server = find(controller, name);
            assert.ok(server.began > schema.ended, `${name} waits for the schema`);
            assert.ok(server.dependencies.includes(schema.urn));
        }
    });

    it("runs every pod by digest", async () => {
        const { registrations } = await run();
        const images = registrations
            .filter(({ type }) => [statefulSet, controller, job].includes(type))
            .flatMap(({ inputs }) => {
                const { spec } = inputs as { spec: { template: { spec: { containers: { image: string }[] } } } };
                return spec.template.spec.containers.map((container) => container.image);
            });
        assert.equal(images.length, 6);
        for (const reference of images) {
            assert.match(reference, /@sha256:/);
        }
    });

    it("lets everything in the machine go with the machine", async () => {
        const { registrations } = await run();
        const machine = machineOf(registrations);
        const byUrn = new Map(registrations.map((one) => [one.urn, one]));
        for (const one of registrations.filter(({ type }) => /^kubernetes:/.test(type))) {
            // The engine hands deletedWith on from parent to child.
            let ancestor: Registration | undefined = one;
            while (ancestor && ancestor.deletedWith === "") {
                ancestor = byUrn.get(ancestor.parent);
            }
            assert.equal(ancestor?.deletedWith, machine.urn, `${one.name} is deleted with the machine`);
        }
    });

    it("has no secret in plain text: not in an input, not in an output", async () => {
        const { registrations, outputs } = await run();
        const secret = /pw-|stdout-of-cluster-kubeconfig/;
        for (const { urn, inputs } of registrations) {
            assert.ok(!plainTexts(inputs).some((text) => secret.test(text)), urn);
        }
        assert.ok(!plainTexts(outputs).some((text) => secret.test(text)));
        for (const name of ["kubeconfig", "apiKey", "mysqlPassword", "rabbitmqPassword"]) {
            assert.ok(outputs[name] instanceof SecretValue, name);
        }
    });

    it("has outputs from which a user can go on", async () => {
        const { outputs } = await run();
        assert.deepEqual(outputs["addresses"], {
            kubernetes: "https://localhost:6443",
            taurus: "https://localhost",
            supervisor: "http://localhost:9001",
            metrics: "localhost:2003",
        });
        assert.deepEqual(outputs["apiKey"], new SecretValue("pw-taurus-credentials-password"));
        assert.deepEqual(outputs["mysqlPassword"], new SecretValue("pw-support-mysql-credentials-password"));
        assert.equal(outputs["registry"], "localhost:5000");
        assert.deepEqual(Object.keys(outputs["images"] as object).sort(), [
            "htmengine",
            "mysql",
            "nta.utils",
            "rabbitmq",
            "taurus",
            "taurus-dynamodb",
            "taurus.metric_collectors",
        ]);
    });

    it("moves and exposes ports by settings, on the machine, in Services and in addresses alike", async () => {
        const config = {
            "nta:taurus": JSON.stringify({ httpsPort: 8443, metricsPort: 12003 }),
            "nta:support": JSON.stringify({ rabbitmq: { expose: true } }),
            "nta:apiPort": "16443",
        };
        const { outputs, find, registrations } = await run({ config });
        assert.deepEqual(outputs["addresses"], {
            kubernetes: "https://localhost:16443",
            taurus: "https://localhost:8443",
            supervisor: "http://localhost:9001",
            metrics: "localhost:12003",
            rabbitmq: "http://localhost:15672",
        });
        const { spec } = find("kubernetes:core/v1:Service", "support-rabbitmq-server-service").inputs as {
            spec: { type: string };
        };
        assert.equal(spec.type, "NodePort");
        const machine = JSON.stringify(machineOf(registrations).inputs);
        for (const port of ["8443", "12003", "15672", "31567"]) {
            assert.ok(machine.includes(port), `the machine forwards ${port}`);
        }
    });

    it("hides Taurus when it is not to be exposed", async () => {
        const config = { "nta:taurus": JSON.stringify({ expose: false, collectors: { enabled: false } }) };
        const { outputs, find, registrations } = await run({ config });
        assert.deepEqual(outputs["addresses"], { kubernetes: "https://localhost:6443" });
        const { spec } = find("kubernetes:core/v1:Service", "taurus-server-service").inputs as {
            spec: { type: string };
        };
        assert.equal(spec.type, "ClusterIP");
        assert.ok(!registrations.some(({ name }) => name.includes("collectors-pods")));
    });

    it("runs on an existing cluster: no machine, no volumes of its own, everything gone with the namespace", async () => {
        const config = {
            "nta:cluster": "existing",
            "nta:kubeContext": "lab",
            "nta:registry": "registry.example.com/team",
            "nta:namespace": "taurus-lab",
            "nta:serviceType": "LoadBalancer",
            "nta:support": JSON.stringify({ rabbitmq: { expose: true } }),
        };
        const provide: MockProvider = (registration) => {
            const { spec } = registration.inputs as { spec?: { ports?: object[] } };
            const status = { loadBalancer: { ingress: [{ ip: "203.0.113.7" }] } };
            return registration.type === "kubernetes:core/v1:Service"
                ? { ...registration.inputs, spec, status }
                : provided(registration);
        };
        const { registrations, outputs, find, all } = await run({ config, provide });
        assert.deepEqual(inventory(registrations, /^(command:local:Command|kubernetes:core\/v1:PersistentVolume)$/), [
            `${command} images-debian-bookworm`,
            `${command} images-debian-bullseye`,
        ]);
        for (const { inputs } of all("kubernetes:core/v1:PersistentVolumeClaim")) {
            assert.ok(!("storageClassName" in (inputs["spec"] as object)));
        }
        const [own, exclusive] = all(provider);
        assert.deepEqual(
            [own, exclusive].map(({ inputs }) => inputs["upsertExistingObjects"]),
            ["true", "false"],
        );
        // Another stack's namespace must not be taken over; what is left in ours by a killed run must be.
        const namespace = find("kubernetes:core/v1:Namespace", "namespace-namespace");
        const byUrn = new Map(registrations.map((one) => [one.urn, one]));
        for (const one of registrations.filter(({ type }) => /^kubernetes:/.test(type))) {
            const isNamespace = one === namespace;
            assert.ok(one.provider.startsWith((isNamespace ? exclusive : own).urn), one.name);
            let ancestor: Registration | undefined = one;
            while (ancestor && ancestor.deletedWith === "") {
                ancestor = byUrn.get(ancestor.parent);
            }
            assert.equal(ancestor?.deletedWith, isNamespace ? undefined : namespace.urn, one.name);
        }
        const { metadata } = namespace.inputs as { metadata: { name: string; labels: Record<string, string> } };
        assert.equal(metadata.name, "taurus-lab");
        assert.equal(metadata.labels["app.kubernetes.io/instance"], "nta-test");
        assert.equal(outputs["registry"], "registry.example.com/team");
        assert.deepEqual(outputs["addresses"], {
            kubernetes: "",
            taurus: "https://203.0.113.7",
            supervisor: "http://203.0.113.7:9001",
            metrics: "203.0.113.7:2003",
            rabbitmq: "http://203.0.113.7:15672",
        });
    });

    it("gives an address of the machines' network to a job that wants one, and its name for this machine", async () => {
        const config = {
            "nta:jobs": JSON.stringify([
                { kind: "service", name: "web", image: "htmengine", ports: [{ port: 80 }], type: "LoadBalancer" },
                { kind: "service", name: "inner", image: "htmengine", ports: [{ port: 80 }] },
            ]),
        };
        const provide: MockProvider = (registration) => {
            const status = { loadBalancer: { ingress: [{ ip: "172.18.255.205" }] } };
            return registration.name === "workloads-web-service"
                ? { ...registration.inputs, status }
                : provided(registration);
        };
        const cache = fs.mkdtempSync(path.join(os.tmpdir(), "nta-program-"));
        process.env["NTA_CACHE"] = cache;
        try {
            // Built already, as far as the program can tell.
            const programs = setFolder(imagePrograms("metallb"), programArchitecture, programsDirectory());
            fs.mkdirSync(programs, { recursive: true });
            const { registrations, outputs, find } = await run({ config, provide });
            assert.equal(outputs["hosts"], "172.18.255.205 web.taurus web.taurus.svc.cluster.local");
            const pool = find("kubernetes:metallb.io/v1beta1:IPAddressPool", "addresses-pool");
            assert.deepEqual((pool.inputs["spec"] as { addresses: unknown }).addresses, [
                "stdout-of-cluster-address-pool",
            ]);
            const speaker = find("kubernetes:apps/v1:DaemonSet", "addresses-speaker");
            assert.match(JSON.stringify(speaker.inputs), /"image":"localhost:5000\/images-metallb@sha256:0"/);
            // On an existing cluster they are that cluster's.
            const elsewhere = { "nta:cluster": "existing", "nta:kubeContext": "lab", "nta:registry": "r.io" };
            const there = await run({ config: { ...config, ...elsewhere }, provide });
            const made = (all: readonly Registration[]) =>
                all.filter(({ name }) => /^(addresses-|images-metallb)/.test(name)).length;
            assert.deepEqual([made(registrations), made(there.registrations)], [25, 0]);
            assert.equal(there.outputs["hosts"], outputs["hosts"]);
        } finally {
            delete process.env["NTA_CACHE"];
            fs.rmSync(cache, { recursive: true });
        }
    });

    it("asks the engine for nothing when a setting is wrong", async () => {
        const asked: Registration[] = [];
        const provide: MockProvider = (registration) => {
            asked.push(registration);
            return undefined;
        };
        await assert.rejects(run({ config: { "nta:nodes": "0", "nta:quux": "1" }, provide }), (error) => {
            assert.ok(error instanceof SettingsError);
            assert.equal(error.problems.length, 2);
            return true;
        });
        assert.deepEqual(
            asked.filter(({ type }) => type !== "pulumi:pulumi:Stack"),
            [],
        );
    });
});

describe("the program with a registry of the user's", function () {
    this.timeout(60_000);
    const password = "registry-password-2217";
    const login = { "nta:registryUsername": "ada", "nta:registryPassword": password };
    const first = { "nta:registry": "one.example.com:5443/team/a", ...login };
    const ca = fs.readFileSync(path.join(__dirname, "registry-ca.pem"), "utf8");

    async function runWith(config: Record<string, string>): Promise<MockRun> {
        // As the language host hands them over beside the configuration.
        process.env["PULUMI_CONFIG_SECRET_KEYS"] = JSON.stringify(["nta:registryPassword"]);
        try {
            return await run({
                config,
                provide: (registration) => {
                    const { imageName } = registration.inputs as { imageName?: string };
                    return registration.type === image
                        ? { ...registration.inputs, repoDigest: imageName?.replace(/:\w+$/, "@sha256:0") }
                        : provided(registration);
                },
            });
        } finally {
            delete process.env["PULUMI_CONFIG_SECRET_KEYS"];
        }
    }

    /** Names of the resources whose inputs are not the same, or that are in one run only. */
    function changes(before: MockRun, after: MockRun): string[] {
        const inputs = (one: MockRun) =>
            new Map(one.registrations.filter(({ custom }) => custom).map(({ name, inputs }) => [name, inputs]));
        const [old, now] = [inputs(before), inputs(after)];
        const names = new Set([...old.keys(), ...now.keys()]);
        return [...names].filter((name) => !util.isDeepStrictEqual(old.get(name), now.get(name))).sort();
    }

    const images = [
        "images-debian-bookworm",
        "images-debian-bookworm-image",
        "images-debian-bullseye",
        "images-debian-bullseye-image",
        "images-htmengine",
        "images-mysql",
        "images-nta.utils",
        "images-rabbitmq",
        "images-taurus",
        "images-taurus-dynamodb",
        "images-taurus.metric_collectors",
    ];
    const pods = [
        "support-dynamodb-server-pods",
        "support-mysql-server-pods",
        "support-rabbitmq-server-pods",
        "taurus-collectors-pods",
        "taurus-schema-job",
        "taurus-server-pods",
    ];

    it("changes images, pull secret, pods and what nodes know of registries when it is another one, and nothing else", async () => {
        const before = await runWith(first);
        const after = await runWith({ ...first, "nta:registry": "two.example.com/team" });
        const expected = ["cluster-registry", ...images, "pull-secret-secret", ...pods];
        assert.deepEqual(changes(before, after), expected.sort());
    });

    it("adds the same in place of the cluster's own, and leaves machine and volumes as they are", async () => {
        const added = ["cluster-registry", "pull-secret-account", "pull-secret-secret"];
        const expected = [...added, ...images, ...pods].sort();
        assert.deepEqual(changes(await run(), await runWith(first)), expected);
    });

    it("changes the login where it is used when the password is another one", async () => {
        const after = await runWith({ ...first, "nta:registryPassword": "another" });
        // Docker's plugin takes a changed login for no difference.
        const builds = images.filter((name) => !/^images-debian-\w+$/.test(name));
        assert.deepEqual(changes(await runWith(first), after), [...builds, "pull-secret-secret"].sort());
    });

    it("lets Docker on this machine trust it before anything is pushed", async () => {
        for (const [setting, value] of [
            ["nta:registryInsecure", "true"],
            ["nta:registryCa", ca],
        ]) {
            const { find, all } = await runWith({ ...first, [setting]: value });
            const trust = find(command, "registry-docker-trust");
            for (const one of all(image)) {
                assert.ok(one.dependencies.includes(trust.urn), `${one.name} waits for Docker's trust`);
                assert.ok(one.began > trust.ended, one.name);
            }
        }
    });

    it("has pods wait for the login and for nodes that know the registry", async () => {
        const { find, registrations } = await runWith(first);
        const account = find("kubernetes:core/v1:ServiceAccount", "pull-secret-account");
        const { metadata } = find("kubernetes:core/v1:Secret", "pull-secret-secret").inputs as {
            metadata: { name: string };
        };
        assert.deepEqual(account.inputs, {
            apiVersion: "v1",
            kind: "ServiceAccount",
            metadata: { name: "default", namespace: "taurus" },
            imagePullSecrets: [{ name: metadata.name }],
        });
        for (const one of registrations.filter(({ type }) => [statefulSet, controller, job].includes(type))) {
            assert.ok(one.began > account.ended, `${one.name} waits for the login`);
            assert.ok(one.began > find(command, "cluster-registry").ended, `${one.name} waits for the nodes`);
        }
    });

    it("keeps the password secret", async () => {
        const { registrations, outputs } = await runWith(first);
        const encoded = Buffer.from(`ada:${password}`).toString("base64");
        for (const { urn, inputs } of registrations) {
            const texts = plainTexts(inputs).join("\n");
            assert.ok(!texts.includes(password) && !texts.includes(encoded), urn);
        }
        assert.ok(!plainTexts(outputs).some((text) => text.includes(password)));
    });

    it("builds nothing where the images are there, and still runs them by digest", async () => {
        const { all, registrations } = await runWith({ ...first, "nta:buildImages": "false" });
        assert.deepEqual(all(image), []);
        assert.ok(!registrations.some(({ name }) => name === "registry-docker-trust"));
        const commands = all(command).map(({ name }) => name);
        assert.deepEqual(commands.sort(), ["cluster-kubeconfig", "cluster-machine", "cluster-registry"]);
    });
});

/** The resource that is the machine: the cluster's own command that others wait for. */
function machineOf(registrations: readonly Registration[]): Registration {
    const machine = registrations.find(({ type, name }) => type === command && name === "cluster-machine");
    assert.ok(machine, "there is a machine");
    return machine;
}
