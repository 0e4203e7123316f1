import * as assert from "node:assert/strict";

import type { MockProvider, Registration } from "../../tools/preview-diff/mock-engine";
import { commandType, inventory, provided, runWholeProgram } from "./whole-program";

const provider = "pulumi:providers:kubernetes";

describe("the program", function () {
    this.timeout(60_000);

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
        const { registrations, outputs, find, all } = await runWholeProgram({ config, provide });
        assert.deepEqual(inventory(registrations, /^(command:local:Command|kubernetes:core\/v1:PersistentVolume)$/), [
            `${commandType} images-debian-bookworm`,
            `${commandType} images-debian-bullseye`,
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
});
