import { askDigest } from "../plugins/docker/manifest-digest";
import { endpointOf, hostOf, type RegistryAccess } from "./access";
import { connectionProblem, type RegistryProblem } from "./check";

/** `registry/name@sha256:…` of each name, or what is wrong with the registry or with some of them. */
export type DigestReferences<Name extends string> = { references: Record<Name, string> } | { problem: RegistryProblem };

/** Looks up what stands in a registry under the tag `latest`, all names at once. */
export async function digestReferences<Name extends string>(
    access: RegistryAccess,
    names: readonly Name[],
): Promise<DigestReferences<Name>> {
    const endpoint = endpointOf(access);
    const image = (name: string) => `${access.address}/${name}`;
    try {
        const answers = await Promise.all(names.map((name) => askDigest(`${image(name)}:latest`, endpoint)));
        const missing = names.filter((_, index) => answers[index].digest === undefined);
        if (missing.length === 0) {
            const entries = names.map((name, index) => [name, `${image(name)}@${answers[index].digest}`] as const);
            return { references: Object.fromEntries(entries) as Record<Name, string> };
        }
        const statuses = [...new Set(missing.map((name) => answers[names.indexOf(name)].status))];
        const refused = statuses.every((status) => status === 401 || status === 403);
        const list = missing.map((name) => `${image(name)}:latest`).join(", ");
        return {
            problem: {
                wrong: refused
                    ? `${hostOf(access)} does not let this login read ${list}`
                    : `${hostOf(access)} does not have ${list} (it answers ${statuses.join(", ")})`,
                mend: refused
                    ? "ask for the right to read, or use another login: pulumi config set registryUsername <name>"
                    : "push what is missing, or build it here: " + `pulumi config set builtImages ${missing.join(",")}`,
            },
        };
    } catch (error) {
        return { problem: connectionProblem(access, error as NodeJS.ErrnoException) };
    }
}
