import * as assert from "node:assert/strict";

import { configuration, onExisting, refusal } from "./settings-configuration";

/** key, value or whole configuration, what the message must say, the command that it must give */
type BadValue = [key: string, given: string | Record<string, string>, wrong: RegExp, mend: string];

const badValues: BadValue[] = [
    ["nta:kubeContext", "lab", /is set, but cluster is vagrant/, "pulumi config rm nta:kubeContext"],
    ["nta:kubeconfig", "~/k", /is set, but cluster is vagrant/, "pulumi config rm nta:kubeconfig"],
    ["nta:storageClass", "fast", /is set, but cluster is vagrant/, "pulumi config rm nta:storageClass"],
    ["nta:serviceType", "LoadBalancer", /is set, but cluster is vagrant/, "pulumi config rm nta:serviceType"],
    ["nta:serviceType", "ClusterIP", /is not one of the choices/, "pulumi config set serviceType NodePort"],
    [
        "nta:registry",
        { "nta:cluster": "existing", "nta:kubeContext": "lab" },
        /is not set, but an existing cluster brings no registry/,
        "",
    ],
    [
        "nta:kubeContext",
        { "nta:cluster": "existing", "nta:registry": "r.io" },
        /is not set, and neither is kubeconfig/,
        "pulumi config set kubeContext my-cluster",
    ],
    [
        "nta:kubeconfig",
        { ...onExisting, "nta:kubeconfig": "kind: Config\nusers: []" },
        /is stored in plain text/,
        "pulumi config set --secret kubeconfig < <file>",
    ],
    ["nta:memory", { ...onExisting, "nta:memory": "8192" }, /cluster is existing/, "pulumi config rm nta:memory"],
    ["nta:provider", { ...onExisting, "nta:provider": "docker" }, /cluster is existing/, ""],
    ["nta:kubernetesVersion", { ...onExisting, "nta:kubernetesVersion": "1.35.4" }, /cluster is existing/, ""],
    ["nta:kubernetesVersion", "1.36.3", /not one of the choices/, "pulumi config set kubernetesVersion 1.34.4"],
    ["nta:kubernetesVersion", "v1.35.4", /not one of the choices/, "pulumi config set kubernetesVersion 1.35.4"],
    ["nta:hostAddress", { ...onExisting, "nta:hostAddress": "0.0.0.0" }, /cluster is existing/, ""],
    [
        "nta:taurus.httpsPort",
        { ...onExisting, "nta:taurus": '{"httpsPort":8443}' },
        /is set, but cluster is existing: it belongs to the machine/,
        "pulumi config rm --path taurus.httpsPort",
    ],
    ["nta:cluster", "exsting", /is not one of the choices/, "pulumi config set cluster existing"],
    ["nta:cluster", "vagrnt", /not one of the choices/, "pulumi config set cluster vagrant"],
    ["nta:cluster", "", /not one of the choices/, "pulumi config set cluster vagrant"],
    ["nta:provider", "vmware", /not one of the choices/, "pulumi config set provider auto"],
    ["nta:provider", "Docker", /not one of the choices/, "pulumi config set provider docker"],
    ["nta:provider", "virtual-box", /not one of the choices/, "pulumi config set provider virtualbox"],
    ["nta:nodes", "0", /less than 1/, "pulumi config set nodes 1"],
    ["nta:nodes", "257", /more than 256/, "pulumi config set nodes 256"],
    ["nta:nodes", "-1", /less than 1/, "pulumi config set nodes 1"],
    [
        "nta:nodes",
        { "nta:provider": "virtualbox", "nta:nodes": "3" },
        /is more than one, but VirtualBox's machines can't reach one another/,
        "pulumi config set nodes 1",
    ],
    ["nta:podRange", "10.244.0.1/16", /no range that begins/, "pulumi config set podRange 10.244.0.0/16"],
    ["nta:podRange", "10.0.0.0/7", /not of a size/, "pulumi config set podRange 10.244.0.0/16"],
    ["nta:serviceRange", "10.244.8.0/24", /overlaps with podRange/, "pulumi config set serviceRange 10.100.0.0/16"],
    ["nta:nodes", "one", /not a whole number/, "pulumi config set nodes 1"],
    ["nta:nodes", "1.5", /not a whole number/, "pulumi config set nodes 2"],
    ["nta:nodes", "", /not a whole number/, "pulumi config set nodes 1"],
    ["nta:cpus", "1", /less than 2/, "pulumi config set cpus 2"],
    ["nta:cpus", "1000", /more than 256/, "pulumi config set cpus 256"],
    ["nta:cpus", "0x4", /not a whole number/, "pulumi config set cpus 4"],
    ["nta:cpus", "4 ", /not a whole number/, "pulumi config set cpus 4"],
    ["nta:cpus", "1e1", /not a whole number/, "pulumi config set cpus 10"],
    ["nta:cpus", "[4]", /not a whole number/, "pulumi config set cpus 4"],
    ["nta:cpus", "99999999999999999999", /not a whole number/, "pulumi config set cpus 256"],
    ["nta:memory", "4GiB", /not a whole number/, "pulumi config set memory 4096"],
    ["nta:memory", "512", /less than 2048/, "pulumi config set memory 2048"],
    ["nta:memory", "32768", /more than the 16384 MiB that this machine has/, "pulumi config set memory 12288"],
    [
        "nta:memory",
        { "nta:nodes": "5" },
        /makes 20480 MiB for all 5 nodes, more than the 16384 MiB/,
        "pulumi config set memory 2304",
    ],
    [
        "nta:memory",
        { "nta:nodes": "9", "nta:memory": "2048" },
        /makes 18432 MiB for all 9 nodes/,
        "pulumi config set nodes 8",
    ],
    ["nta:disk", "1", /less than 10/, "pulumi config set disk 10"],
    ["nta:disk", "10", /can't hold the volumes of 14 GiB/, "pulumi config set disk 20"],
    ["nta:hostAddress", "localhost", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "127.0.0.256", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "127.1", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "", /is empty/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:hostAddress", "010.0.0.1", /no IPv4 address/, "pulumi config set hostAddress 127.0.0.1"],
    ["nta:apiPort", "0", /less than 1/, "pulumi config set apiPort 1"],
    ["nta:apiPort", "65536", /more than 65535/, "pulumi config set apiPort 65535"],
    ["nta:apiPort", "https", /not a whole number/, "pulumi config set apiPort 6443"],
    ["nta:registryPort", "6443", /is the port of apiPort too/, "pulumi config set registryPort 6444"],
    ["nta:registryPort", "-5", /less than 1/, "pulumi config set registryPort 1"],
    ["nta:registry", "https://registry.example.com/", /scheme/, "pulumi config set registry registry.example.com"],
    [
        "nta:registry",
        "registry.example.com/Team",
        /part "Team"/,
        "pulumi config set registry registry.example.com/team",
    ],
    ["nta:registry", "registry.example.com/a:latest", /has a tag/, "pulumi config set registry registry.example.com/a"],
    ["nta:registry", "registry.example.com//a", /empty part/, "pulumi config set registry registry.example.com/a"],
    ["nta:registry", "registry.example.com/a/", /empty part/, "pulumi config set registry registry.example.com/a"],
    ["nta:registry", "registry.example.com:port", /has a port that is no number/, ""],
    ["nta:registry", "registry.example.com:70000", /has a port that is no number/, ""],
    ["nta:registry", "my_registry.example.com", /no DNS name/, ""],
    ["nta:registry", "-a.example.com", /no DNS name/, ""],
    ["nta:registry", "numenta", /Docker Hub/, ""],
    ["nta:registry", ":5000", /has no host/, ""],
    ["nta:registry", "user@registry.example.com", /characters/, ""],
    ["nta:registry", "two words.com", /characters/, ""],
    ["nta:registry", " registry.example.com", /white space/, "pulumi config set registry registry.example.com"],
    ["nta:registry", "<registry>", /no DNS name/, "pulumi config set registry registry.example.com:5000/team"],
    [
        "nta:registryUsername",
        { "nta:registryUsername": "ada" },
        /cluster's own registry/,
        "pulumi config rm registryUsername",
    ],
    [
        "nta:registryPassword",
        { "nta:registry": "r.io", "nta:registryUsername": "ada" },
        /is not set, but registryUsername is/,
        "pulumi config set --secret registryPassword",
    ],
    ["nta:registryPassword", "hunter2", /plain text/, "pulumi config set --secret registryPassword"],
    ["nta:registryInsecure", "true", /cluster's own registry/, "pulumi config set registryInsecure false"],
    ["nta:registryInsecure", "maybe", /neither true nor false/, "pulumi config set registryInsecure false"],
    ["nta:registryCa", "./ca.pem", /cluster's own registry/, "pulumi config rm registryCa"],
    ["nta:registryCa", { "nta:registry": "r.io", "nta:registryCa": "./gone.pem" }, /can't be read \(ENOENT\)/, ""],
    ["nta:registryCa", { "nta:registry": "r.io", "nta:registryCa": "./not-a-certificate.pem" }, /no certificate/, ""],
    [
        "nta:registryCa",
        { "nta:registry": "r.io", "nta:registryCa": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" },
        /no certificate/,
        "",
    ],
    [
        "nta:registryCa",
        { "nta:registry": "r.io", "nta:registryCa": "./ca.pem", "nta:registryInsecure": "true" },
        /plain HTTP has no certificate/,
        "pulumi config set registryInsecure false",
    ],
    ["nta:registry", "localhost:5000", /loopback/, "pulumi config set registry registry.example.com:5000/team"],
    ["nta:registry", "127.0.0.2:5000/team", /loopback/, ""],
    ["nta:registry", "[::1]:5000", /loopback/, ""],
    [
        "nta:registryUsername",
        { "nta:registry": "r.io", "nta:registryUsername": "ada:byron", "nta:registryPassword": "" },
        /has a colon/,
        "",
    ],
    ["nta:buildImages", "false", /cluster's own registry has no images/, "pulumi config set buildImages true"],
    ["nta:builtImages", "taurus", /buildImages is true/, "pulumi config rm builtImages"],
    [
        "nta:builtImages",
        { "nta:registry": "r.io", "nta:buildImages": "false", "nta:builtImages": "tauros,mysql" },
        /has "tauros", which is none/,
        "pulumi config set builtImages taurus,mysql",
    ],
    [
        "nta:builtImages",
        { "nta:registry": "r.io", "nta:buildImages": "false", "nta:builtImages": "taurus,,mysql" },
        /has an empty name/,
        "pulumi config set builtImages taurus",
    ],
    ["nta:buildImages", "yes", /neither true nor false/, "pulumi config set buildImages true"],
    ["nta:buildImages", "0", /neither true nor false/, "pulumi config set buildImages false"],
    ["nta:buildImages", "False", /neither true nor false/, "pulumi config set buildImages false"],
    ["nta:source", "numenta-apps", /neither a path/, "pulumi config set source /path/to/numenta-apps"],
    ["nta:source", "", /is empty/, "pulumi config set source /path/to/numenta-apps"],
    ["nta:source", "htp://example.com/x", /neither a path/, ""],
    ["nta:sourceRef", "--upload-pack=x", /no name of a commit/, ""],
    ["nta:sourceRef", "a..b", /no name of a commit/, ""],
    ["nta:sourceRef", "", /is empty/, ""],
    [
        "nta:sourceRef",
        { "nta:source": "sample", "nta:sourceRef": "v1" },
        /source is sample/,
        "pulumi config rm sourceRef",
    ],
    ["nta:sourceRef", { "nta:source": "./x", "nta:sourceRef": "v1" }, /source is a path/, "pulumi config rm sourceRef"],
    ["nta:namespace", "Taurus", /no name for a namespace/, "pulumi config set namespace taurus"],
    ["nta:namespace", "default", /belongs to Kubernetes/, "pulumi config set namespace taurus"],
    ["nta:namespace", "kube-system", /belongs to Kubernetes/, "pulumi config set namespace taurus"],
    ["nta:namespace", "a".repeat(64), /no name for a namespace/, "pulumi config set namespace taurus"],
    [
        "nta:taurus",
        "5",
        /group of settings/,
        "pulumi config rm nta:taurus && pulumi config set --path taurus.replicas 1",
    ],
    ["nta:taurus", "[1]", /group of settings/, ""],
    [
        "nta:taurus.replicas",
        { "nta:taurus": '{"replicas":0}' },
        /less than 1/,
        "pulumi config set --path taurus.replicas 1",
    ],
    ["nta:taurus.replicas", "3", /more than 1/, "pulumi config set taurus.replicas 1"],
    ["nta:taurus.replicas", { "nta:taurus": '{"replicas":1.5}' }, /not a whole number/, ""],
    ["nta:taurus.replicas", { "nta:taurus": '{"replicas":null}' }, /not a whole number/, ""],
    [
        "nta:taurus.expose",
        { "nta:taurus": '{"expose":1}' },
        /neither true nor false/,
        "pulumi config set --path taurus.expose true",
    ],
    ["nta:taurus.httpsPort", { "nta:taurus": '{"httpsPort":6443}' }, /is the port of apiPort too/, ""],
    [
        "nta:taurus.supervisorPort",
        "443",
        /port of taurus.httpsPort too/,
        "pulumi config set taurus.supervisorPort 8443",
    ],
    [
        "nta:taurus.metricsPort",
        { "nta:taurus": '{"metricsPort":2004}', "nta:taurus.metricsPort": "2005" },
        /given twice/,
        "pulumi config rm nta:taurus.metricsPort",
    ],
    ["nta:taurus.storage", "5GB", /no size/, "pulumi config set taurus.storage 5Gi"],
    ["nta:taurus.storage", { "nta:taurus": '{"storage":5}' }, /no size/, "pulumi config set --path taurus.storage 5Gi"],
    ["nta:taurus.storage", "0Gi", /no size/, ""],
    ["nta:taurus.collectors", { "nta:taurus": '{"collectors":true}' }, /group of settings/, ""],
    [
        "nta:taurus.collectors.xigniteApiToken",
        "abc",
        /plain text/,
        "pulumi config set --secret taurus.collectors.xigniteApiToken",
    ],
    [
        "nta:support.rabbitmq.managementPort",
        { "nta:support": '{"rabbitmq":{"expose":true,"managementPort":9001}}' },
        /port of taurus.supervisorPort too/,
        "pulumi config set --path support.rabbitmq.managementPort 9002",
    ],
    ["nta:support.mysql.prot", { "nta:support": '{"mysql":{"prot":1}}' }, /is no setting/, ""],
    ["nta:registy", "x", /is no setting/, "pulumi config rm nta:registy && pulumi config set registry <value>"],
    ["nta:Memory", "1", /is no setting/, "pulumi config rm nta:Memory && pulumi config set memory <value>"],
    ["nta:quux", "1", /is no setting/, "pulumi config rm nta:quux"],
    ["nta:taurus.httpPort", "1", /is no setting/, ""],
];

describe("settings: wrong values", () => {
    it("are at least sixty in this table", () => assert.ok(badValues.length >= 60, String(badValues.length)));

    for (const [key, given, wrong, mend] of badValues) {
        it(
            `${key}: ${typeof given === "string" ? JSON.stringify(given) : Object.values(given).join(", ")}`.slice(
                0,
                110,
            ),
            () => {
                const changes = typeof given === "string" ? { [key]: given } : given;
                const { problems } = refusal({ ...configuration(), ...changes });
                const problem = problems.find((candidate) => candidate.key === key);
                assert.ok(problem, `no problem names ${key}: ${JSON.stringify(problems)}`);
                assert.match(problem.wrong, wrong);
                assert.ok(problem.right.length > 0);
                assert.match(problem.mend, /^pulumi config (set|rm) /);
                if (mend !== "") {
                    assert.equal(problem.mend, mend);
                }
                assert.equal(problems.length, 1, `more than one problem: ${JSON.stringify(problems)}`);
            },
        );
    }
});
