import assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { Workspace } from "./workspace";

/** A user of the cluster gets rights by the setting `users`, and loses them with it. Needs a stack that is up. */
export function users(workspace: Workspace): void {
    describe("a user", () => {
        const kubeconfig = path.join(workspace.root, "ada.kubeconfig");
        const asAda = (args: string) => workspace.shell(`kubectl --kubeconfig ${kubeconfig} ${args}`, { timeout: 60 });

        async function upWithUsers(list: object[]): Promise<void> {
            workspace.set("users", list);
            await workspace.output("pulumi up --yes --skip-preview", { timeout: 180 });
        }

        it("looks at the namespace, under the user's own name, and at nothing secret", async () => {
            await upWithUsers([{ name: "ada" }]);
            const outputs = await workspace.output("pulumi stack output userKubeconfigs --show-secrets --json");
            fs.writeFileSync(kubeconfig, (JSON.parse(outputs) as { ada: string }).ada, { mode: 0o600 });
            assert.match((await asAda("auth whoami")).stdout, /^Username +ada$/m);
            assert.match((await asAda("get pods")).stdout, /^mysql-0 /m);
            for (const forbidden of ["get secrets", "delete pod mysql-0", "get pods -n kube-system", "get nodes"]) {
                const { code, stderr } = await asAda(forbidden);
                assert.equal(code, 1, forbidden);
                assert.match(stderr, /Forbidden/, forbidden);
            }
        });

        it("has no kubeconfig in plain text in the state", async () => {
            const key = /client-key-data: (\S+)/.exec(fs.readFileSync(kubeconfig, "utf8"))?.[1];
            assert.ok(key !== undefined && key.length > 100);
            assert.ok(!(await workspace.output("pulumi stack export")).includes(key));
        });

        it("has no rights any more once the entry is gone", async () => {
            await upWithUsers([]);
            const { code, stderr } = await asAda("get pods");
            assert.equal(code, 1);
            assert.match(stderr, /User "ada" cannot list/);
        });
    });
}
