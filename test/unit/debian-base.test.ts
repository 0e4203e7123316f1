/** Debian's base of the images, got by a stand-in for `docker`. */
import * as assert from "node:assert/strict";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

import { ensureDebianBase } from "../../images/base/debian-base";
import { setVariables } from "../environment";

/** Has the image once it has been pulled and tagged, which takes a moment. */
const standIn = `#!/bin/sh
cd "$(dirname "$0")"
echo "$*" >>calls
case "$*" in
    'image inspect '*) [ -e tagged ] ;;
    pull*) sleep 0.3 ;;
    tag*) touch tagged ;;
esac
`;

describe("Debian's base", () => {
    let folder: string;
    let restore: () => void;

    beforeEach(() => {
        folder = fs.mkdtempSync(path.join(os.tmpdir(), "nta-debian-base-"));
        fs.writeFileSync(path.join(folder, "docker"), standIn, { mode: 0o755 });
        restore = setVariables({ PATH: `${folder}:${process.env.PATH}`, NTA_CACHE: path.join(folder, "cache") });
    });
    afterEach(() => {
        restore();
        fs.rmSync(folder, { recursive: true });
    });

    it("is made once when two want it at the same time, of which the second is told whom it waits for", async () => {
        const said: string[] = [];
        const ensure = () =>
            ensureDebianBase({
                suite: "bookworm",
                image: "debian:bookworm",
                tag: "nta-debian-base:test-amd64",
                architecture: "amd64",
                progress: (line) => said.push(line),
            });
        await Promise.all([ensure(), ensure()]);
        const calls = fs.readFileSync(path.join(folder, "calls"), "utf8").split("\n");
        assert.equal(calls.filter((call) => call.startsWith("pull ")).length, 1, calls.join("\n"));
        assert.match(
            said.join("\n"),
            new RegExp(`waiting for process ${process.pid}, which is making nta-debian-base:`),
        );
        assert.deepEqual(fs.readdirSync(path.join(folder, "cache", "locks")), []);
    });
});
