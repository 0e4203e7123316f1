import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { imagePrograms, programArchitecture } from "../../components/images/program";
import { setFolder } from "../../node-image/program-set";
import type { MockProvider, Registration } from "../../tools/preview-diff/mock-engine";
import { provided, runWholeProgram } from "./whole-program";

describe("the program", function () {
    this.timeout(60_000);

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
        try {
            // Built already, as far as the program can tell.
            const programs = setFolder(imagePrograms("metallb"), programArchitecture, path.join(cache, "images"));
            fs.mkdirSync(programs, { recursive: true });
            const { registrations, outputs, find } = await runWholeProgram({ config, provide, cache });
            assert.equal(outputs["hosts"], "172.18.255.205 web.taurus web.taurus.svc.cluster.local");
            const pool = find("kubernetes:metallb.io/v1beta1:IPAddressPool", "addresses-pool");
            assert.deepEqual((pool.inputs["spec"] as { addresses: unknown }).addresses, [
                "stdout-of-cluster-address-pool",
            ]);
            const speaker = find("kubernetes:apps/v1:DaemonSet", "addresses-speaker");
            assert.match(JSON.stringify(speaker.inputs), /"image":"localhost:5000\/images-metallb@sha256:0"/);
            // On an existing cluster they are that cluster's.
            const elsewhere = { "nta:cluster": "existing", "nta:kubeContext": "lab", "nta:registry": "r.io" };
            const there = await runWholeProgram({ config: { ...config, ...elsewhere }, provide });
            const made = (all: readonly Registration[]) =>
                all.filter(({ name }) => /^(addresses-|images-metallb)/.test(name)).length;
            assert.deepEqual([made(registrations), made(there.registrations)], [25, 0]);
            assert.equal(there.outputs["hosts"], outputs["hosts"]);
        } finally {
            fs.rmSync(cache, { recursive: true });
        }
    });
});
