/** A cluster's network, made by a stand-in for `docker` that notes what it is asked. */
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { ensureNetwork } from "../../machine/docker-network";
import { setVariables } from "../environment";

/** Answers with another range for each network that is asked for, of which the first was taken meanwhile. */
const standIn = `#!/bin/sh
calls=$(dirname "$0")/calls
echo "$*" >>"$calls"
case "$*" in
    *'index .Labels'*) exit 1 ;;
    *'.IPAM.Config'*) echo "172.2$(grep -c '^network rm' "$calls").0.0/16" ;;
    *'--subnet 172.20.0.0/16'*)
        echo 'Error response from daemon: Pool overlaps with other one on this address space' >&2
        exit 1
        ;;
    *'--subnet 10.0.0.0/33'*)
        echo 'Error response from daemon: invalid CIDR address: 10.0.0.0/33' >&2
        exit 1
        ;;
esac
`;

describe("a cluster's network", () => {
    let restore: () => void;
    let folder: string;

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-network-"));
        fs.writeFileSync(path.join(folder, "docker"), standIn, { mode: 0o755 });
        restore = setVariables({ PATH: `${folder}:${process.env.PATH}` });
    });
    afterEach(() => {
        restore();
        fs.rmSync(folder, { recursive: true });
    });

    /** The ranges that networks were to be made in. */
    const asked = () =>
        [...fs.readFileSync(path.join(folder, "calls"), "utf8").matchAll(/--subnet (\S+) --ip-range (\S+)/g)].map(
            ([, subnet, first]) => `${subnet} ${first}`,
        );

    it("gets another range when that which Docker chose was taken by another network meanwhile", async () => {
        assert.equal(await ensureNetwork("nta-test", undefined), "172.21.0.0/16");
        assert.deepEqual(asked(), ["172.20.0.0/16 172.20.0.0/17", "172.21.0.0/16 172.21.0.0/17"]);
    });

    it("gets no other range than the wanted one", async () => {
        await assert.rejects(ensureNetwork("nta-test", "172.20.0.0/16"), /network create failed: .*Pool overlaps/);
        assert.deepEqual(asked(), ["172.20.0.0/16 172.20.0.0/17"]);
    });

    it("gives up when every range that Docker chooses is taken", async () => {
        const taken = standIn.replace("--subnet 172.20.0.0/16", "--subnet 172.");
        fs.writeFileSync(path.join(folder, "docker"), taken);
        await assert.rejects(ensureNetwork("nta-test", undefined), /network create failed: .*Pool overlaps/);
        assert.equal(asked().length, 10);
    });

    it("is asked for once where Docker refuses it for another reason", async () => {
        await assert.rejects(ensureNetwork("nta-test", "10.0.0.0/33"), /invalid CIDR address/);
        assert.equal(asked().length, 1);
    });
});
