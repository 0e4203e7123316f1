import * as assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ProgramSet } from "../../node-image/program-set";
import { downloadSet } from "../../node-image/programs";

const folder = join(__dirname, "..", "..", "node-image");
const sha256 = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");

describe("node image: programs downloaded", () => {
    let server: Server;
    let origin: string;
    let work: string;
    const served = new Map<string, Buffer | string>();

    before(async () => {
        work = mkdtempSync(join(tmpdir(), "nta-node-image-"));
        server = createServer((request, response) => {
            const content = served.get(request.url ?? "");
            response.writeHead(content === undefined ? 404 : 200).end(content);
        });
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
        mkdirSync(join(work, "tree", "tool-v1"), { recursive: true });
        writeFileSync(join(work, "tree", "tool-v1", "tool"), "the tool");
        const archive = execFileSync("tar", ["-czf", "-", "-C", join(work, "tree"), "tool-v1"]);
        served.set("/plain", "a program");
        served.set("/plain.sha256", sha256("a program"));
        served.set("/tool.tar.gz", archive);
        served.set("/SUMS", `${sha256("x")}  else.tar.gz\n${sha256(archive)}  tool.tar.gz\n`);
        served.set("/wrong", `${sha256("x")}  plain\n`);
    });
    after(async () => {
        rmSync(work, { recursive: true });
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
    });

    const set = (releases: ProgramSet["releases"]): ProgramSet => ({
        name: "test",
        title: "test 1",
        module: join(folder, "modules", "pause"),
        packages: {},
        variables: {},
        releases,
    });

    it("lie in the folder, executable, and nothing else does", async () => {
        const into = mkdtempSync(join(work, "into-"));
        await downloadSet(
            set({
                plain: { url: `${origin}/plain`, checksums: `${origin}/plain.sha256` },
                tool: { url: `${origin}/tool.tar.gz`, checksums: `${origin}/SUMS`, member: "tool-v1/tool" },
            }),
            into,
            () => {},
        );
        assert.deepEqual(
            execFileSync("find", [into, "-type", "f", "-printf", "%P %m\n"], { encoding: "utf8" })
                .trim()
                .split("\n")
                .sort(),
            ["plain 755", "tool 755"],
        );
        assert.equal(readFileSync(join(into, "tool"), "utf8"), "the tool");
    });

    it("are refused when they are not what the publisher says", async () => {
        const into = mkdtempSync(join(work, "into-"));
        await assert.rejects(
            downloadSet(set({ plain: { url: `${origin}/plain`, checksums: `${origin}/wrong` } }), into, () => {}),
            new RegExp(`${origin}/plain: the checksum is ${sha256("a program")} where ${sha256("x")} was expected`),
        );
    });

    it("are refused when the publisher's list does not have them", async () => {
        const into = mkdtempSync(join(work, "into-"));
        await assert.rejects(
            downloadSet(set({ plain: { url: `${origin}/plain`, checksums: `${origin}/SUMS` } }), into, () => {}),
            new RegExp(`${origin}/SUMS has no SHA-256 of plain`),
        );
    });
});
