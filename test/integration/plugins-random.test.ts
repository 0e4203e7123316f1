/** The stand-in random plugin under Pulumi's real engine. */
import * as assert from "node:assert/strict";

import { compareSync } from "bcryptjs";

import { Engine } from "./plugins-engine";

describe("random plugin and engine", function () {
    this.timeout(180_000);
    let engine: Engine;

    before(async () => {
        engine = await Engine.create(["random"]);
    });
    after(() => engine.close());

    it("makes values once, keeps passwords secret, and makes new ones when a keeper changes", async () => {
        const project = await engine.project(
            "values",
            `const random = require("@pulumi/random");
            const keepers = { generation: process.env.GENERATION };
            const password = new random.RandomPassword("password", {
                length: 24, special: true, overrideSpecial: "_-", minSpecial: 2, minNumeric: 3, minUpper: 4, keepers,
            });
            const string = new random.RandomString("string", { length: 12, special: false, upper: false });
            const id = new random.RandomId("id", { byteLength: 5, prefix: "p-" });
            const bytes = new random.RandomBytes("bytes", { length: 16 });
            const uuid = new random.RandomUuid("uuid");
            const integer = new random.RandomInteger("integer", { min: 7, max: 9 });
            const shuffle = new random.RandomShuffle("shuffle", { inputs: ["a", "b", "c"], resultCount: 4 });
            module.exports = {
                password: password.result, hash: password.bcryptHash, numeric: password.numeric, string: string.result,
                dec: id.dec, hex: id.hex, b64Url: id.b64Url, bytes: bytes.base64, bytesHex: bytes.hex,
                uuid: uuid.result, integer: integer.result, shuffle: shuffle.results,
            };`,
        );
        const preview = await project.preview({ GENERATION: "1" });
        assert.equal(preview.changes.create, 8);

        const result = await project.up({ GENERATION: "1" });
        const values = (await project.outputs()) as Record<string, string>;
        assert.match(values.password, /^[A-Za-z0-9_-]{24}$/);
        assert.ok((values.password.match(/[_-]/g) ?? []).length >= 2);
        assert.ok((values.password.match(/[0-9]/g) ?? []).length >= 3);
        assert.ok((values.password.match(/[A-Z]/g) ?? []).length >= 4);
        assert.ok(compareSync(values.password, values.hash));
        assert.equal(values.numeric, true);
        assert.match(values.string, /^[a-z0-9]{12}$/);
        assert.match(values.hex, /^p-[0-9a-f]{10}$/);
        assert.equal(values.dec, `p-${BigInt(`0x${values.hex.slice(2)}`)}`);
        assert.equal(Buffer.from(values.b64Url.slice(2), "base64url").toString("hex"), values.hex.slice(2));
        assert.equal(Buffer.from(values.bytes, "base64").toString("hex"), values.bytesHex);
        assert.match(values.uuid, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.ok([7, 8, 9].includes(Number(values.integer)));
        assert.equal(values.shuffle.length, 4);
        assert.deepEqual([...values.shuffle].slice(0, 3).sort(), ["a", "b", "c"]);

        for (const secret of [values.password, values.hash, values.bytes, values.bytesHex]) {
            assert.ok(!project.stateFile().includes(secret), "a secret lies in the state in plain text");
            assert.ok(!result.output.includes(secret), "a secret was shown");
        }

        const again = await project.up({ GENERATION: "1" });
        assert.deepEqual(again.changes, { same: 8 });
        assert.equal((await project.refresh()).changes.update, undefined);
        assert.deepEqual(await project.outputs(), values);

        const next = await project.up({ GENERATION: "2" });
        assert.equal(next.changes.replace, 1);
        const later = await project.outputs();
        assert.notEqual(later.password, values.password);
        assert.equal(later.string, values.string);

        await project.destroy();
    });

    it("names rules that can't be met, and what is not covered", async () => {
        const project = await engine.project("rules", "");
        const messages: [string, RegExp][] = [
            [
                `RandomPassword("a", { length: 3, minLower: 2, minUpper: 2 })`,
                /length \(3\) is less than minLower \+ minUpper \+ minNumeric \+ minSpecial \(4\)/,
            ],
            [
                `RandomString("b", { length: 3, lower: false, upper: false, numeric: false, special: false })`,
                /one of lower, upper, numeric and special must be true/,
            ],
            [`RandomInteger("c", { min: 3, max: 1 })`, /min \(3\) is greater than max \(1\)/],
            [`RandomShuffle("d", { inputs: ["a"], seed: "x" })`, /does not cover seeds/],
            [`RandomPet("e")`, /does not cover the resource type random:index\/randomPet:RandomPet/],
        ];
        for (const [resource, message] of messages) {
            project.write(`const random = require("@pulumi/random"); new random.${resource};`);
            assert.match(await project.failing("preview"), message);
        }
    });
});
