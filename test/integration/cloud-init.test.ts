import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { auditPolicy } from "../../cloud-init/audit-policy";
import { CloudInitArgs, cloudInitDocuments } from "../../cloud-init/documents";
import { run } from "../../machine/process";

const args: CloudInitArgs = {
    clusterName: "nta-test",
    nodes: [{ name: "nta-test-1" }, { name: "nta-test-2" }],
    registryPort: 5000,
    podRange: "10.244.0.0/16",
    serviceRange: "10.100.0.0/16",
    volumes: ["mysql"],
    auditPolicy: auditPolicy(),
};

describe("cloud-init's own schema", () => {
    let folder: string;

    before(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-cloud-init-"));
    });
    after(() => fs.rmSync(folder, { recursive: true }));

    async function schema(text: string) {
        const file = path.join(folder, "user-data");
        fs.writeFileSync(file, text);
        // Not the one of a Python environment that happens to be first in PATH.
        const program = fs.existsSync("/usr/bin/cloud-init") ? "/usr/bin/cloud-init" : "cloud-init";
        return run(program, ["schema", "--config-file", file]);
    }

    for (const node of args.nodes) {
        it(`takes the user-data of ${node.name}`, async () => {
            const result = await schema(cloudInitDocuments(args, node.name).userData);
            assert.equal(result.code, 0, result.stdout + result.stderr);
            assert.match(result.stdout, /Valid cloud-config/);
        });
    }

    it("would not take everything", async () => {
        const { userData } = cloudInitDocuments(args, "nta-test-1");
        const result = await schema(userData.replace(/^hostname: .*$/m, "hostname: [1]"));
        assert.notEqual(result.code, 0);
        assert.match(result.stdout + result.stderr, /hostname/);
    });

    it("is not all: the node's script is one that a shell can read", async () => {
        const result = await run("sh", ["-n", path.join(__dirname, "../../cloud-init/files/nta-node.sh")]);
        assert.equal(result.code, 0, result.stderr);
    });
});
