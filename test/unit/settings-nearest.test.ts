import * as assert from "node:assert/strict";

import { nearest } from "../../components/settings/nearest";

describe("nearest", () => {
    it("finds a near name, letter case aside, and none where none is near", () => {
        const names = ["registry", "registryPort", "memory", "nodes"];
        assert.equal(nearest("registy", names), "registry");
        assert.equal(nearest("REGISTRYPORT", names), "registryPort");
        assert.equal(nearest("ndoes", names), "nodes");
        assert.equal(nearest("colour", names), undefined);
        assert.equal(nearest("", names), undefined);
    });
});
