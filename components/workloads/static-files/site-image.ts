import * as fs from "node:fs";
import * as path from "node:path";

import { layOutContext } from "../../images/build-context";
import type { Publication } from "./versions";

const dockerfile = `# Made by components/workloads/static-files: the versions of a site, on the image static-files.
ARG BASE
FROM \${BASE}
COPY current.conf /srv/current.conf
COPY versions/ /srv/versions/
`;

/** Lays out the build context of a site's image. */
export function layOutSite(context: string, { version, folders }: Publication): void {
    const versions = Object.fromEntries(Object.entries(folders).map(([name, folder]) => [`@${name}`, folder]));
    layOutContext(path.join(context, "versions"), versions, () => false);
    fs.chmodSync(context, 0o755);
    for (const [name, text] of Object.entries({
        Dockerfile: dockerfile,
        "current.conf": `map "" $current {\n    default ${version};\n}\n`,
    })) {
        fs.writeFileSync(path.join(context, name), text);
        fs.chmodSync(path.join(context, name), 0o644);
    }
}
