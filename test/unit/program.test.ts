import * as assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import { SettingsError } from "../../components/settings";
import { stackNames } from "../../components/settings/jobs/names";
import { MockProvider, plainTexts, Registration, SecretValue } from "../../tools/preview-diff/mock-engine";
import { imageType } from "./pushed-image";
import { inventory, machineOf, provided, runWholeProgram } from "./whole-program";

const controller = "kubernetes:core/v1:ReplicationController";
const job = "kubernetes:batch/v1:Job";
const provider = "pulumi:providers:kubernetes";
const statefulSet = "kubernetes:apps/v1:StatefulSet";

/** What is looked at of a Kubernetes object. */
interface KubernetesInputs {
    metadata: { name: string; namespace?: string };
    spec?: { template?: { metadata: { labels: Record<string, string> } } };
}

describe("the program", function () {
    // The first run loads @pulumi/kubernetes, which takes seconds on a busy machine.
    this.timeout(60_000);

    it("declares these Kubernetes objects and passwords", async () => {
        assert.deepEqual(inventory((await runWholeProgram()).registrations, /^(kubernetes|random):/), [
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
        const kubernetes = (await runWholeProgram()).registrations.filter(({ type }) => type.startsWith("kubernetes:"));
        assert.deepEqual([...new Set(kubernetes.flatMap(namesOf))].sort(), [...stackNames].sort());
    });

    it("declares the same in a preview, when nothing is known yet", async () => {
        const update = inventory((await runWholeProgram()).registrations, /./);
        const preview = inventory((await runWholeProgram({ preview: true })).registrations, /./);
        assert.deepEqual(preview, update);
    });

    it("gives every resource of ours a type nta:<module>:<Type> and children that bear its name", async () => {
        const { registrations } = await runWholeProgram();
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
        const { find, all, registrations } = await runWholeProgram({ provide: slow });
        const machine = machineOf(registrations);
        const kubernetes = all(provider)[0];
        assert.ok(kubernetes.began > machine.ended, "the provider waits for the machine");
        for (const one of registrations.filter(({ type }) => type.startsWith("kubernetes:"))) {
            assert.ok(one.began > kubernetes.ended, `${one.name} waits for the provider`);
            assert.ok(one.provider.startsWith(kubernetes.urn), `${one.name} uses the cluster's provider`);
        }
        for (const one of all(imageType)) {
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
        const { registrations } = await runWholeProgram();
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
        const { registrations } = await runWholeProgram();
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
        const { registrations, outputs } = await runWholeProgram();
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
        const { outputs } = await runWholeProgram();
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
        const { outputs, find, registrations } = await runWholeProgram({ config });
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
        const { outputs, find, registrations } = await runWholeProgram({ config });
        assert.deepEqual(outputs["addresses"], { kubernetes: "https://localhost:6443" });
        const { spec } = find("kubernetes:core/v1:Service", "taurus-server-service").inputs as {
            spec: { type: string };
        };
        assert.equal(spec.type, "ClusterIP");
        assert.ok(!registrations.some(({ name }) => name.includes("collectors-pods")));
    });

    it("asks the engine for nothing when a setting is wrong", async () => {
        const asked: Registration[] = [];
        const provide: MockProvider = (registration) => {
            asked.push(registration);
            return undefined;
        };
        await assert.rejects(runWholeProgram({ config: { "nta:nodes": "0", "nta:quux": "1" }, provide }), (error) => {
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
