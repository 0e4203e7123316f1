import type { types } from "@pulumi/kubernetes";
import type { DaemonSetArgs, DeploymentArgs } from "@pulumi/kubernetes/apps/v1";
import type { Input } from "@pulumi/pulumi";

import { inMetalLb, type Program, programLabels } from "./metallb";

type Container = types.input.core.v1.Container;

/** The Secret with the key that the speakers know each other by. The controller makes it. */
const speakersKey = "memberlist";

/** Port of each program's metrics, which answer when it works. */
const metricsPort = 7472;

/** Interfaces that the speakers answer on none of: those of containers and virtual machines on the node. */
export const excludedInterfaces = {
    "excludel2.yaml": `announcedInterfacesToExclude: ${JSON.stringify([
        "^docker.*",
        "^cbr.*",
        "^dummy.*",
        "^virbr.*",
        "^lxcbr.*",
        "^veth.*",
        "^lo$",
        "^flannel.*",
        "^kube-ipvs.*",
        "^cni.*",
        "^cali.*",
        "^tunl.*",
        "^nodelocaldns.*",
    ])}\n`,
};
/** The ConfigMap of those. */
export const excludedInterfacesName = "metallb-excludel2";

/** What the containers of both programs have in common. */
function container(program: Program, image: Input<string>): Container {
    const probe = { httpGet: { path: "/metrics", port: "metrics" }, periodSeconds: 10, failureThreshold: 3 };
    return {
        name: program,
        image,
        command: [`/${program}`],
        readinessProbe: { ...probe, periodSeconds: 2 },
        livenessProbe: { ...probe, initialDelaySeconds: 10 },
        // Each took 51 MB when it was measured.
        resources: { requests: { cpu: "20m", memory: "64Mi" }, limits: { memory: "128Mi" } },
    };
}

/** The controller, which gives addresses to Services. It has no right on its node. */
export function controllerDeployment(image: Input<string>): DeploymentArgs {
    const labels = programLabels("controller");
    return {
        metadata: { ...inMetalLb("controller"), labels },
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
                            ...container("controller", image),
                            // The webhooks would check pools: here that is done with the settings.
                            args: [`--port=${metricsPort}`, "--log-level=info", "--webhook-mode=disabled"],
                            env: [
                                { name: "METALLB_ML_SECRET_NAME", value: speakersKey },
                                { name: "METALLB_DEPLOYMENT", value: "controller" },
                            ],
                            ports: [{ name: "metrics", containerPort: metricsPort }],
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
    };
}

/** The speakers, one on each node: they answer ARP requests on the node's network, which takes root and CAP_NET_RAW. */
export function speakerDaemonSet(image: Input<string>): DaemonSetArgs {
    const labels = programLabels("speaker");
    const field = (name: string, fieldPath: string) => ({ name, valueFrom: { fieldRef: { fieldPath } } });
    return {
        metadata: { ...inMetalLb("speaker"), labels },
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
                            ...container("speaker", image),
                            args: [`--port=${metricsPort}`, "--log-level=info"],
                            env: [
                                field("METALLB_NODE_NAME", "spec.nodeName"),
                                field("METALLB_POD_NAME", "metadata.name"),
                                field("METALLB_HOST", "status.hostIP"),
                                field("METALLB_ML_BIND_ADDR", "status.podIP"),
                                {
                                    name: "METALLB_ML_LABELS",
                                    value: Object.entries(labels)
                                        .map(([key, value]) => `${key}=${value}`)
                                        .join(","),
                                },
                                { name: "METALLB_ML_SECRET_KEY_PATH", value: "/etc/ml_secret_key" },
                            ],
                            ports: [
                                { name: "metrics", containerPort: metricsPort },
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
                        { name: "key", secret: { secretName: speakersKey } },
                        { name: "excluded", configMap: { name: excludedInterfacesName } },
                    ],
                },
            },
        },
    };
}
