import { join } from "node:path";

import { ensureArtifact } from "./artifact";
import { command, findProgram } from "./command";
import { cacheDirectory, root } from "./directories";
import type { Report } from "./progress";
import { findGo } from "./pulumi-engine";
import { pinned } from "./pinned";
import { firstThatWorks, Unavailable } from "./sources";

const { version } = pinned.actionlint;

function findInstalled(): Promise<string | Unavailable> {
    return Promise.resolve(findProgram("actionlint") ?? new Unavailable("there is no actionlint on the path"));
}

async function buildFromModule(report: Report): Promise<string | Unavailable> {
    const go = await findGo();
    if (go instanceof Unavailable) {
        return go;
    }
    const folder = join(cacheDirectory(), "actionlint", version);
    await ensureArtifact(
        folder,
        async (into) => {
            report("building actionlint");
            const main = "github.com/rhysd/actionlint/cmd/actionlint";
            await command([go, "build", "-trimpath", "-o", join(into, "actionlint"), main], {
                cwd: join(root, "tools", "actionlint"),
                env: { ...process.env, CGO_ENABLED: "0", GOFLAGS: "-mod=readonly", GOWORK: "off" },
                onLine: report,
            });
        },
        report.note,
    );
    return join(folder, "actionlint");
}

/** The linter of GitHub workflows: the one on this machine, else built from its Go module and kept in the cache. */
export async function ensureActionlint(report: Report): Promise<string> {
    const sources = [
        { name: "on this machine", get: findInstalled },
        { name: "built from its Go module", get: buildFromModule },
    ];
    return (await firstThatWorks<string>(`actionlint ${version}`, sources, report)).result;
}
