import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { clusters } from "../../machine/clusters";
import { MachineFolder } from "../../machine/folder";
import { setVariables } from "../environment";

const docker = `#!/bin/sh
case "$*" in
*nta.cluster=nta-noted*) echo "nta-noted-1 exited" ;;
*nta.cluster=nta-found*) printf 'nta-found-1 running\\nnta-found-2 running\\n' ;;
ps*) printf 'nta-noted\\nnta-found\\nnta-found\\n' ;;
"port nta-found-1") printf '5000/tcp -> 127.0.0.1:5001\\n6443/tcp -> 127.0.0.1:6444\\n' ;;
version*) echo 20.10 ;;
esac
`;

describe("the clusters of this machine", () => {
    let directory: string;
    let restore: () => void;

    beforeEach(() => {
        directory = fs.mkdtempSync(path.join(os.tmpdir(), "nta-clusters-"));
        fs.writeFileSync(path.join(directory, "docker"), docker, { mode: 0o755 });
        restore = setVariables({ NTA_STATE: directory, PATH: `${directory}:${process.env.PATH}` });
    });
    afterEach(() => {
        fs.rmSync(directory, { recursive: true });
        restore();
    });

    it("are those of the notes, by the addresses of their settings, and those that only Docker knows of", async () => {
        const folder = new MachineFolder("nta-noted");
        folder.remember({ provider: "docker" });
        folder.specification = {
            clusterName: "nta-noted",
            provider: "auto",
            kubernetesVersion: "1.34.4",
            cpus: 2,
            memory: 2048,
            disk: 1,
            apiPort: 7443,
            hostAddress: "0.0.0.0",
            ports: [{ name: "api", host: 7443, guest: 6443 }],
            nodes: ["1", "2"].map((number) => ({
                name: `nta-noted-${number}`,
                userData: "",
                metaData: "",
                networkConfig: "",
            })),
        };
        const found = await clusters();
        assert.deepEqual(
            found.map(({ created, ...summary }) => ({ ...summary, dated: created !== undefined })),
            [
                {
                    clusterName: "nta-found",
                    provider: "docker",
                    nodes: { "nta-found-1": "running", "nta-found-2": "running" },
                    addresses: ["5000 127.0.0.1:5001", "6443 127.0.0.1:6444"],
                    dated: false,
                },
                {
                    clusterName: "nta-noted",
                    provider: "docker",
                    nodes: { "nta-noted-1": "exited", "nta-noted-2": "gone" },
                    addresses: ["api 127.0.0.1:7443"],
                    dated: true,
                },
            ],
        );
    });
});
