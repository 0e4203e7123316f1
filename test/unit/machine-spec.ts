import type { MachineSpec } from "../../machine/spec";

/** A specification of machines named `nta-test-1`, `nta-test-2`, …, but for what a test changes. */
export function machineSpec(change: Partial<MachineSpec> = {}, nodes = 1): MachineSpec {
    return {
        clusterName: "nta-test",
        provider: "auto",
        kubernetesVersion: "1.34.4",
        cpus: 2,
        memory: 2048,
        disk: 1,
        apiPort: 6443,
        hostAddress: "127.0.0.1",
        ports: [{ name: "api", host: 6443, guest: 6443 }],
        nodes: Array.from({ length: nodes }, (_, index) => ({
            name: `nta-test-${index + 1}`,
            userData: "#cloud-config\n",
            metaData: "instance-id: a\n",
            networkConfig: "",
        })),
        ...change,
    };
}
