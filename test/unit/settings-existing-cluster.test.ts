import * as assert from "node:assert/strict";

import { parseSettings, SecretText } from "../../components/settings";
import { configuration, context, onExisting, refusal } from "./settings-configuration";

describe("settings: an existing cluster", () => {
    const parsed = (given: Record<string, string>, secretKeys: string[] = []) =>
        parseSettings({ ...configuration(), ...given }, secretKeys, { ...context, hostMemory: 1024 });

    it("takes a context or a kubeconfig, and asks nothing of this machine", () => {
        assert.equal(parsed(onExisting).kubeContext, "lab");
        const { kubeconfig } = parsed({ ...onExisting, "nta:kubeContext": "", "nta:kubeconfig": "~/.kube/lab" });
        assert.deepEqual(kubeconfig, { path: "~/.kube/lab" });
    });

    it("takes a kubeconfig's contents as a secret that is not shown", () => {
        const text = "kind: Config\nusers: [t0ken]";
        const { kubeconfig } = parsed({ ...onExisting, "nta:kubeconfig": text }, ["nta:kubeconfig"]);
        assert.ok(kubeconfig instanceof SecretText);
        assert.equal(kubeconfig.reveal(), text);
        const error = refusal({ ...configuration(), ...onExisting, "nta:kubeconfig": text });
        assert.doesNotMatch(error.message, /t0ken/);
    });
});
