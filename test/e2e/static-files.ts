import assert from "node:assert/strict";

import { get } from "./http-client";
import { isReady, Pod } from "./kubernetes-objects";
import { NodeRelay } from "./node-relay";
import { open, siteFiles } from "./published-site";
import type { StackUnderTest } from "./stack-under-test";
import { eventually } from "./taurus-client";

/** The pods that serve the site. */
export const sitePods = (stack: StackUnderTest) => stack.objects<Pod>("pods -n taurus -l app.kubernetes.io/name=site");

/** A published folder that has had two releases. */
export function staticFiles(stack: StackUnderTest): void {
    describe("a published folder", () => {
        const files = siteFiles(2);
        let relay: NodeRelay | undefined;
        let link: string;

        before(async () => {
            relay = await NodeRelay.open(stack, "site");
            link = relay.url;
        });
        after(() => relay?.close());

        it("is the same at each of its pods", async () => {
            const pods = await sitePods(stack);
            assert.equal(pods.length, 2);
            for (const { metadata } of pods) {
                const proxy = `/api/v1/namespaces/taurus/pods/${metadata.name}:8080/proxy`;
                for (const name of ["style.css", "numbers.json"]) {
                    assert.equal(await stack.output(`kubectl get --raw ${proxy}/${name}`), files[name].trim(), name);
                }
            }
        });

        it("still has the release before, for those who have a page of it open", async () => {
            const { url } = await open(link);
            const versions = (await stack.output("kubectl -n taurus exec svc/site -- ls /srv/versions")).split("\n");
            const present = url.pathname.split("/")[1];
            const [earlier, ...others] = versions.filter((name) => name !== present);
            assert.ok(versions.includes(present) && others.length === 0, versions.join(" "));
            const { status, body, headers } = await get(`${link}/${earlier}/style.css`);
            assert.deepEqual([status, body.toString()], [200, siteFiles(1)["style.css"]]);
            assert.equal(headers["cache-control"], "public, max-age=31536000, immutable");
        });

        it("has right types, ranges and conditions", async () => {
            for (const [name, type] of Object.entries({
                "style.css": "text/css; charset=utf-8",
                "scripts/app.mjs": "text/javascript; charset=utf-8",
                "numbers.json": "application/json; charset=utf-8",
                "notes.md": "text/markdown; charset=utf-8",
            })) {
                const { status, headers, body } = await get(`${link}/${name}`);
                assert.deepEqual([status, headers["content-type"], body.toString()], [200, type, files[name]]);
            }
            const whole = await get(`${link}/style.css`);
            const part = await get(`${link}/style.css`, { range: "bytes=3-9" });
            assert.deepEqual(
                [part.status, part.headers["content-range"], part.body.toString()],
                [206, `bytes 3-9/${whole.body.length}`, "release"],
            );
            const { etag } = whole.headers;
            assert.ok(etag !== undefined);
            assert.equal((await get(`${link}/style.css`, { "if-none-match": etag })).status, 304);
            assert.equal(whole.headers["cache-control"], "no-cache");
        });

        it("has no files that begin with a dot, and serves none", async () => {
            for (const name of [".password", ".git/config"]) {
                assert.equal((await get(`${link}/${name}`)).status, 404, name);
            }
            const find = "find /srv/versions -mindepth 1 -name '.*'";
            assert.equal(await stack.output(`kubectl -n taurus exec svc/site -- ${find}`), "");
        });

        it("is as it was when all its pods have been killed", async () => {
            const before = (await sitePods(stack)).map(({ metadata }) => metadata.uid);
            const began = Date.now();
            await stack.output("kubectl -n taurus delete pods -l app.kubernetes.io/name=site --force --grace-period=0");
            await eventually("the site answers from other pods, which are Ready", 60, async () => {
                const pods = (await sitePods(stack)).filter(({ metadata }) => !before.includes(metadata.uid));
                const ready = pods.length === 2 && pods.every(isReady);
                return ready && (await get(`${link}/style.css`)).status === 200 ? true : undefined;
            });
            stack.figures.push(
                `site: other pods Ready ${((Date.now() - began) / 1000).toFixed(1)} s after all were killed`,
            );
            for (const name of ["style.css", "numbers.json"]) {
                assert.equal((await get(`${link}/${name}`)).body.toString(), files[name]);
            }
        });
    });
}
