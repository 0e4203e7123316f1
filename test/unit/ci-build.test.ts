import * as assert from "node:assert/strict";
import * as path from "node:path";

import { CiBuild } from "../../components/workloads/ci-build/ci-build";
import { findCommit } from "../../components/workloads/ci-build/git";
import { runProgram } from "../../tools/preview-diff/mock-engine";
import { image, spec } from "./ci-build-spec";
import { found, GitCheckout } from "./git-checkout";
import { imageType, pushed } from "./pushed-image";

describe("ci builds: the component", function () {
    // The first test loads the SDKs.
    this.timeout(60_000);
    let checkout: GitCheckout;

    beforeEach(() => {
        checkout = new GitCheckout();
    });
    afterEach(() => checkout.remove());

    it("builds the commit's files on the builder, runs them, and tells the image", async () => {
        checkout.begin();
        const { commit: head } = found(findCommit(checkout.folder, "HEAD"));
        const contexts = path.join(checkout.root, "contexts");
        const run = () =>
            runProgram(
                () => {
                    const build = new CiBuild("app", {
                        ...spec,
                        commit: head,
                        builder: "localhost:5000/ci-build@sha256:3",
                        build: { registry: "localhost:5000", contexts },
                    });
                    return { result: build.result };
                },
                {
                    provide: (registration) =>
                        registration.type === imageType ? pushed(registration, image) : undefined,
                },
            );
        const { find, outputs } = await run();
        const { inputs } = find(imageType, "app-checkout");
        const context = path.join(contexts, "ci-build.app");
        assert.equal(inputs["imageName"], `localhost:5000/ci-build.app:${head.id.slice(0, 12)}`);
        assert.deepEqual(inputs["build"], {
            context,
            dockerfile: path.join(context, "Dockerfile"),
            platform: "linux/amd64",
            args: { BASE: "localhost:5000/ci-build@sha256:3" },
        });
        const job = find("kubernetes:batch/v1:Job", "app-job");
        assert.deepEqual([job.replaceOnChanges, job.deleteBeforeReplace], [["spec"], true]);
        assert.deepEqual(outputs["result"], {
            commit: head.id,
            image: "localhost:5000/app@[digest in the registry]",
        });
        assert.deepEqual((await run()).find("kubernetes:batch/v1:Job", "app-job").inputs, job.inputs);
    });
});
