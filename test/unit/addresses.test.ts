import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { addressPool, layer2Advertisement, metalLbDefinitions } from "../../components/addresses/custom-resources";
import { LoadBalancer } from "../../components/addresses/load-balancer";
import { controllerDeployment, speakerDaemonSet } from "../../components/addresses/pods";
import { clusterRules, namespaceRules } from "../../components/addresses/roles";
import { poolInNetwork } from "../../machine/address-pool";
import { contains, parsePool, poolsMeet, poolText } from "../../machine/address-range";
import { runProgram } from "../../tools/preview-diff/mock-engine";

const image = "registry/metallb@sha256:1";

describe("addresses: MetalLB", () => {
    const probe = { httpGet: { path: "/metrics", port: "metrics" }, failureThreshold: 3 };
    const program = {
        image,
        readinessProbe: { ...probe, periodSeconds: 2 },
        livenessProbe: { ...probe, periodSeconds: 10, initialDelaySeconds: 10 },
        resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "128Mi" } },
    };

    it("gives addresses with no rights on its node", () => {
        const labels = { app: "metallb", component: "controller" };
        assert.deepEqual(controllerDeployment(image), {
            metadata: { name: "controller", namespace: "metallb-system", labels },
            spec: {
                selector: { matchLabels: labels },
                template: {
                    metadata: { labels },
                    spec: {
                        serviceAccountName: "controller",
                        terminationGracePeriodSeconds: 0,
                        securityContext: {
                            runAsNonRoot: true,
                            runAsUser: 10001,
                            runAsGroup: 10001,
                            seccompProfile: { type: "RuntimeDefault" },
                        },
                        containers: [
                            {
                                ...program,
                                name: "controller",
                                command: ["/controller"],
                                args: ["--port=7472", "--log-level=info", "--webhook-mode=disabled"],
                                env: [
                                    { name: "METALLB_ML_SECRET_NAME", value: "memberlist" },
                                    { name: "METALLB_DEPLOYMENT", value: "controller" },
                                ],
                                ports: [{ name: "metrics", containerPort: 7472 }],
                                securityContext: {
                                    allowPrivilegeEscalation: false,
                                    readOnlyRootFilesystem: true,
                                    capabilities: { drop: ["ALL"] },
                                },
                            },
                        ],
                    },
                },
            },
        });
    });

    it("answers for them as root with CAP_NET_RAW and nothing else", () => {
        const labels = { app: "metallb", component: "speaker" };
        const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
        assert.deepEqual(speakerDaemonSet(image), {
            metadata: { name: "speaker", namespace: "metallb-system", labels },
            spec: {
                selector: { matchLabels: labels },
                template: {
                    metadata: { labels },
                    spec: {
                        serviceAccountName: "speaker",
                        hostNetwork: true,
                        terminationGracePeriodSeconds: 2,
                        tolerations: [
                            { key: "node-role.kubernetes.io/control-plane", operator: "Exists", effect: "NoSchedule" },
                        ],
                        containers: [
                            {
                                ...program,
                                name: "speaker",
                                command: ["/speaker"],
                                args: ["--port=7472", "--log-level=info"],
                                env: [
                                    field("METALLB_NODE_NAME", "spec.nodeName"),
                                    field("METALLB_POD_NAME", "metadata.name"),
                                    field("METALLB_HOST", "status.hostIP"),
                                    field("METALLB_ML_BIND_ADDR", "status.podIP"),
                                    { name: "METALLB_ML_LABELS", value: "app=metallb,component=speaker" },
                                    { name: "METALLB_ML_SECRET_KEY_PATH", value: "/etc/ml_secret_key" },
                                ],
                                ports: [
                                    { name: "metrics", containerPort: 7472 },
                                    { name: "memberlist-tcp", containerPort: 7946 },
                                    { name: "memberlist-udp", containerPort: 7946, protocol: "UDP" },
                                ],
                                securityContext: {
                                    runAsUser: 0,
                                    runAsGroup: 0,
                                    allowPrivilegeEscalation: false,
                                    readOnlyRootFilesystem: true,
                                    capabilities: { drop: ["ALL"], add: ["NET_RAW"] },
                                },
                                volumeMounts: [
                                    { name: "key", mountPath: "/etc/ml_secret_key", readOnly: true },
                                    { name: "excluded", mountPath: "/etc/metallb", readOnly: true },
                                ],
                            },
                        ],
                        volumes: [
                            { name: "key", secret: { secretName: "memberlist" } },
                            { name: "excluded", configMap: { name: "metallb-excludel2" } },
                        ],
                    },
                },
            },
        });
    });

    it("defines the kinds of the release that the image is built from", () => {
        const goMod = fs.readFileSync(path.resolve(__dirname, "../../images/metallb/go.mod"), "utf8");
        // What another release reads has to be looked up in its manifest, and then written here.
        assert.match(goMod, /go\.universe\.tf\/metallb v0\.15\.2\b/);
        const definitions = metalLbDefinitions();
        assert.deepEqual(
            definitions.map(
                ({ metadata, spec }) =>
                    `${metadata.name}/${spec.versions.map(({ name }) => name).join("+")} ${spec.names.kind}`,
            ),
            [
                "bfdprofiles.metallb.io/v1beta1 BFDProfile",
                "bgpadvertisements.metallb.io/v1beta1 BGPAdvertisement",
                "bgppeers.metallb.io/v1beta1+v1beta2 BGPPeer",
                "communities.metallb.io/v1beta1 Community",
                "ipaddresspools.metallb.io/v1beta1 IPAddressPool",
                "l2advertisements.metallb.io/v1beta1 L2Advertisement",
                "servicebgpstatuses.metallb.io/v1beta1 ServiceBGPStatus",
                "servicel2statuses.metallb.io/v1beta1 ServiceL2Status",
            ],
        );
        assert.deepEqual(
            definitions[2].spec.versions.map(({ storage }) => storage),
            [false, true],
        );
        const anything = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
        assert.deepEqual(definitions[4], {
            metadata: { name: "ipaddresspools.metallb.io" },
            spec: {
                group: "metallb.io",
                scope: "Namespaced",
                names: {
                    kind: "IPAddressPool",
                    listKind: "IPAddressPoolList",
                    plural: "ipaddresspools",
                    singular: "ipaddresspool",
                },
                versions: [
                    {
                        name: "v1beta1",
                        served: true,
                        storage: true,
                        subresources: { status: {} },
                        schema: {
                            openAPIV3Schema: { type: "object", properties: { spec: anything, status: anything } },
                        },
                    },
                ],
            },
        });
    });

    it("changes nothing in the cluster but the state of Services, its own objects and its own namespace's Secrets", () => {
        const changes = [...Object.values(clusterRules), ...Object.values(namespaceRules)]
            .flat(2)
            .filter(({ verbs }) => (verbs as string[]).some((verb) => !["get", "list", "watch"].includes(verb)))
            .map(({ resources }) => resources);
        assert.deepEqual(changes, [
            ["services/status"],
            ["events"],
            ["servicel2statuses", "servicel2statuses/status"],
            ["events"],
            ["ipaddresspools/status"],
            ["secrets"],
        ]);
        const secrets = (rules: typeof clusterRules) =>
            Object.values(rules)
                .flat(2)
                .filter(({ resources }) => (resources as string[]).includes("secrets")).length;
        assert.deepEqual([secrets(clusterRules), secrets(namespaceRules)], [0, 2]);
    });

    it("gives the addresses of one pool", () => {
        const metadata = { name: "pool", namespace: "metallb-system" };
        assert.deepEqual(addressPool("10.0.0.1-10.0.0.9"), {
            apiVersion: "metallb.io/v1beta1",
            kind: "IPAddressPool",
            metadata,
            spec: { addresses: ["10.0.0.1-10.0.0.9"], autoAssign: true, avoidBuggyIPs: false },
        });
        assert.deepEqual(layer2Advertisement(), {
            apiVersion: "metallb.io/v1beta1",
            kind: "L2Advertisement",
            metadata,
            spec: { ipAddressPools: ["pool"] },
        });
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
