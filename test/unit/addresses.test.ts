import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { LoadBalancer } from "../../components/addresses/load-balancer";
import { type AnyObject, metalLbObjects, poolObjects } from "../../components/addresses/metallb";
import { poolInNetwork } from "../../machine/address-pool";
import { contains, parsePool, poolsMeet, poolText } from "../../machine/address-range";
import { runProgram } from "../../tools/preview-diff/mock-engine";

const image = "registry/metallb@sha256:1";

describe("addresses: MetalLB", () => {
    const groups = metalLbObjects(image);
    const objects = groups.flat();
    const podsOf = (kind: string) =>
        (
            objects.find((object) => object.kind === kind) as AnyObject & {
                spec: { template: { spec: Record<string, unknown> } };
            }
        ).spec.template.spec;

    it("is its own manifest without the webhooks, in an order in which it can be made", () => {
        const kinds = groups.map((group) => [...new Set(group.map(({ kind }) => kind))]);
        assert.deepEqual(kinds, [
            ["Namespace"],
            [
                "CustomResourceDefinition",
                "ServiceAccount",
                "Role",
                "ClusterRole",
                "RoleBinding",
                "ClusterRoleBinding",
                "ConfigMap",
            ],
            ["Deployment", "DaemonSet"],
        ]);
        assert.equal(objects.length, 22);
        assert.doesNotMatch(JSON.stringify(objects), /webhook-service|webhook-cert|creationTimestamp|quay\.io/);
    });

    it("is of the version that the image is built from", () => {
        const root = path.resolve(__dirname, "../..");
        const goMod = fs.readFileSync(path.join(root, "images/metallb/go.mod"), "utf8");
        const built = /^\s*go\.universe\.tf\/metallb (v\S+)/m.exec(goMod)?.[1];
        const manifest = fs.readFileSync(path.join(root, "components/addresses/metallb-native.yaml"), "utf8");
        const named = [...manifest.matchAll(/image: quay\.io\/metallb\/(\w+):(\S+)/g)].map(([, ...image]) => image);
        assert.deepEqual(named, [
            ["controller", built],
            ["speaker", built],
        ]);
    });

    it("has a namespace of its own, at the level that its speakers need", () => {
        assert.deepEqual(groups[0], [
            {
                apiVersion: "v1",
                kind: "Namespace",
                metadata: {
                    name: "metallb-system",
                    labels: {
                        "pod-security.kubernetes.io/audit": "privileged",
                        "pod-security.kubernetes.io/enforce": "privileged",
                        "pod-security.kubernetes.io/warn": "privileged",
                    },
                },
            },
        ]);
        assert.ok(objects.every(({ metadata: { namespace = "metallb-system" } }) => namespace === "metallb-system"));
    });

    const resources = { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "128Mi" } };
    const probe = (kind: string) => ({
        [kind]: {
            failureThreshold: 3,
            httpGet: { path: "/metrics", port: "monitoring" },
            initialDelaySeconds: 10,
            periodSeconds: 10,
            successThreshold: 1,
            timeoutSeconds: 1,
        },
    });
    const probes = { ...probe("livenessProbe"), ...probe("readinessProbe") };

    it("gives addresses with no rights on its node", () => {
        assert.deepEqual(podsOf("Deployment"), {
            containers: [
                {
                    name: "controller",
                    image,
                    command: ["/controller"],
                    args: [
                        "--port=7472",
                        "--log-level=info",
                        "--tls-min-version=VersionTLS12",
                        "--webhook-mode=disabled",
                    ],
                    env: [
                        { name: "METALLB_ML_SECRET_NAME", value: "memberlist" },
                        { name: "METALLB_DEPLOYMENT", value: "controller" },
                    ],
                    ...probes,
                    ports: [{ containerPort: 7472, name: "monitoring" }],
                    resources,
                    securityContext: {
                        allowPrivilegeEscalation: false,
                        capabilities: { drop: ["all"] },
                        readOnlyRootFilesystem: true,
                    },
                    volumeMounts: [],
                },
            ],
            nodeSelector: { "kubernetes.io/os": "linux" },
            securityContext: { fsGroup: 65534, runAsNonRoot: true, runAsUser: 65534 },
            serviceAccountName: "controller",
            terminationGracePeriodSeconds: 0,
            volumes: [],
        });
    });

    it("answers for them as root with CAP_NET_RAW and nothing else", () => {
        const { containers, hostNetwork, volumes } = podsOf("DaemonSet");
        const [speaker] = containers as Record<string, unknown>[];
        assert.equal(hostNetwork, true);
        assert.deepEqual(
            { image: speaker.image, command: speaker.command, args: speaker.args, resources: speaker.resources },
            { image, command: ["/speaker"], args: ["--port=7472", "--log-level=info"], resources },
        );
        assert.deepEqual(speaker.securityContext, {
            allowPrivilegeEscalation: false,
            capabilities: { add: ["NET_RAW"], drop: ["ALL"] },
            readOnlyRootFilesystem: true,
            runAsUser: 0,
            runAsGroup: 0,
        });
        assert.deepEqual(
            (volumes as { name: string }[]).map(({ name }) => name),
            ["memberlist", "metallb-excludel2"],
        );
    });

    it("gives the addresses of one pool", () => {
        const metadata = { name: "pool", namespace: "metallb-system" };
        assert.deepEqual(poolObjects("10.0.0.1-10.0.0.9"), [
            {
                apiVersion: "metallb.io/v1beta1",
                kind: "IPAddressPool",
                metadata,
                spec: { addresses: ["10.0.0.1-10.0.0.9"] },
            },
            { apiVersion: "metallb.io/v1beta1", kind: "L2Advertisement", metadata, spec: { ipAddressPools: ["pool"] } },
        ]);
    });

    it("is declared whole, the pool last", async () => {
        const { registrations } = await runProgram(() => {
            new LoadBalancer("addresses", { image, pool: "10.0.0.1-10.0.0.9" });
            return {};
        });
        const types = registrations.map(({ type }) => type).filter((type) => type.startsWith("kubernetes:"));
        assert.equal(types.length, 24);
        // In the order in which the engine hears of them, whatever the program's: each waits for those that it stands on.
        const places = ["Namespace", "CustomResourceDefinition", "Deployment", "IPAddressPool"].map((kind) =>
            types.findIndex((type) => type.endsWith(`:${kind}`)),
        );
        assert.deepEqual(
            places,
            [...places].sort((one, other) => one - other),
        );
        assert.deepEqual(types.slice(-2).sort(), [
            "kubernetes:metallb.io/v1beta1:IPAddressPool",
            "kubernetes:metallb.io/v1beta1:L2Advertisement",
        ]);
        assert.equal(types[0], "kubernetes:core/v1:Namespace");
    });
});

describe("addresses: the pool", () => {
    const node = { name: "nta-a-1", address: "172.18.0.2" };
    const chosen = (subnet: string, wanted?: string) => poolText(poolInNetwork(subnet, [node], wanted));

    it("is the last fifty addresses of the network, or its last quarter", () => {
        assert.equal(chosen("172.18.0.0/16"), "172.18.255.205-172.18.255.254");
        assert.equal(chosen("192.168.16.0/20"), "192.168.31.205-192.168.31.254");
        assert.equal(chosen("10.1.2.0/24"), "10.1.2.205-10.1.2.254");
        assert.equal(chosen("10.1.2.64/26"), "10.1.2.111-10.1.2.126");
        assert.equal(chosen("10.1.2.0/29"), "10.1.2.5-10.1.2.6");
    });

    it("is the one that was asked for, if the network has it", () => {
        assert.equal(chosen("172.18.0.0/16", "172.18.3.1-172.18.3.9"), "172.18.3.1-172.18.3.9");
        for (const wrong of [
            "172.19.255.205-172.19.255.254",
            "172.18.255.250-172.18.255.255",
            "172.18.0.1-172.18.0.1",
            "172.17.0.9-172.18.0.9",
        ]) {
            assert.throws(
                () => chosen("172.18.0.0/16", wrong),
                new RegExp(
                    `^MachineError: nta:addressPool is ${wrong}, and the machines' network has ` +
                        "172.18.0.2-172.18.255.254 to give: choose others with " +
                        "`pulumi config set nta:addressPool 172.18.255.205-172.18.255.254`$",
                ),
            );
        }
    });

    it("has no address that somebody has", () => {
        assert.throws(
            () => chosen("172.18.0.0/16", "172.18.0.2-172.18.0.9"),
            /pool of addresses 172.18.0.2-172.18.0.9 has 172.18.0.2 in it, which is nta-a-1's: choose others with/,
        );
        assert.throws(
            () => poolInNetwork("10.1.2.0/29", [{ name: "stranger", address: "10.1.2.6" }], undefined),
            /has 10.1.2.6 in it, which is stranger's: set nta:addressPool to addresses that nobody has/,
        );
    });

    it("goes from one address to a higher one", () => {
        assert.deepEqual(parsePool("10.0.0.9-10.0.1.2"), { first: 0x0a000009, last: 0x0a000102 });
        assert.deepEqual(parsePool("10.0.0.9-10.0.0.9"), { first: 0x0a000009, last: 0x0a000009 });
        for (const wrong of [
            "10.0.0.9",
            "10.0.0.9-10.0.0.8",
            "10.0.0.0/24",
            "10.0.0.1-10.0.0.256",
            "a-b",
            "1-2-3",
            "",
        ]) {
            assert.equal(parsePool(wrong), undefined, wrong);
        }
    });

    it("meets another where one address is in both", () => {
        const [one, inside, after] = [
            { first: 5, last: 9 },
            { first: 6, last: 9 },
            { first: 10, last: 12 },
        ];
        assert.deepEqual([poolsMeet(one, inside), poolsMeet(inside, one), poolsMeet(one, after)], [true, true, false]);
        assert.deepEqual([contains(one, inside), contains(inside, one)], [true, false]);
    });
});
