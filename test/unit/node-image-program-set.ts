import * as assert from "node:assert/strict";
import { defaultKubernetes, versionsOf } from "../../node-image/kubernetes-versions";
import type { Architecture, ProgramSet } from "../../node-image/program-set";
import { programSets } from "../../node-image/programs";

/** The set of programs of that name. */
export function programSet(
    name: string,
    architecture: Architecture = "amd64",
    kubernetes = defaultKubernetes,
): ProgramSet {
    const set = programSets(architecture, versionsOf(kubernetes)).find((it) => it.name === name);
    assert.ok(set, name);
    return set;
}
