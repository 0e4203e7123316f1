import { addresses } from "./addresses";
import { changes } from "./changes";
import { ciBuild } from "./ci-build";
import { cluster } from "./cluster";
import { destroy } from "./destroy";
import { existingCluster } from "./existing-cluster";
import { killed } from "./killed";
import { lifeCycle } from "./life-cycle";
import { loss } from "./loss";
import { operations } from "./operations";
import { registryChange } from "./registry-change";
import { StackUnderTest, upTimeout } from "./stack-under-test";
import { taurus } from "./taurus";
import { users } from "./users";
import { workloads } from "./workloads";

const stack = new StackUnderTest(process.env.NTA_E2E_SOURCE);

describe("first light: from a fresh clone to a scored metric, and back", function () {
    this.timeout(upTimeout * 1000);
    // Each step stands on the ones before it.
    this.bail(true);

    before(() => stack.prepare());

    after(async function () {
        this.timeout(300_000);
        await stack.cleanUp();
        console.log(["", "Figures:", ...stack.figures].join("\n      "));
    });

    killed(stack);
    cluster(stack);
    taurus(stack);
    changes(stack);
    users(stack);
    addresses(stack);
    workloads(stack);
    ciBuild(stack);
    existingCluster(stack);
    operations(stack);
    lifeCycle(stack);
    loss(stack);
    registryChange(stack);
    destroy(stack);
});
