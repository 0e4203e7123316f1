import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as path from "node:path";

import { boxMetadata, boxOvf, boxVagrantfile } from "../../node-image/box-files";

describe("boxes", () => {
    it("say whom they are for, and libvirt's how large its disk is", () => {
        assert.deepEqual(JSON.parse(boxMetadata("libvirt")), { provider: "libvirt", format: "qcow2", virtual_size: 4 });
        assert.deepEqual(JSON.parse(boxMetadata("virtualbox")), { provider: "virtualbox", architecture: "amd64" });
    });

    it("share no folder of this machine", () => {
        assert.match(boxVagrantfile(), /synced_folder ".", "\/vagrant", disabled: true/);
    });

    // The file was valid by DMTF's schema dsp8023_1.1.1.xsd when it was written; docs/virtual-machines.md tells how.
    it("have, for VirtualBox, the machine that was checked against the schema of OVF", () => {
        assert.equal(boxOvf(651_000_000), fs.readFileSync(path.join(__dirname, "boxes", "box.ovf"), "utf8"));
    });
});
