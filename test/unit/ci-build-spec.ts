import type { Commit } from "../../components/workloads/ci-build/git";
import type { CiBuildSpec } from "../../components/workloads/ci-build/job";

export const commit: Commit = {
    folder: "/home/ada/app",
    id: "0123456789abcdef0123456789abcdef01234567",
    tree: "7ee0",
    time: 1_700_000_000,
    subject: "Add a test",
};

export const spec: CiBuildSpec = {
    workloadName: "app",
    namespace: "taurus",
    commit,
    tests: {
        image: "localhost:5000/htmengine@sha256:1",
        command: ["python", "-m", "pytest"],
        env: { MODE: "full" },
        resources: { cpu: "250m", memory: "512Mi" },
    },
    dockerfile: "Dockerfile",
    buildArgs: { BASE: "htmengine" },
    resources: { cpu: "500m", memory: "1Gi" },
    deadline: 600,
    registry: { address: "localhost:5000", node: { name: "nta-dev-1", port: 5000 } },
};

/** The image that has the commit's files. */
export const image = "localhost:5000/ci-build.app@sha256:2";
