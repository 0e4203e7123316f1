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
    const parts = {
        Dockerfile: Buffer.from(dockerfile),
        "current.conf": Buffer.from(`map "" $current {\n    default ${version};\n}\n`),
        versions: Object.fromEntries(Object.entries(folders).map(([name, folder]) => [`@${name}`, folder])),
    };
    layOutContext(context, parts, () => false);
}
