import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { parse, parseAllDocuments } from "yaml";

import { auditPolicy } from "../../cloud-init/audit-policy";
import { CloudInitArgs, cloudInitDocuments } from "../../cloud-init/documents";

const fixtures = path.join(__dirname, "cloud-init");

const oneNode: CloudInitArgs = {
    clusterName: "nta-test",
    nodes: [{ name: "nta-test-1" }],
    registryPort: 5000,
    podRange: "10.244.0.0/16",
    serviceRange: "10.100.0.0/16",
    volumes: ["mysql", "rabbitmq"],
    auditPolicy: auditPolicy(),
};

const twoNodes: CloudInitArgs = {
    clusterName: "nta-test",
    nodes: [
        { name: "nta-test-1", address: "192.168.56.11/24" },
        { name: "nta-test-2", address: "192.168.56.12/24" },
    ],
    registryPort: 5001,
    podRange: "10.244.0.0/16",
    serviceRange: "10.100.0.0/16",
    volumes: ["mysql"],
    certificateNames: ["192.0.2.7"],
    auditPolicy: auditPolicy(),
};

interface WrittenFile {
    path: string;
    content: string;
    permissions?: string;
}

function writtenFiles(args: CloudInitArgs, node: string): Map<string, WrittenFile> {
    const { write_files: files } = parse(cloudInitDocuments(args, node).userData, { version: "1.1" }) as {
        write_files: WrittenFile[];
    };
    return new Map(files.map((file) => [file.path, file]));
}

/** Compares with a file beside the tests; NTA_UPDATE_FIXTURES=1 writes it anew, to be read in the diff. */
function assertFixture(name: string, text: string): void {
    const file = path.join(fixtures, name);
    if (process.env.NTA_UPDATE_FIXTURES === "1") {
        fs.writeFileSync(file, text);
    }
    assert.equal(text, fs.readFileSync(file, "utf8"));
}

describe("cloud-init documents", () => {
    for (const [title, args, node] of [
        ["one-node", oneNode, "nta-test-1"],
        ["two-nodes-first", twoNodes, "nta-test-1"],
        ["two-nodes-second", twoNodes, "nta-test-2"],
    ] as const) {
        it(`are, for ${title}, what the fixtures say`, () => {
            const { userData, metaData, networkConfig } = cloudInitDocuments(args, node);
            assertFixture(`${title}.user-data`, userData);
            assertFixture(`${title}.meta-data`, metaData);
            assertFixture(`${title}.network-config`, networkConfig);
        });
    }

    it("are the same for the same settings, and another instance for other ones", () => {
        const instance = (args: CloudInitArgs) =>
            (parse(cloudInitDocuments(args, "nta-test-1").metaData) as Record<string, string>)["instance-id"];
        assert.deepEqual(cloudInitDocuments(oneNode, "nta-test-1"), cloudInitDocuments({ ...oneNode }, "nta-test-1"));
        assert.notEqual(instance(oneNode), instance({ ...oneNode, volumes: [] }));
    });

    it("hold only YAML that reads back, with every placeholder filled in by us or left to nta-node", () => {
        for (const [args, node] of [
            [oneNode, "nta-test-1"],
            [twoNodes, "nta-test-2"],
        ] as const) {
            for (const file of writtenFiles(args, node).values()) {
                assert.doesNotMatch(file.content, /\{\{/, file.path);
                if (file.path.endsWith(".yaml")) {
                    const filled = file.content.replace(/@\w+@/g, "0");
                    for (const document of parseAllDocuments(filled)) {
                        assert.deepEqual((document as { errors: unknown[] }).errors, [], file.path);
                    }
                }
            }
        }
    });

    it("give each node its part", () => {
        const first = writtenFiles(twoNodes, "nta-test-1");
        const second = writtenFiles(twoNodes, "nta-test-2");
        const kubeadm = "/etc/nta/templates/kubeadm.yaml";
        assert.match(first.get(kubeadm)?.content ?? "", /kind: ClusterConfiguration/);
        assert.match(second.get(kubeadm)?.content ?? "", /kind: JoinConfiguration/);
        for (const file of [
            "/etc/nta/addons/flannel.yaml",
            "/etc/docker/registry/config.yml",
            "/etc/nta/audit-policy.yaml",
        ]) {
            assert.ok(first.has(file), file);
            assert.ok(!second.has(file), file);
        }
        const hosts = "/etc/containerd/certs.d/localhost:5001/hosts.toml";
        assert.equal(first.get(hosts)?.content, second.get(hosts)?.content);
        assert.match(second.get(hosts)?.content ?? "", /\[host\."http:\/\/nta-test-1:5000"\]/);
    });

    it("change for no other node when nodes come or go", () => {
        const more = { ...twoNodes, nodes: [...twoNodes.nodes, { name: "nta-test-3", address: "192.168.56.13/24" }] };
        for (const { name } of twoNodes.nodes) {
            assert.deepEqual(cloudInitDocuments(more, name), cloudInitDocuments(twoNodes, name));
        }
    });

    it("hold no token, and let a node join only an authority that it was told of", () => {
        const kubeadm = writtenFiles(twoNodes, "nta-test-2").get("/etc/nta/templates/kubeadm.yaml");
        assert.match(kubeadm?.content ?? "", /token: "@JOIN_TOKEN@"\n +caCertHashes:\n +- "@CA_CERT_HASH@"\n/);
        for (const { name } of twoNodes.nodes) {
            const { userData } = cloudInitDocuments(twoNodes, name);
            assert.doesNotMatch(userData, /unsafeSkipCAVerification|[a-z0-9]{6}\.[a-z0-9]{16}\b/);
        }
    });

    it("are those of one of the cluster's nodes", () => {
        assert.throws(() => cloudInitDocuments(oneNode, "other"), /no node "other" in the cluster nta-test/);
    });
});
