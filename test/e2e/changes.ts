import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { Pod } from "./kubernetes-objects";
import { docker, listed, StackUnderTest } from "./stack-under-test";

/** `pulumi up` and `preview` of a stack that is up: with nothing changed, and with one line. */
export function changes(stack: StackUnderTest): void {
    /** Ids of the images that were built for this stack's registry. */
    const ownImages = () =>
        listed(
            docker("images", "-q", "--no-trunc", "--filter", `reference=localhost:${stack.ports.registry}/*`),
        ).sort();

    describe("run again", () => {
        it("changes nothing: no build, no push, no change of the machine", async () => {
            const before = {
                images: ownImages(),
                started: docker("inspect", "-f", "{{.State.StartedAt}}", stack.node),
            };
            const began = Math.floor(Date.now() / 1000);
            const result = await stack.upChangesNothing("pulumi up, nothing changed");
            assert.doesNotMatch(result.stdout, /\b(created|updated|replaced|deleted)\b/);
            const events = listed(
                docker(
                    "events",
                    "--since",
                    String(began),
                    "--until",
                    String(Math.ceil(Date.now() / 1000)),
                    "--format",
                    "{{.Type}} {{.Action}} {{.Actor.Attributes.name}}",
                ),
            );
            const changes = events.filter(
                (event) => /^(image|volume|network) |^container (?!exec)/.test(event) && event.includes(stack.cluster),
            );
            assert.deepEqual(changes, []);
            assert.deepEqual(
                {
                    images: ownImages(),
                    started: docker("inspect", "-f", "{{.State.StartedAt}}", stack.node),
                },
                before,
            );
        });

        it("previews nothing", async () => {
            stack.succeeded(
                "pulumi preview, nothing changed",
                await stack.shell("pulumi preview --diff --expect-no-changes", { timeout: 120 }),
            );
        });
    });

    describe("one changed line in the server's source", () => {
        it("rebuilds one image, and rolls only the pods that use it", async () => {
            const podsBefore = new Map(
                (await stack.objects<Pod>("pods -n taurus")).map((pod) => [pod.metadata.name, pod.metadata.uid]),
            );
            const imagesBefore = JSON.parse(await stack.output("pulumi stack output images --json")) as Record<
                string,
                string
            >;
            // Only the image `taurus` holds this file.
            fs.appendFileSync(path.join(stack.sourceFolder, "taurus_engine/setup.py"), "\n# One more line.\n");
            const result = stack.succeeded("up with one changed line", await stack.up("changed"));
            assert.equal(result.code, 0);
            const imagesAfter = JSON.parse(await stack.output("pulumi stack output images --json")) as Record<
                string,
                string
            >;
            const changed = Object.keys(imagesAfter).filter((name) => imagesAfter[name] !== imagesBefore[name]);
            assert.deepEqual(changed, ["taurus"]);
            for (const pod of await stack.objects<Pod>("pods -n taurus")) {
                if (/^(mysql|rabbit|dynamodb)-/.test(pod.metadata.name)) {
                    assert.equal(
                        pod.metadata.uid,
                        podsBefore.get(pod.metadata.name),
                        `${pod.metadata.name} was replaced`,
                    );
                } else if (pod.metadata.name.startsWith("taurus-server")) {
                    assert.ok(!podsBefore.has(pod.metadata.name), `${pod.metadata.name} still runs the old image`);
                    assert.ok(pod.spec.containers[0].image === imagesAfter.taurus);
                }
            }
        });
    });
}
