import * as assert from "node:assert/strict";

import { exportedName, imagesOf } from "../../operations/image/applications";

describe("operations: images as a file", () => {
    it("are an application's with its services, or one by name", () => {
        assert.deepEqual(imagesOf("taurus"), ["taurus", "mysql", "rabbitmq", "taurus-dynamodb"]);
        assert.deepEqual(imagesOf("htmengine"), ["htmengine"]);
        assert.throws(() => imagesOf("tauru"), /no image "tauru"\. Perhaps taurus\?/);
        assert.throws(() => imagesOf("windows"), /There are: nta\.utils, htmengine,/);
    });

    it("have names that tell versions apart", () => {
        const digest = "0123456789ab".padEnd(64, "c");
        assert.equal(exportedName("mysql", `localhost:5000/mysql@sha256:${digest}`), "nta/mysql:0123456789ab");
        assert.throws(() => exportedName("mysql", "localhost:5000/mysql:latest"), /has no digest: run `npm run up`/);
    });
});
