import { MachineError } from "./errors";
import { execute } from "./execute";
import { MachineFolder } from "./folder";
import { ApiServer, localAddress } from "./health";
import { sleep } from "./process";
import { Progress } from "./progress";
import type { EndpointSpec } from "./spec";

async function adminConf(folder: MachineFolder): Promise<string> {
    const node = `${folder.clusterName}-1`;
    const result = await execute(folder, node, "cat /etc/kubernetes/admin.conf");
    if (result.code !== 0) {
        throw new MachineError(`the machine ${node} can't be asked for its kubeconfig: ${result.stderr.trim()}`);
    }
    return result.stdout;
}

/** The cluster's kubeconfig for this machine. Given out only when the API server is healthy; a short outage is waited for. */
export async function kubeconfig(spec: EndpointSpec, waitSeconds = 90): Promise<string> {
    const folder = new MachineFolder(spec.clusterName);
    const progress = new Progress(spec.clusterName);
    const api = new ApiServer(await adminConf(folder), localAddress(spec.hostAddress), spec.apiPort);
    try {
        while (!(await api.healthy())) {
            if (progress.seconds === 0) {
                progress.step("waiting for the API server");
            }
            if (progress.seconds >= waitSeconds) {
                throw new MachineError(
                    `the API server of ${spec.clusterName} does not answer at ${localAddress(spec.hostAddress)}:${spec.apiPort}: ` +
                        "see `vagrant status`, and `vagrant up` if the machine is stopped",
                );
            }
            await sleep(1000);
        }
        const text = api.kubeconfig(spec.clusterName);
        // `source env` points KUBECONFIG here.
        folder.write("kubeconfig", text);
        return text;
    } finally {
        api.close();
        progress.end();
    }
}
