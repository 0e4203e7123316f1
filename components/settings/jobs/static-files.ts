import { z } from "zod";

import { entryInteger, entryName, entryObject, entryText, field } from "../entries";
import { exposureFields } from "./exposure";
import { placementFields, replicasField, resourcesField } from "./fields";
import { portField } from "./service";

/** A folder of this machine, served over HTTP. */
export const staticFiles = entryObject({
    kind: z.literal("static-files"),
    name: entryName(),
    folder: field(entryText(), {
        description:
            "The folder that is published, from the project's folder or absolute; without files that begin with a dot.",
        expected: "the path of a folder",
        example: "docs",
    }),
    replicas: replicasField(),
    keepVersions: field(entryInteger(0, 20).default(3), {
        description: "How many earlier versions stay reachable, for whoever has a page of theirs open.",
        expected: "a whole number from 0 to 20",
        example: "3",
    }),
    port: portField("The port at which clients call it.", "80", 80),
    resources: resourcesField("50m", "64Mi"),
    ...placementFields(),
    ...exposureFields(),
});
